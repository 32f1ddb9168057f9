// Record protection of TLS 1.2: AES-GCM with part of the nonce in the record (RFC 5288 §3), ChaCha20-Poly1305 with the
// nonce of TLS 1.3 (RFC 7905 §2). The type stays in clear and there is no padding. RFC 5246 §6.2.3.3.
import type { Bytes } from '../bytes/index.js'
import type { CipherSuite } from '../crypto/provider.js'
import { failure } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import { whenReady } from './maybe-promise.js'
import {
  type Content,
  Protection,
  type RecordKeys,
  type RecordOpener,
  type RecordSealer,
  TAG_LENGTH,
} from './protection.js'
import { HEADER_LENGTH, type TlsRecord, writeHeader } from './record.js'
import { MAX_PLAINTEXT } from './registry.js'

/** RFC 5288 §3: bytes of the nonce that the keys give; the others are in the record. */
export const SALT_LENGTH = 4

/** Bytes that a record's fragment has beside its content, at most. */
export const MAX_EXPANSION: number = 12 - SALT_LENGTH + TAG_LENGTH

class Protection12 extends Protection {
  /** Bytes of the nonce that are in each record. */
  protected readonly explicit: number

  /** With AES-GCM the IV is the salt and zeros: the nonce of a sequence number ends in that number. */
  constructor(suite: CipherSuite, keys: RecordKeys) {
    super(suite, keys)
    this.explicit = hasExplicitNonce(suite) ? keys.iv.length - SALT_LENGTH : 0
  }

  /** RFC 5246 §6.2.3.3: sequence number, type, version, length of the plaintext. */
  protected additionalData(nonce: Uint8Array, header: Uint8Array, length: number): Bytes {
    const data = new Uint8Array(8 + HEADER_LENGTH)
    for (let i = 0; i < 8; i++) data[i] = nonce[SALT_LENGTH + i]! ^ this.iv[SALT_LENGTH + i]!
    data.set(header, 8)
    data[11] = length >> 8
    data[12] = length
    return data
  }
}

export class Sealer12 extends Protection12 implements RecordSealer {
  get overhead(): number {
    return HEADER_LENGTH + this.explicit + TAG_LENGTH
  }

  seal(type: number, content: Uint8Array, out: Uint8Array, at: number): Promise<void> | undefined {
    const nonce = this.nonce()
    const end = at + this.overhead + content.length
    let start = at + HEADER_LENGTH
    writeHeader(out, at, type, end - start)
    const data = this.additionalData(nonce, out.subarray(at, start), content.length)
    if (this.explicit > 0) {
      // RFC 5288 §3: it may be the sequence number, which never comes twice.
      out.set(nonce.subarray(SALT_LENGTH), start)
      start += this.explicit
    }
    return this.sealInto(nonce, data, content, out.subarray(start, end))
  }
}

export class Opener12 extends Protection12 implements RecordOpener {
  /** Raises ERR_TLS_BAD_RECORD_MAC and ERR_TLS_RECORD_OVERFLOW. */
  open({ type, header, fragment }: TlsRecord): MaybePromise<Content> {
    const length = fragment.length - this.explicit - TAG_LENGTH
    if (length < 0) throw failure('ERR_TLS_BAD_RECORD_MAC', 'shorter than its nonce and tag')
    const nonce = this.nonce()
    const data = this.additionalData(nonce, header, length)
    if (this.explicit > 0) nonce.set(fragment.subarray(0, this.explicit), SALT_LENGTH)
    return whenReady(this.openSealed(nonce, data, fragment.subarray(this.explicit)), (content) => {
      // RFC 5246 §6.2.1: the plaintext MUST NOT exceed 2^14 bytes.
      if (length > MAX_PLAINTEXT) throw failure('ERR_TLS_RECORD_OVERFLOW', 'after decryption')
      return { type, content }
    })
  }
}

export function hasExplicitNonce({ aead }: CipherSuite): boolean {
  return aead.name !== 'CHACHA20-POLY1305'
}
