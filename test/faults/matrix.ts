// The fault matrix in memory: every shape of tunnel, every way to break its path, at every byte of the exchange in both
// directions (or at every so many), and what a stalled reader or writer does to it. After each batch nothing may be left: no
// timer, no handle, no object that cannot be collected, no memory.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createFaultStage, type Fault, type Plant, type Shape, type Stage, shapes } from './tunnel.js'

export interface Matrix {
  readonly cases: number
  /** By kind of fault. */
  readonly byKind: Readonly<Record<string, number>>
  /** How the tunnels ended: `whole`, or the code. */
  readonly ends: Readonly<Record<string, number>>
  readonly violations: readonly Violation[]
  /** Bytes of heap after the first batch and after the last. */
  readonly heap: { readonly first: number; readonly last: number }
  /** Objects of cases that were over and could not be collected, out of all. */
  readonly kept: number
  readonly watched: number
  readonly milliseconds: number
}

export interface Violation {
  readonly shape: Shape
  readonly fault: Fault
  readonly what: string
}

export interface MatrixOptions {
  /** A fault at every so many bytes; 1 is all of them. */
  readonly stride: number
  /** The same for `silence` and `stall`, whose every case takes until somebody loses patience. */
  readonly silenceStride?: number
  /** Where the first of them is: other bytes each time. */
  readonly offset?: number
  readonly shapes?: readonly Shape[]
  readonly progress?: (done: number, of: number) => void
  /** A bug to be found. */
  readonly plant?: Plant
  /** Milliseconds until what hangs is given up, and until what is left counts as left. */
  readonly patience?: number
  /** Only these kinds of faults. */
  readonly kinds?: readonly Fault['kind'][]
}

interface Case {
  readonly shape: Shape
  readonly fault: Fault
}

export async function runMatrix(options: MatrixOptions): Promise<Matrix> {
  const started = performance.now()
  const { plant = {}, patience } = options
  const stage = await createFaultStage({ plant, ...(patience !== undefined && { patience }) })
  const cases = (await casesOf(stage, options)).filter(
    ({ fault }) => options.kinds?.includes(fault.kind) ?? true,
  )
  const tally = { cases: 0, byKind: {} as Record<string, number>, ends: {} as Record<string, number> }
  const violations: Violation[] = []
  const registry = collection(stage)
  // What is loaded, cached and compiled once is no leak.
  const baseline = await afterwards()
  let first = 0
  for (const batch of batches(cases)) {
    await Promise.all(
      batch.map(async ({ shape, fault }) => {
        const { end, violation } = await stage.run(shape, fault)
        tally.cases++
        tally.byKind[fault.kind] = (tally.byKind[fault.kind] ?? 0) + 1
        tally.ends[end] = (tally.ends[end] ?? 0) + 1
        if (violation !== undefined) violations.push({ shape, fault, what: violation })
      }),
    )
    const left = await leftovers(baseline, patience)
    if (left !== undefined)
      violations.push({ ...batch[0]!, what: `left after a batch of ${batch.length}: ${left}` })
    if (first === 0) first = heap()
    options.progress?.(tally.cases, cases.length)
  }
  const kept = await registry.kept()
  const last = heap()
  if (kept > 0)
    violations.push({ ...cases[0]!, what: `${kept} of ${registry.watched()} objects cannot be collected` })
  if (last - first > 24 << 20)
    violations.push({ ...cases[0]!, what: `the heap grew by ${(last - first) >> 20} MiB` })
  return {
    ...tally,
    violations,
    heap: { first, last },
    kept,
    watched: registry.watched(),
    milliseconds: Math.round(performance.now() - started),
  }
}

async function casesOf(stage: Stage, options: MatrixOptions): Promise<Case[]> {
  const { stride, silenceStride = stride, offset = 0 } = options
  const cases: Case[] = []
  for (const shape of options.shapes ?? shapes) {
    const whole = { kind: 'none', direction: 'up', at: 0 } as const
    // The exchange undisturbed says how many bytes there are to break at.
    const lengths = await stage.run(shape, whole)
    // No fault is weather too: bytes alone, late, and in a path that holds almost nothing.
    for (const weather of [{}, { chop: 1 }, { chop: 7, latency: 1 }, { latency: 3 }, { capacity: 1 }])
      cases.push({ shape, fault: { ...whole, ...weather } })
    for (const direction of ['up', 'down'] as const)
      for (const kind of ['fin', 'rst', 'silence', 'stall'] as const) {
        // What comes down no further is silence.
        if (kind === 'stall' && direction === 'down') continue
        const step = waits(kind) ? silenceStride : stride
        for (let at = offset % step; at <= lengths[direction]; at += step)
          cases.push({ shape, fault: { kind, direction, at, ...(at % 5 === 0 && { chop: 1 + (at % 97) }) } })
      }
  }
  return cases
}

/** Where somebody has to lose patience. */
function waits(kind: Fault['kind']): boolean {
  return kind === 'silence' || kind === 'stall'
}

/** As many at once as do not disturb each other: those that wait do nothing else. */
function* batches(cases: readonly Case[]): Generator<readonly Case[]> {
  const waiting = cases.filter(({ fault }) => waits(fault.kind))
  const busy = cases.filter(({ fault }) => !waits(fault.kind))
  for (const [list, size] of [
    [busy, 64],
    [waiting, 64],
  ] as const)
    for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size)
}

/** What keeps this process alive, by kind. */
function resources(): Map<string, number> {
  const found = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) found.set(kind, (found.get(kind) ?? 0) + 1)
  return found
}

async function afterwards(): Promise<Map<string, number>> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
  return resources()
}

async function leftovers(
  baseline: ReadonlyMap<string, number>,
  patience = 10_000,
): Promise<string | undefined> {
  let left: string[] = []
  // A linger may still be under way: what is left has to go by itself, and soon.
  for (const deadline = performance.now() + patience; performance.now() < deadline; ) {
    const now = await afterwards()
    left = [...now]
      .filter(([kind, count]) => isOurs(kind) && count > (baseline.get(kind) ?? 0))
      .map(([kind, count]) => `${count} ${kind}`)
    if (left.length === 0) return undefined
    await new Promise((resolve) => setTimeout(resolve, 20).unref())
  }
  return left.join(', ')
}

/** Not the test runner's own. */
function isOurs(kind: string): boolean {
  return /Timeout|TCP|TLS|Socket|Immediate/.test(kind)
}

function collection(stage: Stage): { kept(): Promise<number>; watched(): number } {
  const alive = new Set<WeakRef<object>>()
  let watched = 0
  stage.watch = (object) => {
    watched++
    alive.add(new WeakRef(object))
  }
  return {
    watched: () => watched,
    async kept() {
      for (let i = 0; i < 20; i++) {
        collectGarbage()
        await new Promise((resolve) => setTimeout(resolve, 10))
        for (const each of alive) if (each.deref() === undefined) alive.delete(each)
        if (alive.size === 0) return 0
      }
      return alive.size
    },
  }
}

function heap(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

let collector: (() => void) | undefined

function collectGarbage(): void {
  if (collector === undefined) {
    setFlagsFromString('--expose-gc')
    collector = runInNewContext('gc') as () => void
  }
  collector()
}
