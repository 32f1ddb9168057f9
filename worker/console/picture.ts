// The picture of what Underpass does: outer TLS on the road, ending at each bridge; the inner line below them all, from the
// page to the gateway without a break. It shows how far a connection has come, and where one broke.
import { fill, svg } from './dom.js'
import { type PictureLayout, pictureLayout, type StationName } from './picture-layout.js'

export interface PictureState {
  readonly phase: 'idle' | 'connecting' | 'open' | 'closed' | 'failed'
  readonly withWorker: boolean
  readonly names: Readonly<Partial<Record<StationName, string>>>
  /** Whether the page's own leg is encrypted: on loopback it may not be. */
  readonly secure: boolean
  /** Below the line. */
  readonly inner: string
  /** Where it broke, with the code. */
  readonly broken?: { readonly at: StationName; readonly code: string } | undefined
}

/** Keeps the picture as wide as its place. */
export function picture(place: HTMLElement): (state: PictureState) => void {
  let state: PictureState | undefined
  let width = 0
  const draw = () => {
    if (state !== undefined && width > 0) fill(place, drawing(state, pictureLayout(width, state.withWorker)))
  }
  new ResizeObserver(([entry]) => {
    const given = Math.round(entry!.contentRect.width)
    if (given === width) return
    width = given
    draw()
  }).observe(place)
  return (given) => {
    state = given
    draw()
  }
}

const titles: Readonly<Record<StationName, readonly [name: string, short: string, role: string]>> = {
  page: ['This page', 'Page', 'holds the key'],
  worker: ['Worker', 'Worker', 'sees ciphertext'],
  balancer: ['Load balancer', 'Balancer', 'ends outer TLS'],
  gateway: ['Gateway', 'Gateway', 'ends inner TLS'],
  service: ['Service', 'Service', ''],
}

function drawing(state: PictureState, layout: PictureLayout): SVGSVGElement {
  const { width, height, road, outer, inner, stations, tight } = layout
  const gateway = stations.find(({ name }) => name === 'gateway')!.x
  const service = stations.find(({ name }) => name === 'service')!.x
  const balancer = stations.find(({ name }) => name === 'balancer')!.x
  return svg(
    'svg',
    {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      class: `way is-${state.phase}`,
      role: 'img',
      'aria-label': words(state),
    },
    earth(layout),
    svg('path', { class: 'inside', d: `M${balancer} ${road}H${gateway}` }),
    svg('path', { class: 'plain', d: `M${gateway} ${road}H${service}` }),
    ...outer.map(([from, to], leg) =>
      svg('path', { class: leg > 0 || state.secure ? 'outer' : 'outer bare', d: `M${from} ${road}H${to}` }),
    ),
    svg('path', { class: 'inner-bed', d: inner }),
    svg('path', { class: 'inner', d: inner }),
    svg('path', { class: 'inner-flow', d: inner }),
    ...stations.map(({ name, x }) => station(name, x, layout, state)),
    ...(tight
      ? []
      : outer.map(([from, to], leg) =>
          caption('outer', (from + to) / 2, road - 13, leg > 0 || state.secure ? 'outer TLS' : 'plain HTTP'),
        )),
    ...(tight ? [] : [caption('inner', balancer, layout.below + 27, state.inner)]),
    ...stations
      .filter(({ name }) => name === state.broken?.at)
      .map(({ x }) => cross(x, layout, state.broken!.code)),
  )
}

function earth({ width, height, road }: PictureLayout): SVGElement {
  return svg('rect', { class: 'earth', x: 0, y: road + 14, width, height: height - road - 14 })
}

function station(name: StationName, x: number, layout: PictureLayout, state: PictureState): SVGElement {
  const { height, tight } = layout
  const [long, short, role] = titles[name]
  const label = tight ? short : long
  const second = state.names[name] ?? role
  return svg(
    'g',
    { class: `station ${name}` },
    shape(name, x, layout),
    svg('text', { x, y: height - (tight ? 12 : 32), class: 'name' }, label),
    ...(tight ? [] : [svg('text', { x, y: height - 14, class: 'role' }, clipped(second))]),
  )
}

function shape(name: StationName, x: number, layout: PictureLayout): SVGElement {
  if (name === 'worker' || name === 'balancer') return bridge(x, layout)
  const { road, tight } = layout
  const k = tight ? 0.62 : 1
  const at = `translate(${x} ${road}) scale(${k})`
  if (name === 'page')
    return svg(
      'g',
      { transform: at },
      svg('rect', { class: 'body', x: -38, y: -27, width: 76, height: 54, rx: 8 }),
      svg('path', { class: 'trim', d: 'M-38 -13H38' }),
      svg('path', { class: 'key', d: 'M-12 8a7 7 0 1 0 14 0a7 7 0 1 0 -14 0M2 8H17M12 8v6M17 8v5' }),
    )
  if (name === 'gateway')
    return svg(
      'g',
      { transform: at },
      svg('path', { class: 'body', d: 'M-34 27V-8a34 22 0 0 1 68 0V27Z' }),
      svg('path', { class: 'lock', d: 'M-9 3h18v14h-18zM-5 3v-5a5 5 0 0 1 10 0v5' }),
    )
  return svg(
    'g',
    { transform: at },
    svg('path', { class: 'body', d: 'M-25 -18v36c0 12 50 12 50 0v-36' }),
    svg('ellipse', { class: 'body', cx: 0, cy: -18, rx: 25, ry: 9 }),
    svg('path', { class: 'trim', d: 'M-25 0c0 12 50 12 50 0' }),
  )
}

/** A deck on two pillars with an arch below: what carries the road over the line. */
function bridge(x: number, { road, below, span }: PictureLayout): SVGElement {
  const foot = below + 12
  const [left, right, opening] = [x - span, x + span, span - Math.max(5, span * 0.22)]
  const arch = `M${left} ${foot}V${road - 9}H${right}V${foot}H${x + opening}V${road + 9 + opening}a${opening} ${opening} 0 0 0 ${-2 * opening} 0V${foot}Z`
  return svg(
    'g',
    {},
    svg('path', { class: 'body', d: arch }),
    svg('path', { class: 'stop', d: `M${x - 5} ${road}h10` }),
  )
}

function cross(x: number, { road, tight }: PictureLayout, code: string): SVGElement {
  const y = road - (tight ? 28 : 38)
  return svg(
    'g',
    { class: 'broken' },
    svg('circle', { cx: x, cy: y + 4, r: 9 }),
    svg('path', { d: `M${x - 3.5} ${y + 0.5}l7 7m0 -7l-7 7` }),
    ...(tight ? [] : [svg('text', { x: x + 15, y: y + 8 }, code)]),
  )
}

function caption(kind: string, x: number, y: number, text: string): SVGElement {
  return svg('text', { x, y, class: `caption ${kind}` }, text)
}

function clipped(text: string): string {
  return text.length > 24 ? `${text.slice(0, 23)}…` : text
}

function words({ phase, withWorker, inner, broken }: PictureState): string {
  const way = withWorker ? 'this page, the Worker, the load balancer' : 'this page, the load balancer'
  const standing = {
    idle: 'not connected',
    connecting: 'being opened',
    open: `open: ${inner}`,
    closed: 'closed',
    failed: `broken at the ${titles[broken?.at ?? 'page'][0]}: ${broken?.code ?? ''}`,
  }[phase]
  return `The way: ${way}, the gateway, the service. Outer TLS ends at every station before the gateway; the inner TLS line runs below them from this page to the gateway. It is ${standing}.`
}
