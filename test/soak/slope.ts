// Whether something grows: the line through samples that deviates least from them.

export interface Point {
  /** Milliseconds. */
  readonly at: number
  readonly value: number
}

/** Units per minute; 0 for fewer than two moments. */
export function slope(points: readonly Point[]): number {
  const mean = (pick: (point: Point) => number) =>
    points.reduce((sum, point) => sum + pick(point), 0) / Math.max(1, points.length)
  const at = mean((point) => point.at)
  const value = mean((point) => point.value)
  let over = 0
  let under = 0
  for (const point of points) {
    over += (point.at - at) * (point.value - value)
    under += (point.at - at) ** 2
  }
  return under === 0 ? 0 : (over / under) * 60_000
}
