// A local port whose connections are carried through the tunnel, one tunnel each: what `psql` connects to.
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream'
import { asTunnelError, type TunnelError } from '../../errors-node.js'

export interface Listener {
  readonly port: number
  close(): Promise<void>
}

export async function startListener(
  open: () => Duplex,
  onError: (error: TunnelError) => void,
): Promise<Listener> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const tunnel = open()
    const settle = (error?: Error | null) => {
      if (error && !socket.destroyed) onError(asTunnelError(error, 'ERR_STREAM_RESET'))
      if (error) {
        socket.destroy()
        tunnel.destroy()
      }
    }
    pipeline(socket, tunnel, settle)
    pipeline(tunnel, socket, settle)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
