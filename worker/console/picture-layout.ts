// Where everything of the picture stands, in pixels for a given width. Numbers alone; drawing is in picture.ts.

export type StationName = 'page' | 'worker' | 'balancer' | 'gateway' | 'service'

export interface Station {
  readonly name: StationName
  readonly x: number
}

export interface PictureLayout {
  readonly width: number
  readonly height: number
  /** Too narrow for second lines. */
  readonly tight: boolean
  readonly stations: readonly Station[]
  /** Heights of the road, which outer TLS takes, and of the line below it. */
  readonly road: number
  readonly below: number
  /** Outer TLS: from station to station, each with its own ends. */
  readonly outer: ReadonlyArray<readonly [from: number, to: number]>
  /** The inner line, one path from the page to the gateway. */
  readonly inner: string
  /** Half the breadth of a bridge. */
  readonly span: number
}

export function pictureLayout(width: number, withWorker: boolean): PictureLayout {
  const tight = width < 640
  const names: StationName[] = [
    'page',
    ...(withWorker ? (['worker'] as const) : []),
    'balancer',
    'gateway',
    'service',
  ]
  const margin = tight ? 34 : Math.max(70, width * 0.08)
  const step = (width - 2 * margin) / (names.length - 1)
  const stations = names.map((name, at) => ({ name, x: Math.round(margin + at * step) }))
  const [road, below] = tight ? [44, 92] : [54, 118]
  const span = tight ? 17 : 40
  const x = (name: StationName) => stations.find((each) => each.name === name)?.x ?? 0
  const bridges = stations
    .filter(({ name }) => name === 'worker' || name === 'balancer')
    .map((each) => each.x)
  const starts = [x('page'), ...bridges.slice(0, -1)]
  const outer = bridges.map((end, at) => [starts[at]!, end] as const)
  return {
    width,
    height: tight ? 168 : 206,
    tight,
    stations,
    road,
    below,
    outer,
    span,
    inner: dive(x('page'), bridges, x('gateway'), road, below, span),
  }
}

/** Down before the first bridge, level below all of them, up behind the last. */
function dive(
  from: number,
  bridges: readonly number[],
  to: number,
  road: number,
  below: number,
  span: number,
): string {
  const down = (bridges[0] ?? from) - span
  const up = (bridges.at(-1) ?? to) + span
  const enter = (from + down) / 2
  const leave = (up + to) / 2
  return `M${from} ${road}C${enter} ${road} ${enter} ${below} ${down} ${below}L${up} ${below}C${leave} ${below} ${leave} ${road} ${to} ${road}`
}
