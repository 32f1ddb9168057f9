// Which rows of a long table are drawn: those in sight and a few beyond, with empty room for the others.

export interface Window {
  readonly first: number
  /** One past the last. */
  readonly end: number
  /** Pixels of room before and after. */
  readonly before: number
  readonly after: number
}

export interface Viewport {
  readonly scrollTop: number
  readonly height: number
  readonly rowHeight: number
}

export function rowsInSight(count: number, { scrollTop, height, rowHeight }: Viewport, beyond = 12): Window {
  const first = Math.max(0, Math.min(count, Math.floor(scrollTop / rowHeight)) - beyond)
  const end = Math.min(count, Math.ceil((Math.max(0, scrollTop) + height) / rowHeight) + beyond)
  return {
    first,
    end: Math.max(first, end),
    before: first * rowHeight,
    after: (count - Math.max(first, end)) * rowHeight,
  }
}
