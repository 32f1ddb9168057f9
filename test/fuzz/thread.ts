// One target in a thread: `scripts/fuzz.ts` starts it, watches that it moves, and gets its report.
import { parentPort, workerData } from 'node:worker_threads'
import fc from 'fast-check'
import { coverageHere } from './coverage.js'
import { runGuided } from './guided.js'
import { readInput, writeInput } from './input-json.js'
import { type Report, runTarget, seedOf } from './run.js'
import { seedsOf } from './seeds.js'
import type { Prepared } from './target.js'
import { targets } from './targets/index.js'

export interface Task {
  readonly target: string
  /** Milliseconds. */
  readonly time: number
  readonly seed: number
  /** Batch and index of the execution under way, and a count that moves. */
  readonly place: SharedArrayBuffer
  /** JSON of one input to run instead. */
  readonly input?: string | undefined
  /**
   * Led by what inputs reach; the program has to be instrumented. A seed does not give such an input again, so the one under
   * way is written here: a length, then JSON.
   */
  readonly guided?: SharedArrayBuffer | undefined
  /** Only say which input that is; do not run it. */
  readonly sample?: { readonly batch: number; readonly index: number }
}

/** What a thread answers. */
export type Answer =
  | { readonly names: readonly string[] }
  | { readonly report: Report; readonly what: string }
  | { readonly input: string }

parentPort!.postMessage(await answer(workerData as Task | undefined))

async function answer(task: Task | null | undefined): Promise<Answer> {
  if (task === undefined || task === null) return { names: targets.map(({ name }) => name) }
  const target = targets.find(({ name }) => name === task.target)!
  if (task.sample !== undefined) {
    const { batch, index } = task.sample
    if (batch < 0) return { input: writeInput(readInput(seedsOf(target.name)[index]!.input)) }
    const prepared = (await target.prepare()) as Prepared
    const inputs = fc.sample(prepared.input, { seed: seedOf(task.seed, batch), numRuns: index + 1 })
    await prepared.close?.()
    return { input: writeInput(inputs[index]) }
  }
  const place = new Int32Array(task.place)
  const begin = (batch: number, index: number) => {
    place[0] = batch
    place[1] = index
    place[2]!++
  }
  const { input, time, seed } = task
  if (task.guided !== undefined) {
    const note = noteIn(task.guided)
    const report = await runGuided(target, seedsOf(target.name), coverageHere()!, {
      time,
      seed,
      begin(batch, index, input) {
        note(input)
        begin(batch, index)
      },
    })
    return { report, what: target.what }
  }
  const report =
    input === undefined
      ? await runTarget(target, seedsOf(target.name), { time, seed, begin })
      : await runTarget(target, [{ why: 'given', input: JSON.parse(input) }], { executions: 0, seed, begin })
  return { report, what: target.what }
}

function noteIn(shared: SharedArrayBuffer): (input: unknown) => void {
  const length = new Uint32Array(shared, 0, 1)
  const bytes = new Uint8Array(shared, 4)
  return (input) => {
    const json = Buffer.from(writeInput(input))
    length[0] = Math.min(json.length, bytes.length)
    bytes.set(json.subarray(0, length[0]))
  }
}
