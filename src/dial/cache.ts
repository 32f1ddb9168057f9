// What was found out about an origin, remembered: a verdict with its evidence, for a limited time, dropped as soon as a
// dial contradicts it. One flight at a time classifies; the others wait for its answer. No I/O, no timer: age is
// measured when asked, on the clock handed in.
import { defaultVerdictEntries, defaultVerdictTtl } from './defaults.js'

export type Verdict = 'direct' | 'upgrade'

/** A verdict and the sentences that led to it. */
export interface Finding {
  readonly verdict: Verdict
  readonly evidence: readonly string[]
}

/** Where verdicts are kept. Share one between dialers, or bring your own (per network, on disk). Keys are origins. */
export interface VerdictCache {
  get(origin: string): Finding | undefined
  set(origin: string, finding: Finding): void
  /** A dial contradicted what is remembered. */
  drop(origin: string): void
}

export interface VerdictCacheOptions {
  /** Milliseconds that a verdict holds. Default ten minutes. */
  readonly ttl?: number
  /** Origins remembered at most. Default 256. */
  readonly entries?: number
  /** Milliseconds, monotonic. */
  readonly clock: () => number
}

/** An in-memory cache; the least recently set origin leaves first when it is full. */
export function verdictCache(options: VerdictCacheOptions): VerdictCache {
  const ttl = options.ttl ?? defaultVerdictTtl
  const limit = options.entries ?? defaultVerdictEntries
  const kept = new Map<string, { finding: Finding; until: number }>()
  return {
    get(origin) {
      const entry = kept.get(origin)
      if (entry === undefined) return undefined
      if (options.clock() < entry.until) return entry.finding
      kept.delete(origin)
      return undefined
    },
    set(origin, finding) {
      kept.delete(origin)
      kept.set(origin, { finding, until: options.clock() + ttl })
      for (const oldest of kept.keys()) {
        if (kept.size <= limit) break
        kept.delete(oldest)
      }
    },
    drop(origin) {
      kept.delete(origin)
    },
  }
}

/** A caller's cache that fails only forgets, as a session store does: no dial hangs on it. */
export function forgiving(cache: VerdictCache): VerdictCache {
  const attempt = <T>(act: () => T): T | undefined => {
    try {
      return act()
    } catch {
      return undefined
    }
  }
  return {
    get: (origin) => attempt(() => cache.get(origin)),
    set: (origin, finding) => attempt(() => cache.set(origin, finding)),
    drop: (origin) => attempt(() => cache.drop(origin)),
  }
}

/** Lets one dial of an origin classify while the others wait. */
export interface SingleFlight {
  /**
   * For the first caller, a function to call when it has found something or failed. For the others a promise that
   * settles then and says nothing: they look into the cache, and are on their own if nothing is there.
   */
  join(origin: string): (() => void) | Promise<void>
}

export function singleFlight(): SingleFlight {
  const flights = new Map<string, Promise<void>>()
  return {
    join(origin) {
      const underWay = flights.get(origin)
      if (underWay !== undefined) return underWay
      let landed: () => void = () => {}
      const flight = new Promise<void>((resolve) => {
        landed = resolve
      })
      flights.set(origin, flight)
      return () => {
        if (flights.get(origin) === flight) flights.delete(origin)
        landed()
      }
    },
  }
}
