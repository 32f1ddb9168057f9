// Record protection: one direction under one traffic secret. Sequence numbers are taken synchronously at the call, so
// several records may be in flight with an asynchronous provider; a synchronous one pays for no promise. RFC 8446 §5.2-§5.5.
// What TLS 1.2 shares with it is the base class; its records are in protection12.
import type { Bytes } from '../bytes/index.js'
import type { AeadKey, CipherSuite } from '../crypto/provider.js'
import { failure } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import { isPromise } from './maybe-promise.js'
import { HEADER_LENGTH, type TlsRecord, writeHeader } from './record.js'
import { contentType, MAX_PLAINTEXT } from './registry.js'
import { trafficKeys } from './schedule.js'

export const TAG_LENGTH = 16
/** Content from which on an asynchronous provider's calls share memory: who sends little should not hold much. */
const WORTH_SHARING = 4096
/** A record's content, its protection removed. */
export interface Content {
  readonly type: number
  readonly content: Uint8Array
}

/** Protects records on their way to the peer. */
export interface RecordSealer {
  /** Bytes a record has beside its content. */
  readonly overhead: number
  /** Records that may still be sealed before the key must be changed. */
  readonly left: number
  /** Write a whole protected record into `out` at `at`; a promise when the provider works asynchronously. */
  seal(type: number, content: Uint8Array, out: Uint8Array, at: number): Promise<void> | undefined
}

/** Removes the protection of the peer's records; ERR_TLS_BAD_RECORD_MAC when there is something wrong with it. */
export interface RecordOpener {
  open(record: TlsRecord): MaybePromise<Content>
}

/** A key of a direction and its static IV of twelve bytes. */
export interface RecordKeys {
  readonly key: Bytes
  readonly iv: Bytes
}

/** What both directions share: the key, and a nonce for each record. */
export class Protection {
  #key: MaybePromise<AeadKey>
  protected readonly iv: Bytes
  readonly #limit: number
  /** The sequence number in two words: a JavaScript number would lose its low bits past 2^53. */
  #high = 0
  #low = 0
  /** Used for one record after the other, as long as the provider proves synchronous. */
  #nonce: Bytes | undefined

  constructor({ aead }: CipherSuite, { key, iv }: RecordKeys) {
    this.iv = iv
    this.#limit = aead.recordLimit
    const imported = aead.importKey(key)
    this.#key = imported
    if (isPromise(imported)) {
      imported.then(
        (ready) => (this.#key = ready),
        () => {},
      )
    }
  }

  /** What the provider is given may be used again before its result has come. */
  protected get readsAtOnce(): boolean {
    const key = this.#key
    return !isPromise(key) && key.readsAtOnce === true
  }

  /** Records taken so far. */
  get count(): number {
    return this.#high * 2 ** 32 + this.#low
  }

  get left(): number {
    return this.#limit - this.count
  }

  /** RFC 8446 §5.3: the sequence number, padded to the left, XORed with the static IV. */
  protected nonce(): Bytes {
    const { iv } = this
    this.#nonce ??= iv.slice()
    const nonce = this.#nonce
    for (let i = 0, at = iv.length - 1, high = this.#high, low = this.#low; i < 4; i++, at--) {
      nonce[at] = iv[at]! ^ (low >>> (8 * i))
      nonce[at - 4] = iv[at - 4]! ^ (high >>> (8 * i))
    }
    this.#low = (this.#low + 1) >>> 0
    // RFC 8446 §5.3: sequence numbers MUST NOT wrap; two words of them outlast any connection.
    if (this.#low === 0) this.#high++
    return nonce
  }

  /** Ciphertext and tag into `out`, which has their length. */
  protected sealInto(
    nonce: Bytes,
    aad: Uint8Array,
    plaintext: Uint8Array,
    out: Uint8Array,
  ): Promise<void> | undefined {
    // RFC 8446 §5.5: a key has a limit; whoever seals must have changed it before. The nonce is taken already.
    if (this.left < 0) throw failure('ERR_TLS_KEY_LIMIT')
    const key = this.#key
    if (!isPromise(key) && key.sealInto !== undefined) {
      key.sealInto(nonce, aad, plaintext, out)
      return undefined
    }
    const sealed = this.#kept(
      isPromise(key)
        ? key.then((ready) => ready.seal(nonce, aad, plaintext))
        : key.seal(nonce, aad, plaintext),
    )
    if (isPromise(sealed)) return sealed.then((ciphertext) => out.set(ciphertext))
    out.set(sealed)
    return undefined
  }

  /** The plaintext of ciphertext and tag. */
  protected openSealed(nonce: Bytes, aad: Uint8Array, ciphertext: Uint8Array): MaybePromise<Bytes> {
    const key = this.#key
    return this.#kept(
      isPromise(key)
        ? key.then((ready) => ready.open(nonce, aad, ciphertext))
        : key.open(nonce, aad, ciphertext),
    )
  }

  /** While a result is awaited its nonce is in use: the next record has one of its own. */
  #kept(result: MaybePromise<Bytes>): MaybePromise<Bytes> {
    if (isPromise(result)) this.#nonce = undefined
    return result
  }
}

export class Sealer extends Protection implements RecordSealer {
  /** Header, inner content type, tag. */
  readonly overhead: number = HEADER_LENGTH + 1 + TAG_LENGTH
  /** Holds content and type while they are sealed; kept between records where nobody reads it later. */
  #scratch: Bytes | undefined

  constructor(suite: CipherSuite, secret: Uint8Array) {
    super(suite, trafficKeys(suite, secret))
  }

  seal(type: number, content: Uint8Array, out: Uint8Array, at: number): Promise<void> | undefined {
    const { length } = content
    writeHeader(out, at, contentType.application_data, length + 1 + TAG_LENGTH)
    const header = out.subarray(at, at + HEADER_LENGTH)
    const scratch = this.#scratch
    const inner =
      scratch !== undefined && scratch.length > length
        ? scratch.subarray(0, length + 1)
        : new Uint8Array(length + 1)
    inner.set(content)
    inner[length] = type
    const start = at + HEADER_LENGTH
    const target = out.subarray(start, start + inner.length + TAG_LENGTH)
    const later = this.sealInto(this.nonce(), header, inner, target)
    if (later === undefined || (length >= WORTH_SHARING && this.readsAtOnce))
      this.#scratch ??= new Uint8Array(MAX_PLAINTEXT + 1)
    else this.#scratch = undefined
    return later
  }
}

export class Opener extends Protection implements RecordOpener {
  constructor(suite: CipherSuite, secret: Uint8Array) {
    super(suite, trafficKeys(suite, secret))
  }

  /** The content of a protected record. Raises ERR_TLS_BAD_RECORD_MAC and what `readInner` raises. */
  open({ header, fragment, type }: TlsRecord): MaybePromise<Content> {
    // RFC 8446 §5: change_cipher_spec is never protected.
    if (type === contentType.change_cipher_spec) return { type, content: fragment }
    // RFC 8446 §5.2: what is shorter than its tag cannot be authentic.
    if (fragment.length < TAG_LENGTH) throw failure('ERR_TLS_BAD_RECORD_MAC', 'shorter than its tag')
    const opened = this.openSealed(this.nonce(), header, fragment)
    return isPromise(opened) ? opened.then((inner) => readInner(type, inner)) : readInner(type, opened)
  }
}

/** RFC 8446 §5.2, §5.4: content, its type, and zeros of padding. */
function readInner(outerType: number, inner: Uint8Array): Content {
  // RFC 8446 §5.2: the outer opaque_type is always application_data.
  if (outerType !== contentType.application_data)
    throw failure('ERR_TLS_UNEXPECTED_MESSAGE', 'a protected record of another outer type')
  // RFC 8446 §5.4: the encoded TLSInnerPlaintext MUST NOT exceed 2^14 + 1 bytes.
  if (inner.length > MAX_PLAINTEXT + 1) throw failure('ERR_TLS_RECORD_OVERFLOW', 'after decryption')
  let end = inner.length - 1
  while (end >= 0 && inner[end] === 0) end--
  // RFC 8446 §5.4: no non-zero octet in the cleartext MUST be answered with unexpected_message.
  if (end < 0) throw failure('ERR_TLS_UNEXPECTED_MESSAGE', 'a record of padding only')
  const type = inner[end]!
  // RFC 8446 §5: a protected change_cipher_spec, like an unknown type, MUST be answered with unexpected_message.
  if (type <= contentType.change_cipher_spec || type > contentType.application_data)
    throw failure('ERR_TLS_RECORD_TYPE', `${type} under protection`)
  const content = inner.subarray(0, end)
  // RFC 8446 §5.4: so MUST a handshake or alert record without content.
  if (end === 0 && type !== contentType.application_data)
    throw failure('ERR_TLS_UNEXPECTED_MESSAGE', 'an empty protected record')
  return { type, content }
}
