// A TCP relay that keeps what the client's side sent on its last connection, and reads WebSocket frames out of it: what
// really went over the wire, whatever anybody's API says.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Frame {
  readonly fin: boolean
  readonly reserved: boolean
  readonly opcode: number
  readonly masked: boolean
  readonly length: number
}

export interface Tap {
  readonly port: number
  /** Forget what was heard, and keep what the next connection says. */
  reset(): void
  /** Lines of the request head, and the whole frames behind it. */
  read(): { readonly head: readonly string[]; readonly frames: readonly Frame[] }
  /** Break every connection, as a lost network does. */
  cut(): void
  stop(): Promise<void>
}

/** Relays to a port of 127.0.0.1. */
export async function startTap(targetPort: number): Promise<Tap> {
  const sockets = new Set<Socket>()
  let heard: Buffer[] | undefined
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const keep = heard !== undefined && heard.length === 0 ? heard : undefined
    if (keep !== undefined) near.on('data', (chunk) => keep.push(chunk))
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
    reset() {
      heard = []
    },
    read() {
      const bytes = Buffer.concat(heard ?? [])
      const end = bytes.indexOf('\r\n\r\n')
      return {
        head: bytes.subarray(0, end).toString('latin1').split('\r\n'),
        frames: [...framesOf(bytes.subarray(end + 4))],
      }
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** RFC 6455 §5.2. */
function* framesOf(bytes: Buffer): Generator<Frame> {
  for (let at = 0; at + 2 <= bytes.length; ) {
    const [first, second] = [bytes[at]!, bytes[at + 1]!]
    const short = second & 0x7f
    const extra = short === 126 ? 2 : short === 127 ? 8 : 0
    if (at + 2 + extra > bytes.length) return
    const length =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short
    const masked = (second & 0x80) !== 0
    at += 2 + extra + (masked ? 4 : 0) + length
    if (at > bytes.length) return
    yield { fin: (first & 0x80) !== 0, reserved: (first & 0x70) !== 0, opcode: first & 0x0f, masked, length }
  }
}
