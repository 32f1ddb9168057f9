// What everybody on the path says about one tunnel: gateway and load balancer, found by the client's port, and how late
// each process was at that time. Of an end that no disturbance explains, all of it is shown.
import type { End } from './client.js'
import type { GatewayLine } from './gateway.js'
import type { Late } from './lateness.js'

/** The load balancer's own line on a connection, taken apart. */
export interface BalancerLine {
  /** When the line was read, milliseconds since 1970. */
  readonly at: number
  readonly port: number
  /** HAProxy's termination state: who ended it (C client, S server, c/s their timeout, R reset…) and in which phase. */
  readonly state: string
  readonly status: number
  /** Milliseconds from accept to close. */
  readonly duration: number
  readonly bytesToClient: number
  readonly bytesFromClient: number
}

export interface Evidence extends End {
  /** Milliseconds from the open tunnel, or from the start of the dial. */
  readonly after: number
  /** Undefined: that gateway says nothing of it, as when it was killed. */
  readonly gateway: Omit<GatewayLine, 'port'> | undefined
  readonly loadBalancer: Omit<BalancerLine, 'port'> | undefined
  /** The longest that each process was late around the end, milliseconds; one that is not named was not. */
  readonly late: Readonly<Record<string, number>>
}

export interface Witnesses {
  ended(end: End): void
  gatewaySaid(line: GatewayLine): void
  balancerSaid(line: BalancerLine): void
  wasLate(process: string, late: Late): void
  readonly ends: readonly End[]
  /** The gateway's line on the tunnel of an end, if it has one. */
  gatewayOn(end: End): GatewayLine | undefined
  evidence(end: End): Evidence
  /** Ends that the gateway did not find clean although the client did, by code. */
  onlyAtGateway(): Readonly<Record<string, number>>
  /** The longest that each process was ever late, milliseconds. */
  latest(): Readonly<Record<string, number>>
}

/** Milliseconds between what two processes say of the same end, on a busy machine. */
const apart = 70_000
/** Milliseconds around an end in which lateness may have to do with it. */
const around = 15_000

/** For `log-format` of HAProxy: the line that `balancerLine` reads. */
export const balancerFormat = 'tunnel %cp %tsc %ST %Tt %B %U'

export function balancerLine(text: string, at: number): BalancerLine | undefined {
  const match = /^tunnel (\d+) (\S+) (-?\d+) \+?(-?\d+) \+?(\d+) \+?(\d+)$/.exec(text)
  if (match === null) return undefined
  const [port, status, duration, bytesToClient, bytesFromClient] = [1, 3, 4, 5, 6].map((at) =>
    Number(match[at]),
  ) as [number, number, number, number, number]
  return { at, port, state: match[2]!, status, duration, bytesToClient, bytesFromClient }
}

export function witnesses(): Witnesses {
  const ends: End[] = []
  const gateway = new Map<number, GatewayLine[]>()
  const balancer = new Map<number, BalancerLine[]>()
  const lates = new Map<string, Late[]>()
  const onPort = (end: End) => gateway.get(end.port)?.filter((line) => isOf(end, line))
  const gatewayOn = (end: End) => onPort(end)?.sort((one, two) => far(one, end) - far(two, end))[0]
  return {
    ends,
    ended: (end) => ends.push(end),
    gatewaySaid: (line) => add(gateway, line.port, line),
    balancerSaid: (line) => add(balancer, line.port, line),
    wasLate: (process, late) => add(lates, process, late),
    gatewayOn,
    evidence(end) {
      const told = gatewayOn(end)
      const balanced = balancer
        .get(end.port)
        ?.filter((line) => isOf(end, line))
        .sort((one, two) => far(one, end) - far(two, end))[0]
      return {
        ...end,
        after: end.at - (end.opened ?? end.began),
        gateway: told,
        loadBalancer: balanced,
        late: longest(lates, (late) => Math.abs(late.at - end.at) < around),
      }
    },
    onlyAtGateway() {
      const counts: Record<string, number> = {}
      const known = new Set(ends.map(gatewayOn))
      for (const line of [...gateway.values()].flat()) {
        if (line.event !== 'closed' || line.code === 'ok' || known.has(line)) continue
        counts[line.code] = (counts[line.code] ?? 0) + 1
      }
      return counts
    },
    latest: () => longest(lates, () => true),
  }
}

/** A port is used again, but not within the life of a tunnel. */
function isOf(end: End, line: { readonly at: number }): boolean {
  return end.port !== 0 && line.at >= end.began && far(line, end) < apart
}

function far(line: { readonly at: number }, end: End): number {
  return Math.abs(line.at - end.at)
}

function add<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, [value])
  else values.push(value)
}

function longest(
  lates: ReadonlyMap<string, readonly Late[]>,
  pick: (late: Late) => boolean,
): Record<string, number> {
  const found: Record<string, number> = {}
  for (const [process, all] of lates) {
    const most = all.filter(pick).reduce((longest, { milliseconds }) => Math.max(longest, milliseconds), 0)
    if (most > 0) found[process] = most
  }
  return found
}
