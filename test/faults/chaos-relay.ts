// A TCP relay on loopback that breaks one connection at one byte: a FIN, an RST, silence, a slow path, single bytes. Stands in
// front of a real load balancer or behind it.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface Chaos {
  readonly kind: 'none' | 'fin' | 'rst' | 'silence' | 'slow' | 'bytes'
  /** `up` is from the client. */
  readonly direction: 'up' | 'down'
  /** Bytes of the direction that get through before it; for `slow` and `bytes`, where it stops. */
  readonly at: number
}

export interface ChaosRelay {
  readonly port: number
  /** What happens to connections from now on. */
  chaos: Chaos
  stop(): Promise<void>
}

export async function startChaosRelay(targetPort: number, chaos: Chaos): Promise<ChaosRelay> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const rule = relay.chaos
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('close', () => sockets.delete(socket))
    }
    carry(near, far, rule.direction === 'up' ? rule : undefined)
    carry(far, near, rule.direction === 'down' ? rule : undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const relay: ChaosRelay = {
    port: (server.address() as AddressInfo).port,
    chaos,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return relay
}

function carry(from: Socket, to: Socket, chaos: Chaos | undefined): void {
  from.on('error', () => to.resetAndDestroy())
  from.on('close', () => {
    if (!to.writableEnded) to.destroy()
  })
  let passed = 0
  let broken = false
  const pass = async (chunk: Buffer): Promise<void> => {
    if (broken) return
    const left = chaos === undefined ? Number.POSITIVE_INFINITY : chaos.at - passed
    const breaks = chaos !== undefined && chunk.length >= left && /fin|rst|silence/.test(chaos.kind)
    const part = breaks ? chunk.subarray(0, Math.max(0, left)) : chunk
    passed += part.length
    if (chaos?.kind === 'bytes' && left > 0) for (const byte of part) await written(to, Buffer.of(byte))
    else await written(to, part)
    if (chaos?.kind === 'slow' && left > 0) await new Promise((resolve) => setTimeout(resolve, 4))
    if (!breaks) return
    broken = true
    if (chaos.kind === 'fin') to.end()
    if (chaos.kind === 'rst') for (const socket of [from, to]) socket.resetAndDestroy()
  }
  void (async () => {
    for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
      await pass(chunk)
    if (!broken) to.end()
  })().catch(() => {})
}

async function written(to: Duplex, bytes: Buffer): Promise<void> {
  if (to.destroyed || to.writableEnded || bytes.length === 0) return
  if (to.write(bytes)) return
  await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => {})
}
