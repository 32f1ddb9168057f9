// The gateway as a process of its own, so that it can be killed. Its clock can be moved: everything it reads from
// `Date.now` jumps, as after a wrong time server.
import type { TunnelError } from '../../src/errors-node.js'
import { createGateway, type Gateway, type GatewayEvent } from '../../src/gateway/index.js'
import { tellLateness } from './lateness.js'
import { obey, tell, type Weight, weight } from './processes.js'

export interface Credentials {
  readonly identity: { readonly certificate: string; readonly privateKey: string }
  /** PEM: who signs the clients. */
  readonly clientTrust: string
}

export type GatewayOrder =
  | {
      readonly do: 'listen'
      readonly port: number
      readonly service: number
      readonly credentials: Credentials
      readonly patient: boolean
    }
  | { readonly do: 'rotate'; readonly service: number; readonly credentials: Credentials }
  | { readonly do: 'skew'; readonly milliseconds: number }
  | { readonly do: 'weigh' }

export interface GatewayWeight extends Weight {
  readonly tunnels: number
  readonly connections: number
  /** Tunnels that ended, by code; `ok` for both sides finishing. */
  readonly ended: Readonly<Record<string, number>>
  readonly refused: Readonly<Record<string, number>>
}

/** The end of a tunnel, or its refusal, as the gateway saw it. */
export interface GatewayLine {
  readonly at: number
  /** The client's TCP port at the load balancer, which says it in X-Forwarded-For. */
  readonly port: number
  readonly event: 'closed' | 'refused'
  readonly code: string
  readonly reason: string
  readonly duration?: number
  readonly bytesFromClient?: number
  readonly bytesToClient?: number
}

const realNow = Date.now
const patience = { handshake: 60_000, request: 60_000, connect: 60_000, linger: 60_000 }
let gateway: Gateway
const ended: Record<string, number> = {}

tellLateness()
obey<GatewayOrder>(async (order): Promise<unknown> => {
  switch (order.do) {
    case 'listen':
      gateway = await createGateway({
        listen: { upgrade: { port: order.port, forwardedFor: true } },
        ...routed(order),
        // On few cores an answer may take seconds; the gateway must not take that for silence.
        timeouts: order.patient ? patience : {},
        onEvent: (event) => {
          if (event.type !== 'closed' && event.type !== 'refused') return
          const line = lineOf(event)
          tell({ gateway: line })
          if (event.type === 'closed') ended[line.code] = (ended[line.code] ?? 0) + 1
        },
      })
      return {}
    case 'rotate':
      gateway.reload(routed(order))
      return {}
    case 'skew':
      Date.now = () => realNow() + order.milliseconds
      return {}
    case 'weigh': {
      const { tunnels, connections, refused } = gateway.stats()
      return {
        ...weight(),
        tunnels,
        connections,
        refused: { ...refused },
        ended: { ...ended },
      } satisfies GatewayWeight
    }
  }
})

function lineOf(event: Extract<GatewayEvent, { readonly type: 'closed' | 'refused' }>): GatewayLine {
  const line = {
    at: realNow(),
    port: portOf(event.address),
    event: event.type,
    code: event.error?.code ?? 'ok',
    reason: event.error === undefined ? '' : reasonOf(event.error),
  }
  if (event.type === 'refused') return line
  const { duration, bytesFromClient, bytesToClient } = event
  return { ...line, duration, bytesFromClient, bytesToClient }
}

/** `fd00::54:321` is port 54321, see the load balancer's configuration. */
function portOf(address: string): number {
  const [, thousands, rest] = /^fd00::(\d+):(\d+)$/.exec(address) ?? []
  return thousands === undefined ? 0 : Number(thousands) * 1_000 + Number(rest)
}

function reasonOf(error: TunnelError): string {
  const cause = error.cause as { readonly code?: string; readonly message?: string } | undefined
  return [error.phase, error.detail, cause?.code ?? cause?.message].filter((part) => part).join(', ')
}

function routed({ service, credentials }: { service: number; credentials: Credentials }) {
  const route = {
    name: 'soak',
    alpn: 'soak',
    ping: true,
    connect: { port: service },
    client: { trust: credentials.clientTrust },
  }
  return { identity: credentials.identity, routes: [route] }
}
