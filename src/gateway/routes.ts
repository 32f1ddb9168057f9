// Which route a ClientHello asks for. Deny by default: no route, no handshake. The client's order of protocols decides,
// as in Teleport's router; for one protocol the most exact server name wins.
import type { AlertName } from '../errors.js'
import type { ClientHello } from './client-hello.js'

/** What the table needs to know of a route. */
export interface Routable {
  /** Every name it answers, `-ping` twins included. */
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
    const route = bestByName(
      routes.filter((route) => route.alpn.includes(alpn)),
      hello.serverName,
    )
    if (route !== undefined) return { route, alpn }
  }
  return routes.some((route) => offered.some((alpn) => route.alpn.includes(alpn)))
    ? { route: undefined, alert: 'unrecognized_name', reason: 'no route has this server name' }
    : { route: undefined, alert: 'no_application_protocol', reason: 'no route has one of these protocols' }
}

/** The entry for a server name in a table of exact names and `*.suffix` patterns. */
export function entryForName<T>(
  table: ReadonlyMap<string, T>,
  serverName: string | undefined,
): T | undefined {
  if (serverName === undefined) return undefined
  return table.get(serverName) ?? table.get(wildcardOf(serverName))
}

function bestByName<R extends Routable>(
  candidates: readonly R[],
  serverName: string | undefined,
): R | undefined {
  const named = (name: string) => candidates.find((route) => route.serverNames?.includes(name))
  return (
    (serverName === undefined ? undefined : (named(serverName) ?? named(wildcardOf(serverName)))) ??
    candidates.find((route) => route.serverNames === undefined)
  )
}

// One label, as in certificates (RFC 9525 §6.3). A name without a dot has no wildcard; the empty text matches nothing.
function wildcardOf(serverName: string): string {
  const dot = serverName.indexOf('.')
  return dot <= 0 ? '' : `*${serverName.slice(dot)}`
}
