// A strict cursor over DER (ITU-T X.690 §10): definite minimal lengths, low tag numbers, minimal integers, bounded depth
// and size. An element is a view into the bytes it was read from, so what a signature covers is never re-encoded.
// No meaning of any structure enters here; underflow and leftovers raise the code that the caller chose.
import type { Bytes } from '../bytes/index.js'
import { type ErrorCode, failure } from '../errors.js'

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
} as const

/** Deepest nesting that is read. Certificates need about ten levels. */
const MAX_DEPTH = 16
/** Longest OBJECT IDENTIFIER in content bytes. */
const MAX_OID = 64

/** Start reading: an element whose content is all of `bytes`. Larger inputs than `max` bytes are refused. */
export function der(bytes: Uint8Array, code: ErrorCode = 'ERR_CERT_ENCODING', max: number = 1 << 20): Der {
  if (bytes.length > max) throw failure(code, `more than ${max} bytes`)
  const own = bytes.buffer instanceof ArrayBuffer ? (bytes as Bytes) : new Uint8Array(bytes)
  return new Der(own, 0, 0, 0, own.length, 0, code)
}

/** One element, and a cursor over what it contains. */
export class Der {
  readonly tag: number
  readonly #bytes: Bytes
  readonly #start: number
  readonly #content: number
  readonly #end: number
  readonly #depth: number
  readonly #code: ErrorCode
  #at: number

  constructor(
    bytes: Bytes,
    tag: number,
    start: number,
    content: number,
    end: number,
    depth: number,
    code: ErrorCode,
  ) {
    this.#bytes = bytes
    this.tag = tag
    this.#start = start
    this.#content = content
    this.#end = end
    this.#depth = depth
    this.#code = code
    this.#at = content
  }

  /** Tag, length and content: a view. */
  get encoded(): Bytes {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  /** The content octets: a view. */
  get content(): Bytes {
    return this.#bytes.subarray(this.#content, this.#end)
  }

  get more(): boolean {
    return this.#at < this.#end
  }

  /** Tag of the next element, or undefined at the end. */
  peek(): number | undefined {
    return this.more ? this.#bytes[this.#at] : undefined
  }

  /** The next element, whose tag must be `tag` when one is given. */
  next(tag?: number): Der {
    const start = this.#at
    const found = this.peek()
    if (found === undefined) this.fail('an element is missing')
    if (tag !== undefined && found !== tag) this.fail(`tag ${found} where ${tag} belongs`)
    if ((found & 0x1f) === 0x1f) this.fail('a tag number above 30')
    if (this.#depth >= MAX_DEPTH) this.fail('nested too deeply')
    let at = start + 1
    let length = this.#bytes[at++] ?? 0x80
    if (length >= 0x80) {
      // X.690 §10.1: the definite form, in the fewest octets.
      const octets = length & 0x7f
      if (octets === 0 || octets > 3 || at + octets > this.#end) this.fail('a malformed length')
      length = 0
      for (let i = 0; i < octets; i++) length = (length << 8) | this.#bytes[at++]!
      if (length < 0x80 || length < 2 ** (8 * (octets - 1))) this.fail('a malformed length')
    }
    if (length > this.#end - at) this.fail('an element runs past its container')
    this.#at = at + length
    return new Der(this.#bytes, found, start, at, this.#at, this.#depth + 1, this.#code)
  }

  /** The next element if its tag is `tag`. */
  optional(tag: number): Der | undefined {
    return this.peek() === tag ? this.next(tag) : undefined
  }

  sequence(): Der {
    return this.next(tags.sequence)
  }

  /** Insist that everything was read. */
  end(): void {
    if (this.more) this.fail('elements left over')
  }

  /** Content octets of the next INTEGER, two's complement. */
  integer(): Bytes {
    return this.next(tags.integer).minimal()
  }

  /** This element's content as an INTEGER's, whatever its (possibly implicit) tag. */
  minimal(): Bytes {
    const value = this.content
    // X.690 §8.3.2: at least one octet; the first nine bits are not all alike.
    const [first, second = 0] = value
    const padded = value.length > 1 && first === (second < 0x80 ? 0 : 0xff)
    if (first === undefined || padded) this.fail('a malformed integer')
    return value
  }

  /** The next INTEGER, which must lie in 0..2^31-1. */
  small(): number {
    return this.next(tags.integer).number()
  }

  /** This element's content as an INTEGER in 0..2^31-1, whatever its (possibly implicit) tag. */
  number(): number {
    const value = this.minimal()
    if (value.length > 4 || value[0]! >= 0x80) this.fail('an integer out of range')
    return value.reduce((sum, byte) => sum * 256 + byte, 0)
  }

  boolean(): boolean {
    const value = this.next(tags.boolean).content
    // X.690 §11.1: TRUE is all ones.
    if (value.length !== 1 || (value[0] !== 0 && value[0] !== 0xff)) this.fail('a malformed boolean')
    return value[0] === 0xff
  }

  /** Dotted text of the next OBJECT IDENTIFIER. */
  oid(): string {
    const value = this.next(tags.oid).content
    if (value.length === 0 || value.length > MAX_OID || value.at(-1)! >= 0x80) this.fail('a malformed OID')
    const arcs: bigint[] = []
    let arc = 0n
    let fresh = true
    for (const byte of value) {
      // X.690 §8.19.2: no leading zero groups.
      if (fresh && byte === 0x80) this.fail('a malformed OID')
      arc = (arc << 7n) | BigInt(byte & 0x7f)
      fresh = byte < 0x80
      if (!fresh) continue
      if (arcs.length === 0) {
        const first = arc < 80n ? arc / 40n : 2n
        arcs.push(first)
        arc -= first * 40n
      }
      arcs.push(arc)
      arc = 0n
    }
    return arcs.join('.')
  }

  octets(): Bytes {
    return this.next(tags.octetString).content
  }

  /** This element as a BIT STRING. Unused bits at the end are allowed, and must be zero, when `partial`. */
  bitString(partial = false): Bytes {
    const value = this.content
    const unused = value[0]
    if (
      this.tag !== tags.bitString ||
      unused === undefined ||
      unused > 7 ||
      (unused > 0 && (!partial || value.length === 1)) ||
      // X.690 §11.2.1: unused bits are zero.
      (value.at(-1)! & ((1 << unused) - 1)) !== 0
    )
      this.fail('a malformed bit string')
    return value.subarray(1)
  }

  /** The whole of an OCTET STRING or an explicit tag, as the one element within. */
  inside(tag?: number): Der {
    const element = this.next(tag)
    this.end()
    return element
  }

  /** A cursor over bytes found within this one (the content of an OCTET STRING, say), under the same code. */
  nested(bytes: Bytes): Der {
    return new Der(bytes, 0, 0, 0, bytes.length, this.#depth, this.#code)
  }

  fail(detail: string): never {
    throw failure(this.#code, detail)
  }
}
