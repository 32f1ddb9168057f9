// What is told and counted: tunnels by number, bytes and refusals by route and code.
import type { TunnelError } from '../errors-node.js'
import type { Service } from './connector.js'
import type { Door, GatewayEvent, GatewayStats, RouteStats } from './events.js'
import type { Arrival, OpenedFacts, TunnelReport } from './tunnel.js'

interface RouteCount {
  /** Each with the bytes that were not the client's. */
  readonly open: Map<Service, number>
  total: number
  /** Of closed tunnels; open ones keep their own count. */
  bytesFromClient: number
  bytesToClient: number
}

/** Names from the network, before they reach anybody's log. */
const maxNamesTold = 16

export class TunnelBook {
  readonly #emit: (event: GatewayEvent) => void
  readonly #refused: Record<string, number> = {}
  readonly #routes = new Map<string, RouteCount>()
  #lastNumber = 0

  constructor(emit: (event: GatewayEvent) => void) {
    this.#emit = emit
  }

  refused(
    from: { readonly door: Door; readonly address: string },
    error: TunnelError,
    facts: { readonly route?: string; readonly alpn?: readonly string[]; readonly serverName?: string } = {},
  ): void {
    this.#refused[error.code] = (this.#refused[error.code] ?? 0) + 1
    this.#emit({ type: 'refused', door: from.door, address: from.address, error, ...facts })
  }

  reportFor(arrival: Arrival, authenticated: () => void): TunnelReport {
    let tunnel = 0
    let openedAt = 0
    const arrivedAt = performance.now()
    return {
      authenticated,
      unanswered: (error, route) => this.refused(arrival, error, { route }),
      opened: ({ route, hello, secure, client, service, preface }) => {
        const { door, framing, address } = arrival
        tunnel = ++this.#lastNumber
        openedAt = performance.now()
        const count = this.#countOf(route.name)
        count.total++
        count.open.set(service, preface)
        this.#emit({
          type: 'opened',
          tunnel,
          door,
          framing,
          address,
          route: route.name,
          alpn: typeof secure?.alpnProtocol === 'string' ? secure.alpnProtocol : undefined,
          serverName: hello.serverName,
          version: secure === undefined ? 'forwarded' : (secure.getProtocol() ?? 'unknown'),
          resumed: secure?.isSessionReused() ?? false,
          client,
          took: Math.round(openedAt - arrivedAt),
        })
      },
      closed: (facts, error) => {
        const { bytesFromClient, bytesToClient } = this.#settle(facts)
        const duration = Math.round(performance.now() - openedAt)
        this.#emit({
          type: 'closed',
          tunnel,
          route: facts.route.name,
          address: arrival.address,
          bytesFromClient,
          bytesToClient,
          duration,
          error,
        })
      },
      refused: (error, { route, hello }) => {
        this.refused(arrival, error, {
          ...(route === undefined ? {} : { route }),
          ...(hello === undefined ? {} : { alpn: hello.alpn.slice(0, maxNamesTold).map(printable) }),
          ...(hello?.serverName === undefined ? {} : { serverName: hello.serverName }),
        })
      },
    }
  }

  stats(): Pick<GatewayStats, 'refused' | 'routes'> {
    const routes: Record<string, RouteStats> = {}
    for (const [name, count] of this.#routes) {
      let { bytesFromClient, bytesToClient } = count
      for (const [service, preface] of count.open) {
        bytesFromClient += service.bytesWritten - preface
        bytesToClient += service.bytesRead
      }
      routes[name] = { active: count.open.size, total: count.total, bytesFromClient, bytesToClient }
    }
    return { refused: { ...this.#refused }, routes }
  }

  #settle({ route, service, preface }: OpenedFacts): { bytesFromClient: number; bytesToClient: number } {
    const count = this.#countOf(route.name)
    count.open.delete(service)
    const bytesFromClient = service.bytesWritten - preface
    const bytesToClient = service.bytesRead
    count.bytesFromClient += bytesFromClient
    count.bytesToClient += bytesToClient
    return { bytesFromClient, bytesToClient }
  }

  #countOf(route: string): RouteCount {
    let count = this.#routes.get(route)
    if (count === undefined) {
      count = { open: new Map(), total: 0, bytesFromClient: 0, bytesToClient: 0 }
      this.#routes.set(route, count)
    }
    return count
  }
}

function printable(name: string): string {
  return name.replace(/[^\x21-\x7e]/g, '?')
}
