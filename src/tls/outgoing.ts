// Everything on its way to the peer: content cut into records, sealed, and passed down in the order the sequence numbers
// were taken, from whichever lane it came. RFC 8446 §5.

import type { Bytes } from '../bytes/index.js'
import { concat } from '../bytes/index.js'
import type { MaybePromise } from '../layer.js'
import type { TraceEvent } from '../trace.js'
import type { RecordSealer } from './protection.js'
import { HEADER_LENGTH, writeHeader } from './record.js'
import { contentType, MAX_PLAINTEXT, nameOf } from './registry.js'

/** Records sealed at once by an asynchronous provider; two such batches may be under way. */
const BATCH = 8

export interface OutgoingPorts {
  down(chunk: Uint8Array): void
  /** Undefined: nobody watches. */
  trace(): ((event: TraceEvent) => void) | undefined
  /** Change the sending key: called when it may not protect many more records, or the peer asked for it. */
  renewKey(): void
}

export class Outgoing {
  readonly #ports: OutgoingPorts
  #sealer: RecordSealer | undefined
  #queued: Bytes[] | undefined
  /** What some of them wait for to be final. */
  #ready: Promise<void>[] | undefined
  /** The last flush that is not down yet. */
  #underWay: Promise<void> | undefined
  #synchronous = true
  /** Bytes of content in a record at most. */
  #limit = MAX_PLAINTEXT
  #owesUpdate = false
  #closed = false

  constructor(ports: OutgoingPorts) {
    this.#ports = ports
  }

  /** From here on records are protected by `sealer`. */
  protect(sealer: RecordSealer): void {
    this.#sealer = sealer
  }

  /** RFC 8449: no record holds more from here on; bytes of content. */
  limit(bytes: number): void {
    this.#limit = bytes
  }

  /** The peer asked for a key update and has none yet. */
  get owesUpdate(): boolean {
    return this.#owesUpdate
  }

  /** Change the key before any more application data. */
  oweUpdate(): void {
    this.#owesUpdate = true
  }

  /** Nothing goes down any more. */
  close(): void {
    this.#closed = true
  }

  /** Queue content as records under the current key; `flush` sends them. */
  queue(type: number, content: Uint8Array, version?: number): void {
    // RFC 8446 §5: change_cipher_spec is never protected.
    const sealer = type === contentType.change_cipher_spec ? undefined : this.#sealer
    const overhead = sealer === undefined ? HEADER_LENGTH : sealer.overhead
    const limit = this.#limit
    const count = Math.max(1, Math.ceil(content.length / limit))
    const bytes = new Uint8Array(content.length + count * overhead)
    const trace = this.#ports.trace()
    for (let i = 0, from = 0, at = 0; i < count; i++, from += limit) {
      const piece = count === 1 ? content : content.subarray(from, from + limit)
      const length = piece.length + overhead
      if (sealer === undefined) {
        writeHeader(bytes, at, type, piece.length, version)
        bytes.set(piece, at + HEADER_LENGTH)
      } else {
        const later = sealer.seal(type, piece, bytes, at)
        if (later !== undefined) {
          this.#ready ??= []
          this.#ready.push(later)
        }
        this.#synchronous = later === undefined
      }
      trace?.({
        type: 'record',
        direction: 'sent',
        contentType: nameOf(contentType, type),
        length,
        encrypted: sealer !== undefined,
      })
      at += length
    }
    // Nearly always the only one, and room for more is garbage.
    if (this.#queued === undefined) this.#queued = [bytes]
    else this.#queued.push(bytes)
  }

  /** Pass what is queued down, in one piece. Resolves when it is down. */
  flush(): MaybePromise<void> {
    const queued = this.#queued
    if (queued === undefined) return this.#underWay
    this.#queued = undefined
    const before = this.#underWay
    const ready = this.#ready
    if (before === undefined && ready === undefined) {
      this.#down(queued)
      return
    }
    this.#ready = undefined
    const now = this.#downAfter(before, ready, queued)
    this.#underWay = now
    const settle = () => {
      if (this.#underWay === now) this.#underWay = undefined
    }
    now.then(settle, settle)
    return now
  }

  /** Application data, in as few pieces as the provider and the key's limit allow. */
  send(chunk: Uint8Array): MaybePromise<void> {
    return this.#send(chunk, undefined)
  }

  #send(chunk: Uint8Array, previous: Promise<void> | undefined): MaybePromise<void> {
    while (chunk.length > 0) {
      let sealer = this.#sealer!
      // Two records are kept back: one for the KeyUpdate itself, one for an alert.
      if (sealer.left <= 2 || this.#owesUpdate) {
        this.#owesUpdate = false
        this.#ports.renewKey()
        sealer = this.#sealer!
      }
      const records = Math.max(1, Math.min(sealer.left - 2, this.#synchronous ? sealer.left : BATCH))
      const size = records * this.#limit
      const isLast = chunk.length <= size
      this.queue(contentType.application_data, isLast ? chunk : chunk.subarray(0, size))
      const under = this.flush()
      if (isLast) return under
      const rest = chunk.subarray(size)
      // The next batch is sealed while this one is: two are under way at most.
      if (under !== undefined) return Promise.resolve(previous).then(() => this.#send(rest, under))
      chunk = rest
    }
    return undefined
  }

  async #downAfter(
    before: Promise<void> | undefined,
    ready: readonly Promise<void>[] | undefined,
    queued: readonly Bytes[],
  ): Promise<void> {
    await (ready && Promise.all(ready))
    await before
    this.#down(queued)
  }

  #down(queued: readonly Bytes[]): void {
    if (!this.#closed) this.#ports.down(queued.length === 1 ? queued[0]! : concat(...queued))
  }
}
