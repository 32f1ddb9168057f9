// Durations as people write them.
const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Milliseconds; the schema has seen to the form. */
export function milliseconds(duration: string | number): number {
  if (typeof duration === 'number') return duration
  const [, amount = '0', unit = 'ms'] = /^(\d+)(ms|s|m|h)$/.exec(duration) ?? []
  return Number(amount) * units[unit]!
}
