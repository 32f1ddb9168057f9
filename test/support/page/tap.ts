// A TCP relay that keeps what the client's side sent on its last connection, and reads WebSocket frames out of it: what
// really went over the wire, whatever anybody's API says.
import { startRelay } from '../relay.js'

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
  let heard: Buffer[] | undefined
  const { port, sockets, stop } = await startRelay(targetPort, (near) => {
    const keep = heard !== undefined && heard.length === 0 ? heard : undefined
    if (keep !== undefined) near.on('data', (chunk) => keep.push(chunk))
  })
  return {
    port,
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
    stop,
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
