// Everything on its way from the peer: chunks made records, records opened, their content handled one after the other.
// Synchronous as long as provider and handler are; with a provider that takes its time several records are opened at
// once and handled in their order. RFC 8446 §5.
import type { MaybePromise } from '../layer.js'
import { isPromise } from './maybe-promise.js'
import type { Content, RecordOpener } from './protection.js'
import { RecordReader, type TlsRecord } from './record.js'
import { MAX_CIPHERTEXT, MAX_PLAINTEXT } from './registry.js'

/** Records opened at once by an asynchronous provider. */
const READ_AHEAD = 8

export interface IncomingPorts {
  /** One record's content; `length` in bytes is that of its fragment on the wire. */
  handle(content: Content, length: number): MaybePromise<void>
  /** During the handshake any record may change the keys of the next, so none is opened ahead. */
  isOpen(): boolean
}

/** A record on its way through an asynchronous provider. */
interface Waiting {
  readonly length: number
  readonly open: () => MaybePromise<Content>
  content: MaybePromise<Content>
}

export class Incoming {
  readonly #ports: IncomingPorts
  readonly #records = new RecordReader()
  #opener: RecordOpener | undefined
  #closed = false
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
      if (isPromise(content)) return this.#pumpAhead({ ...this.#wait(record), content })
      const handled = this.#ports.handle(content, record.fragment.length)
      if (isPromise(handled)) return handled.then(() => this.pump())
    }
  }

  async #pumpAhead(first: Waiting): Promise<void> {
    const ahead: Waiting[] = [first]
    while (ahead.length > 0 && !this.#closed) {
      if (this.#ports.isOpen()) this.#readAhead(ahead, READ_AHEAD)
      const { content, length } = ahead.shift()!
      const opener = this.#opener
      await this.#ports.handle(await content, length)
      // A key update in it: what was opened ahead was opened with the wrong key.
      if (this.#opener !== opener) for (const waiting of ahead) waiting.content = settle(waiting.open)
      if (ahead.length === 0) this.#readAhead(ahead, 1)
    }
  }

  #readAhead(ahead: Waiting[], count: number): void {
    while (ahead.length < count) {
      let waiting: Omit<Waiting, 'content'>
      try {
        const record = this.#next()
        if (record === undefined) return
        waiting = this.#wait(record)
      } catch (error) {
        // What cannot be a record waits for its turn too: what came before it is whole.
        const open = () => Promise.reject(error)
        ahead.push({ length: 0, open, content: settle(open) })
        return
      }
      ahead.push({ ...waiting, content: settle(waiting.open) })
    }
  }

  #wait(record: TlsRecord): Omit<Waiting, 'content'> {
    return { length: record.fragment.length, open: () => this.#open(record) }
  }

  #next(): TlsRecord | undefined {
    return this.#records.next(this.#opener === undefined ? MAX_PLAINTEXT : this.#maxFragment)
  }

  #open(record: TlsRecord): MaybePromise<Content> {
    return this.#opener === undefined
      ? { type: record.type, content: record.fragment }
      : this.#opener.open(record)
  }
}

/** Now or later; a failure that nobody waits for any more is not told. */
function settle<T>(run: () => MaybePromise<T>): Promise<T> {
  const result = new Promise<T>((resolve) => resolve(run()))
  result.catch(() => {})
  return result
}
