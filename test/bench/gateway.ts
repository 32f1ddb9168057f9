// One gateway in a process of its own: WebSocket upgrades and inner TLS in, a plain service behind it.
import { createGateway } from '../../src/gateway/index.js'

export interface GatewayWanted {
  readonly do: 'serve'
  readonly identity: { readonly certificate: string; readonly privateKey: string }
  /** PEM of the clients' authority. */
  readonly trust: string
  readonly servicePort: number
}

export interface Memory {
  /** Bytes in the JavaScript heap after a collection, and everything that the system counts. */
  readonly heap: number
  readonly external: number
  readonly rss: number
}

process.on('message', async (wanted: GatewayWanted | { readonly do: 'memory' }) => {
  if (wanted.do === 'memory') {
    process.send!(memoryNow())
    return
  }
  const { identity, trust, servicePort } = wanted
  const gateway = await createGateway({
    listen: { upgrade: { port: 0 } },
    identity,
    routes: [{ name: 'bench', alpn: 'bench', connect: { port: servicePort }, client: { trust } }],
  })
  process.send!({ port: gateway.addresses.upgrade!.port })
})
process.on('disconnect', () => process.exit())

function memoryNow(): Memory {
  const { gc } = globalThis as { gc?: () => void }
  gc?.()
  gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed, external, rss }
}
