// WebSocket servers that go wrong in one way each, below what a library would allow: the upgrade is answered by hand, and
// what comes then is the case's own affair.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface BrokenServer {
  readonly port: number
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Called with what comes behind the request, as it comes. */
export type Misbehaviour = (socket: Socket, chunk: Buffer) => void

/** Upgrades every request, then leaves the socket to `misbehave`. */
export async function startBroken(misbehave: Misbehaviour): Promise<BrokenServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let head = ''
    socket.on('data', (chunk) => {
      if (head.includes('\r\n\r\n')) return misbehave(socket, chunk)
      head += chunk.toString('latin1')
      if (head.includes('\r\n\r\n')) socket.write(accepting(head))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { port: (server.address() as AddressInfo).port, stop, [Symbol.asyncDispose]: stop }
}

/**
 * As Teleport 15.3.7 to 16.1: the payload is taken as it comes, masked, and whoever does not begin a TLS handshake is cut
 * off without a word. A client that masks with zeroes would be understood.
 */
export const withoutUnmasking: Misbehaviour = (socket, chunk) => {
  const short = chunk[1]! & 0x7f
  const start = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + 4
  const payload = chunk.subarray(start)
  if (payload.length < 3) return
  // RFC 8446 §5.1: a handshake record.
  const isHandshake = payload[0] === 22 && payload[1] === 3
  if (!isHandshake) socket.destroy()
}

/** A few bytes of a ServerHello that never gets whole, then the end. */
export const cutInHandshake: Misbehaviour = (socket) => {
  socket.end(Buffer.from([0x82, 7, 22, 3, 3, 0, 90, 2, 0]))
}

/** Takes everything and says nothing. */
export const silent: Misbehaviour = () => {}

/** Talks text. */
export const texting: Misbehaviour = (socket) => void socket.write(Buffer.from([0x81, 2, 0x68, 0x69]))

/** Says something, closes with a code, and ends when the client has said so too. */
export function closingWith(code: number): Misbehaviour {
  const closing = new WeakSet<Socket>()
  return (socket) => {
    if (closing.has(socket)) socket.end()
    else socket.write(Buffer.from([0x82, 1, 22, 0x88, 2, code >> 8, code & 0xff]))
    closing.add(socket)
  }
}

function accepting(head: string): string {
  const key = /^sec-websocket-key: (.*)\r$/im.exec(head)?.[1] ?? ''
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: alpn-ping\r\n\r\n`
}
