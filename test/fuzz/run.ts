// Drives one target: committed seeds first, then inputs of a seeded generator until the time or the count is used up. An
// execution that throws, takes more than a second of processor time or grows the heap past its bound is a finding, shrunk
// to a minimal input that can be had again.
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { readInput, writeInput } from './input-json.js'
import { type Input, type Prepared, type Target, Violation } from './target.js'

export interface Seed {
  readonly why: string
  readonly input: unknown
}

export interface Budget {
  /** Milliseconds. */
  readonly time?: number
  /** Executions of the generator. */
  readonly executions?: number
  /** Start of the generator. */
  readonly seed: number
  /** Called about once a second, with the executions so far. */
  readonly progress?: (executions: number) => void
  /** Told before each execution: lets a watch-dog name the one that never ended. The input, where a seed would not give it again. */
  readonly begin?: (batch: number, index: number, input?: unknown) => void
}

export interface Finding {
  readonly target: string
  readonly message: string
  /** JSON: see input-json.ts. */
  readonly input: string
  readonly seed: number
}

export interface Report {
  readonly target: string
  readonly executions: number
  readonly milliseconds: number
  readonly findings: readonly Finding[]
  /** Of guided runs: inputs that reached something new, and counters of code that were reached. */
  readonly corpus?: number
  readonly reached?: { readonly counters: number; readonly of: number }
}

/** Inputs of one batch share a seed of fast-check. */
const batchSize = 100

/** The first batch has the seed given: a finding is had again by the seed it came with. */
export function seedOf(seed: number, batch: number): number {
  return (seed + Math.imul(batch, 0x9e3779b1)) | 0
}

/** Milliseconds of processor time for one execution. */
const second = 1000
/** Bytes by which one execution may grow the heap and what hangs on it. */
const maxGrowth = 64 << 20

export async function runTarget(target: Target, seeds: readonly Seed[], budget: Budget): Promise<Report> {
  const started = performance.now()
  const prepared = (await target.prepare()) as Prepared
  const guard = guarded(prepared)
  const findings: Finding[] = []
  const { time = Number.POSITIVE_INFINITY, executions: most = Number.POSITIVE_INFINITY } = budget
  try {
    findings.push(...(await replayed(target, seeds, guard, budget)))
    const start = performance.now()
    let told = start
    const seen = new Set<string>()
    for (let batch = 0; performance.now() - start < time && batch * batchSize < most; batch++) {
      const seed = seedOf(budget.seed, batch)
      let index = 0
      const details = await fc.check(
        fc.asyncProperty(prepared.input, async (input) => {
          if (performance.now() - start > time) return
          budget.begin?.(batch, index++)
          const message = await guard.problem(input)
          if (message !== undefined) throw new Violation(message)
        }),
        {
          seed,
          numRuns: Math.min(batchSize, most),
          ...(time < 1e9
            ? { interruptAfterTimeLimit: Math.max(1, time * 1.5 - (performance.now() - start)) }
            : {}),
        },
      )
      if (details.failed && details.counterexample !== null) {
        const message =
          details.errorInstance instanceof Error
            ? details.errorInstance.message
            : String(details.errorInstance)
        // The same fault again and again would fill the report.
        if (!seen.has(message) && findings.length < 20)
          findings.push({ target: target.name, message, input: writeInput(details.counterexample[0]), seed })
        seen.add(message)
      }
      if (performance.now() - told > 1000) {
        told = performance.now()
        budget.progress?.(guard.executions())
      }
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
  }
}

/** The committed seeds: inputs that once failed. */
export async function replayed(
  target: Target,
  seeds: readonly Seed[],
  guard: Guard,
  budget: Budget,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [i, { input, why }] of seeds.entries()) {
    const read = readInput(input)
    budget.begin?.(-1, i, read)
    const message = await guard.problem(read)
    if (message !== undefined)
      findings.push({
        target: target.name,
        message: `${message} (seed: ${why})`,
        input: writeInput(read),
        seed: -1,
      })
  }
  return findings
}

export interface Guard {
  /** What is wrong with an execution; undefined when nothing is. */
  problem(input: Input): Promise<string | undefined>
  executions(): number
  close(): void
}

/** Executions under watch. */
export function guarded(prepared: Prepared): Guard {
  let executions = 0
  let loose: unknown
  const onLoose = (reason: unknown) => {
    loose = reason ?? new Error('rejected with nothing')
  }
  process.on('unhandledRejection', onLoose)
  process.on('uncaughtException', onLoose)
  const problem = async (input: Input): Promise<string | undefined> => {
    executions++
    loose = undefined
    const heap = heapSize()
    const clock = performance.now()
    const cpu = process.cpuUsage()
    try {
      await prepared.execute(input)
    } catch (thrown) {
      return said(thrown)
    }
    if (loose !== undefined) return `nobody waited for: ${said(loose)}`
    const spent = process.cpuUsage(cpu).user / 1000
    // Both: other work of this process is not the input's, and a machine that is busy is not either.
    const { allowance = second } = prepared
    if (performance.now() - clock > allowance && spent > allowance)
      return `${Math.round(spent)} ms for one execution`
    let grown = heapSize() - heap
    if (grown > maxGrowth) {
      // Buffers of earlier executions count from when they are moved, not made: only what is alive is this one's.
      collect()
      grown = heapSize() - heap
    }
    if (grown > maxGrowth) return `${grown >> 20} MiB more after one execution`
    return undefined
  }
  return {
    problem,
    executions: () => executions,
    close() {
      process.off('unhandledRejection', onLoose)
      process.off('uncaughtException', onLoose)
    },
  }
}

function collect(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

function heapSize(): number {
  const { used_heap_size: used, external_memory: external } = getHeapStatistics()
  return used + external
}

function said(thrown: unknown): string {
  if (thrown instanceof Violation) return thrown.message
  if (!(thrown instanceof Error)) return `thrown: ${String(thrown)}`
  const place = /\n {4}at (.*)/.exec(thrown.stack ?? '')?.[1] ?? ''
  return `${thrown.name}: ${thrown.message.slice(0, 300)} at ${place.replace(/\(.*\/(?=[^/]+\))/, '(')}`
}
