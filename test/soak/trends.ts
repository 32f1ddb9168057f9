// Whether a process grew: slopes of its heap and descriptors while nothing but churn happened, and what is left of both
// when the last tunnel has ended; each with the limit it is held to.
import type { Weight } from './processes.js'
import { slope } from './slope.js'

export interface Growth {
  readonly mean: number
  readonly perMinute: number
  /** Two standard errors of the slope. */
  readonly plusMinus: number
  /** The slope above which the run fails; undefined where the quiet part was too short to judge by. */
  readonly limit: number | undefined
  /** Before the first tunnel and after the last, and what may be left over. */
  readonly before: number
  readonly after: number
  readonly mayKeep: number
}

export interface Trend {
  readonly samples: number
  readonly minutes: number
  /** Bytes in use after a collection. */
  readonly heap: Growth
  readonly descriptors: Growth
  /** Bytes outside the heap: buffers. Told, not judged: they are in the hands of what is on its way just then. */
  readonly external: Omit<Growth, 'limit' | 'mayKeep'>
}

export interface Weighed {
  /** Milliseconds. */
  readonly at: number
  readonly weight: Weight
}

/** In less, tunnels that age and fill up again look like growth; then what is left at the end alone is judged. */
const leastMinutes = 3
const mebibyte = 1024 * 1024

export function trend(samples: readonly Weighed[], before: Weight, after: Weight, tunnels: number): Trend {
  const minutes = ((samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)) / 60_000
  const measure = (pick: (weight: Weight) => number) => {
    const values = samples.map(({ at, weight }) => ({ at, value: pick(weight) }))
    const { perMinute, plusMinus } = slope(values)
    const mean = values.reduce((sum, { value }) => sum + value, 0) / Math.max(1, values.length)
    return {
      mean: rounded(mean),
      perMinute: rounded(perMinute),
      plusMinus: rounded(plusMinus),
      before: pick(before),
      after: pick(after),
    }
  }
  const judged = (pick: (weight: Weight) => number, allowed: (mean: number) => number, mayKeep: number) => {
    const measured = measure(pick)
    const limit = minutes < leastMinutes ? undefined : rounded(allowed(measured.mean) / minutes)
    return { ...measured, limit, mayKeep }
  }
  return {
    samples: samples.length,
    minutes: rounded(minutes),
    heap: judged(
      ({ heap }) => heap,
      (mean) => Math.max(4 * mebibyte, 0.1 * mean),
      8 * mebibyte,
    ),
    descriptors: judged(
      ({ descriptors }) => descriptors,
      () => Math.max(20, 0.03 * tunnels),
      8,
    ),
    external: measure(({ external }) => external),
  }
}

/** What speaks against it. */
export function complaints(name: string, { heap, descriptors }: Trend): string[] {
  return [complaint(`heap of ${name}`, heap), complaint(`descriptors of ${name}`, descriptors)].flat()
}

function complaint(what: string, { perMinute, limit, before, after, mayKeep }: Growth): string[] {
  return [
    ...(limit !== undefined && perMinute > limit ? [`${what}: ${perMinute} more a minute`] : []),
    ...(after - before > mayKeep ? [`${what}: ${after - before} more than before the first tunnel`] : []),
  ]
}

export function rounded(value: number): number {
  return Math.abs(value) >= 1_000 ? Math.round(value) : Math.round(value * 100) / 100
}
