// Milliseconds as people and programs read them: one digit behind the point.

export function inTenths(timings: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(timings).map(([name, ms]) => [name, tenths(ms)]))
}

export function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
