// Records out of a stream of bytes, in whatever pieces it comes: only the header is understood here. RFC 8446 §5.1.
import { ByteQueue, type Bytes } from '../bytes/index.js'
import { failure } from '../errors.js'
import { contentType, MAX_CIPHERTEXT } from './registry.js'

export const HEADER_LENGTH = 5

export interface TlsRecord {
  readonly type: number
  /** The five bytes of the header: the additional data of a protected record. */
  readonly header: Uint8Array
  readonly fragment: Uint8Array
}

export class RecordReader {
  readonly #queue = new ByteQueue()
  #first = true
  #reuse = false
  #scratch: Bytes | undefined

  /**
   * Whether a record is no longer needed when the next is asked for. Then records that lie across chunks are joined in
   * the same memory again and again. To be set to false while the last one is still in use.
   */
  set reuse(reuse: boolean) {
    this.#reuse = reuse
    if (!reuse) this.#scratch = undefined
  }

  push(chunk: Uint8Array): void {
    this.#queue.push(chunk)
  }

  /** The next whole record, or undefined. `maxFragment` in bytes is what the record may hold at this moment. */
  next(maxFragment: number): TlsRecord | undefined {
    const queue = this.#queue
    if (queue.length < HEADER_LENGTH) return undefined
    const type = queue.at(0)!
    const known = type >= contentType.change_cipher_spec && type <= contentType.application_data
    // Something that is not TLS shows in its first bytes; after that legacy_record_version is ignored (RFC 8446 §5.1).
    if (this.#first && (!known || queue.at(1) !== 3)) throw failure('ERR_TLS_NOT_TLS')
    // RFC 8446 §5: an unexpected record type MUST be answered with unexpected_message.
    if (!known) throw failure('ERR_TLS_RECORD_TYPE', String(type))
    const length = (queue.at(3)! << 8) | queue.at(4)!
    // RFC 8446 §5.1, §5.2: longer records MUST end the connection with record_overflow.
    if (length > Math.min(maxFragment, MAX_CIPHERTEXT))
      throw failure('ERR_TLS_RECORD_OVERFLOW', `${length} bytes`)
    if (queue.length < HEADER_LENGTH + length) return undefined
    this.#first = false
    return { type, header: queue.take(HEADER_LENGTH), fragment: this.#fragment(length) }
  }

  /** In place where one chunk holds it all. */
  #fragment(length: number): Uint8Array {
    if (length === 0) return new Uint8Array(0)
    let part = this.#queue.takeChunk(length)!
    if (part.length === length) return part
    if (this.#reuse) this.#scratch ??= new Uint8Array(MAX_CIPHERTEXT)
    const whole = this.#scratch?.subarray(0, length) ?? new Uint8Array(length)
    for (let at = 0; ; part = this.#queue.takeChunk(length - at)!) {
      whole.set(part, at)
      at += part.length
      if (at === length) return whole
    }
  }
}

/** Write a record header into `out` at `at`. RFC 8446 §5.1: legacy_record_version is 0x0303, 0x0301 in the first hello. */
export function writeHeader(
  out: Uint8Array,
  at: number,
  type: number,
  length: number,
  version: number = 0x0303,
): void {
  out[at] = type
  out[at + 1] = version >> 8
  out[at + 2] = version & 0xff
  out[at + 3] = length >> 8
  out[at + 4] = length & 0xff
}
