// Which route a ClientHello asks for. Deny by default: no route, no handshake. The client's order of protocols decides,
// as in Teleport's router; for one protocol the most exact server name wins, then the most exact protocol.
import type { AlertName } from '../errors-node.js'
import type { ClientHello } from './client-hello.js'
import { alpnRank, serverNameRank } from './patterns.js'

/** What the table needs to know of a route. */
export interface Routable {
  /** Every name it answers, `-ping` twins included; with a final `*`, every name that begins so. */
  readonly alpn: readonly string[]
  /** Lower case; undefined answers any name, and none. */
  readonly serverNames: readonly string[] | undefined
}

export type Choice<R> =
  | { readonly route: R; readonly alpn: string }
  | { readonly route: undefined; readonly alert: AlertName; readonly reason: string }

/** What a client that offers no protocol is taken to speak. */
const impliedAlpn = ['http/1.1'] as const

/**
 * The route of the first offered protocol that has one under the hello's server name. Otherwise the alert to refuse
 * with: `unrecognized_name` when only the name is wrong, `no_application_protocol` when nothing answers the protocol.
 */
export function chooseRoute<R extends Routable>(routes: readonly R[], hello: ClientHello): Choice<R> {
  const offered = hello.alpn.length > 0 ? hello.alpn : impliedAlpn
  for (const alpn of offered) {
    const route = best(routes, (each) => {
      const byAlpn = bestAlpnRank(each, alpn)
      return byAlpn === 0 ? 0 : bestNameRank(each, hello.serverName) * 10_000 + byAlpn
    })
    if (route !== undefined) return { route, alpn }
  }
  return routes.some((route) => offered.some((alpn) => answers(route, alpn)))
    ? { route: undefined, alert: 'unrecognized_name', reason: 'no route has this server name' }
    : { route: undefined, alert: 'no_application_protocol', reason: 'no route has one of these protocols' }
}

/** Whether the route answers an ALPN name. */
export function answers(route: Routable, alpn: string): boolean {
  return bestAlpnRank(route, alpn) > 0
}

/** The entry for a server name in a table of exact names and patterns. */
export function entryForName<T>(
  table: ReadonlyMap<string, T>,
  serverName: string | undefined,
): T | undefined {
  if (serverName === undefined) return undefined
  return table.get(serverName) ?? best([...table], ([pattern]) => serverNameRank(pattern, serverName))?.[1]
}

function bestAlpnRank({ alpn }: Routable, name: string): number {
  return Math.max(...alpn.map((pattern) => alpnRank(pattern, name)))
}

// A name that fits nothing must not fall through as a route for any name.
function bestNameRank({ serverNames }: Routable, name: string | undefined): number {
  const patterns: readonly (string | undefined)[] = serverNames ?? [undefined]
  const rank = Math.max(...patterns.map((pattern) => serverNameRank(pattern, name)))
  return rank === 0 ? Number.NEGATIVE_INFINITY : rank
}

function best<T>(all: readonly T[], rank: (each: T) => number): T | undefined {
  let found: T | undefined
  let highest = 0
  for (const each of all) {
    const at = rank(each)
    if (at > highest) [found, highest] = [each, at]
  }
  return found
}
