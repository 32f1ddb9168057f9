// What the application writes, until the topmost layer takes it. Bytes go down only while little is unsent below, so a
// writer that does not wait cannot fill the layers, nor keep their answers to the peer from leaving.
import type { MaybePromise } from '../layer.js'
import { type Deferred, deferred } from './deferred.js'
import type { Gauge } from './lane.js'

/** Larger chunks pass in pieces (views, not copies): four full TLS records. */
export const SLICE: number = 64 * 1024

/** A chunk in pieces of at most `SLICE` bytes; none for an empty one. */
export function* slices(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += SLICE) yield chunk.subarray(at, at + SLICE)
}

export interface OutboxOptions {
  readonly gauge: Gauge
  /** Cost on the gauge below which more may go down. */
  readonly limit: number
  /** Hand one item to the topmost lane. */
  readonly pass: (item: Uint8Array | 'end') => void
  /** Items handed over that are not processed yet. */
  readonly outstanding: () => number
}

export class Outbox {
  readonly #options: OutboxOptions
  #items: Array<Uint8Array | 'end' | undefined> = []
  #head = 0
  #added = 0
  #passed = 0
  #waiting: Array<{ readonly target: number; readonly limit: number; readonly done: Deferred }> = []

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Queue chunks, or the end; `pump` moves them. */
  add(chunks: readonly Uint8Array[] | 'end'): void {
    const before = this.#items.length
    if (chunks === 'end') this.#items.push('end')
    else {
      for (const chunk of chunks) {
        if (chunk.length > SLICE) for (const slice of slices(chunk)) this.#items.push(slice)
        // Nearly always the only one, and room for more is garbage.
        else if (this.#items.length === 0 && chunk.length > 0) this.#items = [chunk]
        else if (chunk.length > 0) this.#items.push(chunk)
      }
    }
    this.#added += this.#items.length - before
  }

  /** What waits, without overhead. */
  get bytes(): number {
    return this.#items
      .slice(this.#head)
      .reduce((total, item) => total + (item instanceof Uint8Array ? item.length : 0), 0)
  }

  /** Nothing waits. */
  get isEmpty(): boolean {
    return this.#head === this.#items.length
  }

  /** Something waits and may go. */
  get ready(): boolean {
    return this.#head < this.#items.length && this.#options.gauge.bytes < this.#options.limit
  }

  pump(): void {
    while (this.ready) {
      const item = this.#items[this.#head]!
      // Its place may stay for a while, and must not keep it in memory.
      this.#items[this.#head++] = undefined
      this.#passed++
      this.#options.pass(item)
    }
    if (this.#head === this.#items.length) {
      if (this.#head > 0) this.#items = []
      this.#head = 0
    } else if (this.#head > 256) {
      this.#items.splice(0, this.#head)
      this.#head = 0
    }
  }

  /** Resolves when all that was added until now is processed and less than `limit` waits below. */
  drained(limit: number = this.#options.limit): MaybePromise<void> {
    const target = this.#added
    if (this.#isDrained(target, limit)) return undefined
    const done = deferred()
    this.#waiting.push({ target, limit, done })
    return done.promise
  }

  settle(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (!this.#isDrained(first.target, first.limit)) return
      this.#waiting.shift()
      first.done.resolve()
    }
  }

  /** Drop what waits; everybody who waits hears why, or that it is well if there is no reason. */
  close(reason: unknown): void {
    this.#items = []
    this.#head = 0
    const waiting = this.#waiting
    this.#waiting = []
    for (const { done } of waiting) reason === undefined ? done.resolve() : done.reject(reason)
  }

  #isDrained(target: number, limit: number): boolean {
    const { gauge, outstanding } = this.#options
    return gauge.bytes < limit && this.#passed - outstanding() >= target
  }
}
