// The framing of `alpn-ping` and of `*-ping` protocols: a 32-bit big-endian length, then that many bytes; length 0 is a
// ping. Packets are streamed, never gathered: a header or a payload may be split anywhere.
import { failure } from '../errors-node.js'

/** Four zero bytes: a packet without payload. */
export const pingPacket: Uint8Array = new Uint8Array(4)

/** The header of a packet; `length` is never 0, or it would be a ping. */
export function packetHeader(length: number): Uint8Array {
  const header = new Uint8Array(4)
  new DataView(header.buffer).setUint32(0, length)
  return header
}

export class PacketReader {
  readonly #limit: number
  /** Bytes of the current payload still to come. */
  #remaining = 0
  #header = 0
  #headerBytes = 0
  /** Pings that came so far. */
  pings = 0

  /** `limit`: what a packet may claim. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether the stream may end here. */
  get betweenPackets(): boolean {
    return this.#remaining === 0 && this.#headerBytes === 0
  }

  /** The payload in a chunk, as views of it. Throws ERR_PING_TOO_LARGE. */
  read(chunk: Buffer): Buffer[] {
    const payloads: Buffer[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const payload = chunk.subarray(at, at + this.#remaining)
        payloads.push(payload)
        this.#remaining -= payload.length
        at += payload.length
        continue
      }
      this.#header = this.#header * 256 + chunk[at++]!
      if (++this.#headerBytes < 4) continue
      if (this.#header > this.#limit) {
        throw failure('ERR_PING_TOO_LARGE', `${this.#header} bytes, ${this.#limit} allowed`)
      }
      this.#remaining = this.#header
      if (this.#header === 0) this.pings++
      this.#header = 0
      this.#headerBytes = 0
    }
    return payloads
  }
}
