// A growing buffer for one message. `vector` writes a length prefix and fills it in once its content is known, so a
// wrong length cannot be written. Spans name what was written, for traces.
import type { Span } from '../trace.js'
import type { Bytes } from './index.js'

export class Writer {
  #bytes: Bytes
  #length = 0
  readonly #spans: Span[] = []

  /** `capacity` in bytes is a guess, not a bound. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
  }

  u8(value: number): this {
    const at = this.#grow(1)
    this.#bytes[at] = value
    return this
  }

  u16(value: number): this {
    const at = this.#grow(2)
    this.#bytes[at] = value >>> 8
    this.#bytes[at + 1] = value
    return this
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value & 0xffff)
  }

  bytes(data: Uint8Array): this {
    const at = this.#grow(data.length)
    this.#bytes.set(data, at)
    return this
  }

  /** A vector with a length prefix of 1, 2 or 3 bytes around what `content` writes. */
  vector(prefix: 1 | 2 | 3, content: (writer: this) => void): this {
    const at = this.#grow(prefix)
    content(this)
    const length = this.#length - at - prefix
    if (length >= 2 ** (8 * prefix))
      throw new RangeError(`vector of ${length} bytes under a ${prefix}-byte prefix`)
    for (let i = 0; i < prefix; i++) this.#bytes[at + i] = length >>> (8 * (prefix - 1 - i))
    return this
  }

  /** Name what `content` writes. A parent's span precedes its children's. */
  span(label: string, content: (writer: this) => void, value?: string): this {
    const index = this.#spans.length
    const start = this.#length
    this.#spans.push({ start, end: start, label })
    content(this)
    this.#spans[index] =
      value === undefined ? { start, end: this.#length, label } : { start, end: this.#length, label, value }
    return this
  }

  get spans(): readonly Span[] {
    return this.#spans
  }

  /** A copy of what was written. */
  finish(): Bytes {
    return this.#bytes.slice(0, this.#length)
  }

  #grow(count: number): number {
    const at = this.#length
    const needed = at + count
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#length = needed
    return at
  }
}
