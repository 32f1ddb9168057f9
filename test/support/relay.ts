// A TCP relay on loopback: the part that all relays of tests share. What each adds is what it does with a new pair.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Relay {
  readonly port: number
  /** Both ends of every connection that is open. */
  readonly sockets: ReadonlySet<Socket>
  stop(): Promise<void>
}

/** Relay everything to a port of 127.0.0.1. `met` sees each pair before a byte has passed. */
export async function startRelay(
  targetPort: number,
  met: (near: Socket, far: Socket) => void,
): Promise<Relay> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    met(near, far)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const closed = once(server, 'close')
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
