// A bounds-checked cursor over one message. Every length prefix yields a sub-reader, so nothing can read past the field
// it is in, and `end()` insists that a field was consumed whole. Underflow raises the code the caller chose.
import { type ErrorCode, failure } from '../errors.js'
import type { Span } from '../trace.js'
import type { Bytes } from './index.js'

export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #code: ErrorCode
  readonly #end: number
  #offset: number
  /** Where spans are collected, shared with sub-readers; undefined when nobody watches. */
  readonly spans: Span[] | undefined

  constructor(
    bytes: Uint8Array,
    code: ErrorCode,
    options: { readonly start?: number; readonly end?: number; readonly spans?: Span[] | undefined } = {},
  ) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#code = code
    this.#offset = options.start ?? 0
    this.#end = options.end ?? bytes.length
    this.spans = options.spans
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#offset
  }

  /** Position in the underlying bytes. */
  get offset(): number {
    return this.#offset
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4))
  }

  /** A view of the next `length` bytes, not a copy. */
  view(length: number): Uint8Array {
    const at = this.#advance(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** A copy of the next `length` bytes. */
  copy(length: number): Bytes {
    return new Uint8Array(this.view(length))
  }

  /** A view of everything left. */
  rest(): Uint8Array {
    return this.view(this.remaining)
  }

  /** A sub-reader over a vector with a length prefix of 1, 2 or 3 bytes; `min` and `max` bound its content in bytes. */
  vector(prefix: 1 | 2 | 3, min = 0, max: number = Number.POSITIVE_INFINITY): Reader {
    let length = 0
    for (let i = 0; i < prefix; i++) length = (length << 8) | this.u8()
    if (length < min || length > max)
      this.fail(`a vector of ${length} bytes where ${min}..${max} are allowed`)
    const start = this.#advance(length)
    return new Reader(this.#bytes, this.#code, { start, end: start + length, spans: this.spans })
  }

  /** Insist that everything was read. */
  end(what = 'field'): void {
    if (this.remaining !== 0) this.fail(`${this.remaining} bytes left over after the ${what}`)
  }

  fail(detail: string): never {
    throw failure(this.#code, detail)
  }

  #advance(length: number): number {
    const at = this.#offset
    if (length > this.#end - at) this.fail(`${length} bytes wanted, ${this.#end - at} left`)
    this.#offset = at + length
    return at
  }
}
