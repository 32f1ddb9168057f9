// A service that pours a fixed amount out as fast as it is taken, and tells how much of it went: how backpressure shows.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { block, patternBlock } from './pattern.js'

export interface Source {
  readonly port: number
  /** Bytes that each client gets. */
  readonly total: number
  /** Bytes that were handed to the kernel so far, all clients together. */
  readonly sent: number
  /** Resolves when the newest client has got something. */
  flowing(): Promise<void>
  /** Resolves when nothing more has gone for a while. */
  stalled(): Promise<void>
  stop(): Promise<void>
}

export async function startSource(total: number = 128 * 1024 * 1024): Promise<Source> {
  const sockets = new Set<Socket>()
  let sent = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.resume()
    void pour(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  async function pour(socket: Socket): Promise<void> {
    const closed = new Promise((resolve) => socket.once('close', resolve))
    for (let at = 0; at < total / block && !socket.destroyed; at++) {
      const taken = new Promise<void>((resolve) => {
        socket.write(patternBlock(at), () => resolve())
      })
      await Promise.race([taken, closed])
      sent += block
    }
    socket.end()
  }

  return {
    port: (server.address() as AddressInfo).port,
    total,
    get sent() {
      return sent
    },
    async flowing() {
      const before = sent
      while (sent < before + 4 * block) await new Promise((resolve) => setTimeout(resolve, 5))
    },
    async stalled() {
      for (let last = -1; last !== sent || sent === 0; ) {
        last = sent
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
