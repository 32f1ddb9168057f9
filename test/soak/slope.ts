// Whether something grows: the line through samples that deviates least from them, and how sure that is.

export interface Point {
  /** Milliseconds. */
  readonly at: number
  readonly value: number
}

export interface Slope {
  /** Units a minute; 0 for fewer than two moments. */
  readonly perMinute: number
  /** Two standard errors of it: 95 of 100 such intervals hold the true slope. 0 for fewer than three samples. */
  readonly plusMinus: number
}

export function slope(points: readonly Point[]): Slope {
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
  if (under === 0) return { perMinute: 0, plusMinus: 0 }
  const rise = over / under
  const unexplained = points.reduce(
    (sum, point) => sum + (point.value - value - rise * (point.at - at)) ** 2,
    0,
  )
  const error = points.length < 3 ? 0 : Math.sqrt(unexplained / (points.length - 2) / under)
  return { perMinute: rise * 60_000, plusMinus: 2 * error * 60_000 }
}
