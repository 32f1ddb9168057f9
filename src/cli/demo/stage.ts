// Everything the demo stands on, started in order and torn down in reverse: certificates, database, gateway, load
// balancer, and the dialer that goes through them.
import { randomUUID } from 'node:crypto'
import { createGateway } from '../../gateway/index.js'
import { createDialer, type Dialer } from '../../platform/node/index.js'
import type { TimedTraceEvent } from '../../trace.js'
import type { Output } from '../output.js'
import { createAuthority } from './certificates.js'
import { startDatabase } from './database.js'
import { startLoadBalancer } from './load-balancer.js'

/** The gateway's name inside the tunnel: it exists in no DNS, only in the gateway's own certificate. */
export const GATEWAY_NAME = 'gateway.underpass.internal'
export const ALPN = 'teleport-postgres-ping'

export interface Stage extends AsyncDisposable {
  readonly dialer: Dialer
  readonly origin: string
  /** Trace events since the stage was built. */
  readonly events: readonly TimedTraceEvent[]
}

/** `folder` holds the database between runs; nothing else is written. */
export async function buildStage(folder: string, output: Output): Promise<Stage> {
  const stack = new CleanupStack()
  try {
    let done = output.progress('make three certificate authorities: web, host, users')
    const web = createAuthority('Demo Web CA')
    const host = createAuthority('Demo Host CA')
    const users = createAuthority(`Demo User CA ${randomUUID().slice(0, 8)}`)
    done('ECDSA P-256')

    done = output.progress('start PostgreSQL (PGlite) in this process')
    const database = await startDatabase(folder)
    stack.defer(() => database.close())
    done(`data ${database.storage}`)

    done = output.progress('start the gateway: ends inner TLS, wants a client certificate')
    const gateway = await createGateway({
      listen: { upgrade: { port: 0 } },
      identity: host.issue({ commonName: GATEWAY_NAME, names: [GATEWAY_NAME], usage: 'server' }),
      routes: [
        {
          name: 'postgres',
          alpn: 'teleport-postgres',
          ping: true,
          connect: { port: database.port },
          client: { trust: users.certificate, allow: [{ commonName: 'alice' }] },
        },
      ],
    })
    stack.defer(() => gateway.close())
    const targetPort = gateway.addresses.upgrade?.port ?? 0
    done(`127.0.0.1:${targetPort}`)

    done = output.progress('start a load balancer that ends TLS, as AWS ALB does')
    const balancer = await startLoadBalancer({
      ...web.issue({ commonName: 'localhost', names: ['localhost', '127.0.0.1'], usage: 'server' }),
      targetPort,
    })
    stack.defer(() => balancer.close())
    const origin = `https://localhost:${balancer.port}`
    done(origin)

    const events: TimedTraceEvent[] = []
    const dialer = createDialer({
      origin,
      originTrust: web.certificate,
      trust: host.certificate,
      identity: users.issue({ commonName: 'alice', usage: 'client' }),
      serverName: GATEWAY_NAME,
      alpn: [ALPN],
      trace: (event) => events.push(event),
    })
    stack.defer(() => dialer.close())
    return { dialer, origin, events, [Symbol.asyncDispose]: () => stack.run() }
  } catch (error) {
    await stack.run()
    throw error
  }
}

/** Node 20 has no AsyncDisposableStack. */
class CleanupStack {
  readonly #tasks: Array<() => unknown> = []

  defer(task: () => unknown): void {
    this.#tasks.push(task)
  }

  async run(): Promise<void> {
    for (let task = this.#tasks.pop(); task !== undefined; task = this.#tasks.pop()) await task()
  }
}
