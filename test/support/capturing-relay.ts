// A TCP relay on loopback that keeps what passes: for tests that assert what a peer saw on the wire.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Capture {
  /** What the client sent so far. */
  sent(): Buffer
  /** What came back so far. */
  received(): Buffer
}

export interface CapturingRelay extends AsyncDisposable {
  readonly port: number
  /** Connections in their order. */
  readonly captures: readonly Capture[]
}

/** Relay everything to a port of 127.0.0.1. */
export async function startCapturingRelay(targetPort: number): Promise<CapturingRelay> {
  const captures: Capture[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const [sent, received]: [Buffer[], Buffer[]] = [[], []]
    captures.push({ sent: () => Buffer.concat(sent), received: () => Buffer.concat(received) })
    near.on('data', (chunk: Buffer) => sent.push(chunk))
    far.on('data', (chunk: Buffer) => received.push(chunk))
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
  return {
    port: (server.address() as AddressInfo).port,
    captures,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
