// The gateway as a process of its own, so that it can be killed. Its clock can be moved: everything it reads from
// `Date.now` jumps, as after a wrong time server.
import { createGateway, type Gateway } from '../../src/gateway/index.js'
import { obey, type Weight, weight } from './processes.js'

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

const realNow = Date.now
let gateway: Gateway
const ended: Record<string, number> = {}

obey<GatewayOrder>(async (order): Promise<unknown> => {
  switch (order.do) {
    case 'listen':
      gateway = await createGateway({
        listen: { upgrade: { port: order.port } },
        ...routed(order),
        // On few cores an answer may take seconds; the gateway must not take that for silence.
        timeouts: { handshake: 60_000, request: 60_000, connect: 60_000, linger: 60_000 },
        onEvent: (event) => {
          if (event.type !== 'closed') return
          const code = event.error?.code ?? 'ok'
          ended[code] = (ended[code] ?? 0) + 1
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
