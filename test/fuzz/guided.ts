// Drives one target by what its inputs reach: fresh inputs of the target's own generator, and changed ones of those that
// reached code nobody had reached before. Needs a program whose sources count (scripts/instrument.ts).
import fc from 'fast-check'
import type { Coverage } from './coverage.js'
import { writeInput } from './input-json.js'
import { mutation, randomFrom } from './mutation.js'
import { type Budget, type Finding, guarded, type Report, replayed, type Seed, seedOf } from './run.js'
import type { Prepared, Target } from './target.js'

/** What is remembered, newest last; the oldest go first. */
const maxCorpus = 2000
/** Fresh inputs at a time: asking the generator for one costs more. */
const fresh = 50

export async function runGuided(
  target: Target,
  seeds: readonly Seed[],
  coverage: Coverage,
  budget: Budget,
): Promise<Report> {
  const started = performance.now()
  const prepared = (await target.prepare()) as Prepared
  const guard = guarded(prepared)
  const findings: Finding[] = []
  const { time = Number.POSITIVE_INFINITY, executions: most = Number.POSITIVE_INFINITY } = budget
  const corpus: unknown[] = []
  const seen = new Set<string>()
  try {
    findings.push(...(await replayed(target, seeds, guard, budget)))
    const random = randomFrom(budget.seed)
    const start = performance.now()
    let batch = 0
    let waiting: unknown[] = []
    while (performance.now() - start < time && guard.executions() < most) {
      // A quarter is fresh: what the corpus never led to is not out of reach.
      const chosen = corpus.length > 0 && random(4) > 0
      if (!chosen && waiting.length === 0)
        waiting = fc.sample(prepared.input, { seed: seedOf(budget.seed, batch++), numRuns: fresh })
      const input = chosen
        ? mutation(corpus[newest(corpus.length, random)], corpus[random(corpus.length)], random)
        : waiting.pop()
      budget.begin?.(batch, guard.executions(), input)
      coverage.begin()
      const message = await guard.problem(input)
      if (coverage.news()) corpus.push(input)
      if (corpus.length > maxCorpus) corpus.shift()
      if (message === undefined || seen.has(message)) continue
      seen.add(message)
      if (findings.length < 20)
        findings.push({ target: target.name, message, input: writeInput(input), seed: budget.seed })
    }
  } finally {
    guard.close()
    await prepared.close?.()
  }
  return {
    target: target.name,
    executions: guard.executions(),
    milliseconds: performance.now() - started,
    findings,
    corpus: corpus.length,
    reached: coverage.reached(),
  }
}

/** What reached something last is where there is more: half the choices fall on the newest eighth. */
function newest(length: number, random: (bound: number) => number): number {
  const last = Math.max(1, length >> 3)
  return random(2) === 0 ? length - 1 - random(last) : random(length)
}
