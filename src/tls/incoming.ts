// Everything on its way from the peer: chunks made records, records opened, their content handled one after the other.
// Synchronous as long as provider and handler are; with a provider that takes its time several records are opened at
// once and handled in their order. RFC 8446 §5.
import { failure } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import { isPromise, quiet } from './maybe-promise.js'
import type { Content, RecordOpener } from './protection.js'
import { RecordReader, type TlsRecord } from './record.js'
import { MAX_CIPHERTEXT, MAX_PLAINTEXT } from './registry.js'

/** Records opened at once by an asynchronous provider. */
const READ_AHEAD = 8

export interface IncomingPorts {
  /** One record's content; `length` in bytes is that of its fragment on the wire. */
  handle(content: Content, length: number): MaybePromise<void>
  /** The next chunk that waits to be pushed, if there is one. */
  more(): Uint8Array | undefined
  /** The handshake is over. */
  isOpen(): boolean
}

/** A record on its way through an asynchronous provider. */
interface Waiting {
  /** Absent for what is none. */
  readonly record?: TlsRecord
  content: MaybePromise<Content>
}

export class Incoming {
  readonly #ports: IncomingPorts
  readonly #records = new RecordReader()
  #opener: RecordOpener | undefined
  #closed = false
  #isAhead = false
  #maxFragment = MAX_CIPHERTEXT

  constructor(ports: IncomingPorts) {
    this.#ports = ports
  }

  /** Whether records are protected. */
  get isProtected(): boolean {
    return this.#opener !== undefined
  }

  /** From the next record on. */
  protect(opener: RecordOpener): void {
    this.#opener = opener
  }

  /** RFC 8449: longer protected records are refused from here on; bytes of fragment. */
  limit(bytes: number): void {
    this.#maxFragment = bytes
  }

  /** What follows is ignored. */
  close(): void {
    this.#closed = true
  }

  push(chunk: Uint8Array): void {
    this.#records.push(chunk)
  }

  /** Handle records as long as there are whole ones. */
  pump(): MaybePromise<void> {
    while (!this.#closed) {
      const record = this.#next()
      if (record === undefined) return
      const content = this.#open(record)
      // What was opened at once lies in memory of its own, and the record's may be used again.
      this.#records.reuse = this.#ports.isOpen() && !isPromise(content)
      if (isPromise(content)) return this.#pumpAhead({ record, content })
      const handled = this.#ports.handle(content, record.fragment.length)
      if (isPromise(handled)) return handled.then(() => this.pump())
    }
  }

  async #pumpAhead(first: Waiting): Promise<void> {
    const ahead = [first]
    this.#isAhead = true
    try {
      for (let next = ahead.shift(); next !== undefined && !this.#closed; next = ahead.shift()) {
        this.#readAhead(ahead, READ_AHEAD - 1)
        const opener = this.#opener
        const content = await next.content
        const { length } = next.record!.fragment
        // RFC 8449: it may have been read before the limit was known.
        if (length > this.#maxFragment) throw failure('ERR_TLS_RECORD_OVERFLOW')
        const handled = this.#ports.handle(content, length)
        if (handled !== undefined) await handled
        // Another key from here on: what was opened ahead was opened with the wrong one.
        if (this.#opener !== opener)
          for (const each of ahead) if (each.record) each.content = quiet(this.#opened(each.record))
        if (ahead.length === 0) this.#readAhead(ahead, 1)
      }
    } finally {
      this.#isAhead = false
    }
  }

  /** With the key of now, which may turn out to be the wrong one. */
  #readAhead(ahead: Waiting[], count: number): void {
    while (ahead.length < count) {
      try {
        const record = this.#next()
        if (record === undefined) return
        ahead.push({ record, content: quiet(this.#opened(record)) })
      } catch (error) {
        // What cannot be a record waits for its turn too: what came before it is whole.
        ahead.push({ content: quiet(Promise.reject(error)) })
        return
      }
    }
  }

  /** What it throws is heard in its turn. */
  async #opened(record: TlsRecord): Promise<Content> {
    return this.#open(record)
  }

  #next(): TlsRecord | undefined {
    for (;;) {
      const record = this.#records.next(this.#opener === undefined ? MAX_PLAINTEXT : this.#maxFragment)
      const more = record ?? (this.#isAhead ? this.#ports.more() : undefined)
      if (!(more instanceof Uint8Array)) return more
      this.#records.push(more)
    }
  }

  #open(record: TlsRecord): MaybePromise<Content> {
    return this.#opener === undefined
      ? { type: record.type, content: record.fragment }
      : this.#opener.open(record)
  }
}
