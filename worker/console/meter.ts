// Counts what passes: bytes each way, a rate for every sample taken, and how long the first byte of an answer took. The
// clock is handed in.

export interface Sample {
  /** Bytes a second since the sample before. */
  readonly up: number
  readonly down: number
}

export interface Meter {
  sent(bytes: number): void
  received(bytes: number): void
  /** Closes the interval since the last call. */
  sample(): Sample
  /** The numbers as they are, oldest first. */
  readonly samples: readonly Sample[]
  /** Milliseconds from the first byte asked to the first byte answered. */
  readonly roundTrips: readonly number[]
  readonly total: { readonly up: number; readonly down: number }
}

/** `kept`: how many samples and round trips are remembered. `now`: milliseconds. */
export function meter(now: () => number, kept = 60): Meter {
  const samples: Sample[] = []
  const roundTrips: number[] = []
  const total = { up: 0, down: 0 }
  let before = { ...total }
  let since = now()
  let asked: number | undefined
  return {
    samples,
    roundTrips,
    total,
    sent(bytes) {
      total.up += bytes
      asked ??= now()
    },
    received(bytes) {
      total.down += bytes
      if (asked === undefined) return
      roundTrips.push(now() - asked)
      if (roundTrips.length > kept) roundTrips.shift()
      asked = undefined
    },
    sample() {
      const seconds = Math.max(0.001, (now() - since) / 1000)
      const sample = { up: (total.up - before.up) / seconds, down: (total.down - before.down) / seconds }
      since = now()
      before = { ...total }
      samples.push(sample)
      if (samples.length > kept) samples.shift()
      return sample
    },
  }
}

/** 1 536 -> "1.5 kB"; decimal, as networks count. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}
