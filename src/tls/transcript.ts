// The transcript hash: every handshake message in order, headers included. RFC 8446 §4.4.1.
import { type Bytes, concat } from '../bytes/index.js'
import type { Hash, RunningHash } from '../crypto/provider.js'
import type { HandshakeMessage } from './messages/message.js'
import { handshakeType } from './registry.js'

/** What the last server chose. */
let usual: Hash | undefined

/** One begun while a server thinks, with the hash that it will choose most likely. */
export function beginTranscript(clientHello: HandshakeMessage): Transcript | undefined {
  return usual && new Transcript(usual, clientHello)
}

export class Transcript {
  readonly hash: Hash
  #running: RunningHash

  constructor(hash: Hash, clientHello: HandshakeMessage) {
    usual = hash
    this.hash = hash
    this.#running = hash.create()
    this.add(clientHello)
  }

  add(message: HandshakeMessage): void {
    this.#running.update(message.bytes)
  }

  /** The hash of all messages so far. */
  digest(): Bytes {
    return this.#running.digest()
  }

  /** RFC 8446 §4.4.1: on HelloRetryRequest a message_hash stands for the first ClientHello. */
  retry(): void {
    const first = messageHash(this.digest())
    this.#running = this.hash.create()
    this.#running.update(first)
  }
}

/** RFC 8446 §4.4.1: the message that stands for a ClientHello of this hash. */
export function messageHash(digest: Uint8Array): Bytes {
  return concat(new Uint8Array([handshakeType.message_hash, 0, 0, digest.length]), digest)
}
