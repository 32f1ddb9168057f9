// The conformance suite in a runtime without a test runner: run one test after the other, told as JSON.
import { gather } from './bare-vitest.js'
import { conformance } from './suite.js'

export interface Outcome {
  readonly name: string
  /** Absent when it passed. */
  readonly error?: string
}

export async function answer(): Promise<Response> {
  const outcomes: Outcome[] = []
  for (const { name, run } of gather(() => conformance('workerd'))) {
    try {
      await run()
      outcomes.push({ name })
    } catch (thrown) {
      outcomes.push({
        name,
        error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
      })
    }
  }
  return Response.json(outcomes)
}
