// Geometry of a small line chart: numbers in, an SVG path out. No element is made here.

export interface Sparkline {
  /** Of the line; empty without values. */
  readonly line: string
  /** Of the surface below it. */
  readonly area: string
  /** The value at the top edge. */
  readonly top: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

/** `slots`: how many values fill the width; fewer stand at the right. The line stays one unit inside the edges. */
export function sparkline(values: readonly number[], slots: number, { width, height }: Size): Sparkline {
  const shown = values.slice(-slots)
  const top = niceTop(Math.max(0, ...shown))
  if (shown.length === 0) return { line: '', area: '', top }
  const step = slots > 1 ? width / (slots - 1) : 0
  const first = width - step * (shown.length - 1)
  const points = shown.map((value, at) => {
    const share = top === 0 ? 0 : Math.max(0, value) / top
    return [round(first + at * step), round(height - 1 - share * (height - 2))] as const
  })
  const line = points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`).join('')
  return { line, area: `${line}L${round(width)} ${height}L${points[0]![0]} ${height}Z`, top }
}

/** The next of 1, 2, 5 × a power of ten: the line does not rescale with every value. */
export function niceTop(value: number): number {
  if (!(value > 0)) return 0
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= value * 0.999_999)!
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
