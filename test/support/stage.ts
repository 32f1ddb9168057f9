// The whole cast for a test through a load balancer: three authorities (web, host, users), the gateway with its routes,
// and dialers whose options differ from the usual in what a test says.
import {
  createGateway,
  type Gateway,
  type GatewayEvent,
  type GatewayOptions,
  type Route,
} from '../../src/gateway/index.js'
import { createDialer, type Dialer, type NodeDialerOptions } from '../../src/platform/node/index.js'
import { type Authority, createAuthority, type Issued } from './certificates.js'

/** The gateway's name inside the tunnel; no DNS has it. */
export const innerName = 'gateway.test'

export interface Stage {
  /** Signs what load balancers show. */
  readonly web: Authority
  /** Signs the gateway. */
  readonly host: Authority
  /** Signs clients. */
  readonly users: Authority
  /** The client that the gateway lets in. */
  readonly alice: Issued
  /** For load balancers: localhost and 127.0.0.1, signed by `web`. */
  readonly lbCertificate: Issued
  readonly gateway: Gateway
  readonly upgradePort: number
  readonly directPort: number
  /** What the gateway told, in order. */
  readonly events: readonly GatewayEvent[]
  /** A dialer to `https://localhost:<port>` as alice. */
  dialer(port: number, options?: Partial<NodeDialerOptions>): Dialer
  [Symbol.asyncDispose](): Promise<void>
}

/** Routes by ALPN name to ports of 127.0.0.1; each wants a client certificate of alice. */
export async function createStage(
  routes: Readonly<Record<string, number>>,
  more: Pick<GatewayOptions, 'pingInterval'> = {},
): Promise<Stage> {
  const [web, host, users] = await Promise.all(
    ['Web CA', 'Host CA', 'User CA'].map((name) => createAuthority({ name })),
  )
  const [lbCertificate, server, local, alice] = await Promise.all([
    web!.issue({ names: ['localhost', 'lb.test', '127.0.0.1'] }),
    host!.issue({ names: [innerName] }),
    host!.issue({ names: ['localhost'] }),
    users!.issue({ commonName: 'alice', usage: 'client' }),
  ])
  const events: GatewayEvent[] = []
  const gateway = await createGateway({
    listen: { upgrade: { port: 0 }, direct: { port: 0 } },
    identity: { certificate: server.chain, privateKey: server.privateKey },
    identities: { localhost: { certificate: local.chain, privateKey: local.privateKey } },
    routes: Object.entries(routes).map(
      ([alpn, port]): Route => ({
        name: alpn,
        alpn,
        ping: true,
        connect: { port },
        client: { trust: users!.certificate, allow: [{ commonName: 'alice' }] },
      }),
    ),
    onEvent: (event) => void events.push(event),
    ...more,
  })
  const identity = { certificate: alice.chain, privateKey: alice.privateKey }
  return {
    web: web!,
    host: host!,
    users: users!,
    alice,
    lbCertificate,
    gateway,
    upgradePort: gateway.addresses.upgrade!.port,
    directPort: gateway.addresses.direct!.port,
    events,
    dialer: (port, options = {}) =>
      createDialer({
        origin: `https://localhost:${port}`,
        originTrust: web!.certificate,
        trust: host!.certificate,
        identity,
        serverName: innerName,
        ...options,
      }),
    [Symbol.asyncDispose]: () => gateway.close(),
  }
}
