// A service that sends as much as it is let, and tells how much it could: what a stopped reader is measured with.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { sample } from '../support/traffic.js'

export interface Flood {
  readonly port: number
  readonly size: number
  /** SHA-256 of what each connection is sent. */
  readonly digest: string
  /** Bytes of the newest connection that its kernel took, once it takes no more for a while. */
  stalled(): Promise<number>
  stop(): Promise<void>
}

const piece = 64 * 1024

export async function startFlood(size: number): Promise<Flood> {
  const bytes = sample(size)
  const sockets = new Set<Socket>()
  let newest: Socket | undefined
  const server = createServer((socket) => {
    newest = socket
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    let at = 0
    const more = (): void => {
      while (at < size) {
        const isRoom = socket.write(bytes.subarray(at, (at += piece)))
        if (!isRoom) return void socket.once('drain', more)
      }
      socket.end()
    }
    more()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    size,
    digest: createHash('sha256').update(bytes).digest('hex'),
    async stalled() {
      let before = -1
      let taken = 0
      // A peer that takes more after such a pause only makes the number larger than it is told here.
      while (taken !== before) {
        before = taken
        await sleep(500)
        taken = (newest?.bytesWritten ?? 0) - (newest?.writableLength ?? 0)
      }
      return taken
    },
    async stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
