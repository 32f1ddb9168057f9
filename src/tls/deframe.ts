// Handshake messages out of the fragments that records carry: a message may span records, a record may hold several.
// RFC 8446 §5.1.
import { ByteQueue } from '../bytes/index.js'
import { failure } from '../errors.js'
import type { HandshakeMessage } from './messages/message.js'

export class HandshakeDeframer {
  readonly #queue = new ByteQueue()
  readonly #maxMessage: number
  /** Nobody looks at the messages' spans. */
  unwatched = false

  /** `maxMessage` bounds one message, header and all, in bytes. */
  constructor(maxMessage: number) {
    this.#maxMessage = maxMessage
  }

  push(fragment: Uint8Array): void {
    // RFC 8446 §5.1: zero-length fragments of handshake type MUST NOT be sent.
    if (fragment.length === 0) throw failure('ERR_TLS_UNEXPECTED_MESSAGE', 'an empty handshake record')
    this.#queue.push(fragment)
  }

  /** Bytes of a message not whole yet, or of messages not taken yet. */
  get waiting(): number {
    return this.#queue.length
  }

  next(): HandshakeMessage | undefined {
    if (this.#queue.length < 4) return undefined
    const [type, high, middle, low] = this.#queue.peek(4) as unknown as [number, number, number, number]
    const length = 4 + ((high << 16) | (middle << 8) | low)
    if (length > this.#maxMessage) throw failure('ERR_TLS_LIMIT', `a handshake message of ${length} bytes`)
    if (this.#queue.length < length) return undefined
    const bytes = this.#queue.take(length)
    return this.unwatched ? { type, bytes, unwatched: true } : { type, bytes }
  }
}
