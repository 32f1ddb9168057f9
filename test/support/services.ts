// Small TCP services for the far end of a tunnel.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface Service {
  readonly port: number
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Sends back what it gets, and ends when the client ends. */
export function startEcho(): Promise<Service> {
  return startService((socket) => socket.pipe(socket))
}

/** Reads to the end, and only then says how many bytes came: answered over a half-closed connection. */
export function startCounter(): Promise<Service> {
  return startService((socket) => {
    let bytes = 0
    socket.on('data', (chunk) => {
      bytes += chunk.length
    })
    socket.on('end', () => socket.end(`${bytes} bytes`))
  })
}

async function startService(serve: (socket: Socket) => void): Promise<Service> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return { port: (server.address() as AddressInfo).port, stop, [Symbol.asyncDispose]: stop }
}
