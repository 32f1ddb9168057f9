// The contenders inside workerd: our TLS over its raw sockets, and its own TLS over the same. Both read and write the same
// way; the platform's has no client certificate, because it cannot.
import { type Identity, loadIdentity, trustStore } from '../../src/pki/index.js'
import { workerdPlatform } from '../../src/platform/workerd/index.js'
import { Connection, type Wire } from '../../src/stream/index.js'
import { tlsClient } from '../../src/tls/index.js'

export interface WorkerOrder {
  readonly contender: 'underpass' | 'platform'
  readonly port: number
  readonly do: 'handshakes' | 'download' | 'upload'
  /** Handshakes, or bytes. */
  readonly count: number
  /** PEM. */
  readonly ca: string
  readonly identity?: { readonly certificate: string; readonly privateKey: string }
}

const piece = new Uint8Array(64 * 1024)

export async function answer(request: Request): Promise<Response> {
  const order = (await request.json()) as WorkerOrder
  const connect = await connector(order)
  // Time passes in workerd only while something is waited for: good enough over many milliseconds.
  const began = Date.now()
  if (order.do === 'handshakes') for (let i = 0; i < order.count; i++) await greeted(await connect())
  else await carried(await connect(), order)
  return Response.json({ wall: Date.now() - began })
}

async function connector(order: WorkerOrder): Promise<() => Promise<Wire>> {
  const { contender, ca, identity: given } = order
  const platform = workerdPlatform()
  const { signal } = new AbortController()
  const address = { host: 'localhost', port: order.port }
  if (contender === 'platform') return () => platform.dialTls!(address, { signal })
  const trust = trustStore(ca)
  const identity: Identity | undefined = given && (await loadIdentity(given, platform.crypto))
  return async () => {
    const connection = new Connection(await platform.dialTcp!(address, { signal, isTls: true }), {
      clock: () => performance.now(),
    })
    const options = { crypto: platform.crypto, now: () => Date.now(), serverName: 'localhost', trust }
    await connection.push(tlsClient({ ...options, ...(identity && { identity }) }))
    return connection.wire()
  }
}

/** The far end says one byte by itself. */
async function greeted(wire: Wire): Promise<void> {
  await heard(wire, 1)
  wire.destroy()
}

async function carried(wire: Wire, { do: way, count }: WorkerOrder): Promise<void> {
  const done = heard(wire, way === 'download' ? count : 1)
  await wire.write([new TextEncoder().encode(`${way === 'download' ? 'D' : 'U'}${count}\n`)])
  for (let left = way === 'upload' ? count : 0; left > 0; left -= piece.length)
    await wire.write([piece.slice(0, Math.min(left, piece.length))])
  await done
  wire.destroy()
}

function heard(wire: Wire, bytes: number): Promise<void> {
  let left = bytes
  return new Promise((resolve, reject) => {
    wire.start({
      data(chunk) {
        left -= chunk.length
        if (left <= 0) resolve()
      },
      end: () => reject(new Error(`it ended, ${left} bytes short`)),
      fail: reject,
    })
  })
}
