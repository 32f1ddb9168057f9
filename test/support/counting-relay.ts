// A TCP relay on loopback that counts connections: what stands between a dialer and a load balancer in tests that assert
// how many connections a dial costs.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface CountingRelay {
  readonly port: number
  /** Connections taken so far. */
  readonly connections: number
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Relay everything to a port of 127.0.0.1. */
export async function startCountingRelay(targetPort: number): Promise<CountingRelay> {
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (near) => {
    connections++
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
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
  const stop = async (): Promise<void> => {
    server.close()
    for (const socket of sockets) socket.destroy()
    if (server.listening) await once(server, 'close')
  }
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
