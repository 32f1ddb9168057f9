// ServerKeyExchange of ECDHE: a named group, the server's public key in it, and a signature over both. RFC 8422 §5.4.
import { type Bytes, Writer } from '../../bytes/index.js'
import { failure } from '../../errors.js'
import type { CertificateVerify } from './certificate-verify.js'
import type { KeyShareEntry } from './client-hello.js'
import {
  field,
  type HandshakeMessage,
  hex16,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

/** RFC 8422 §5.4: the only curve type there is. */
const NAMED_CURVE = 3

export interface ServerKeyExchange extends CertificateVerify {
  readonly share: KeyShareEntry
  /** ServerECDHParams in wire form: what is signed, after both randoms. */
  readonly params: Uint8Array
}

export function readServerKeyExchange(message: HandshakeMessage): Parsed<ServerKeyExchange> {
  return readMessage(message, (r) => {
    const start = r.offset
    const curveType = field(r, 'curve_type', () => r.u8())
    // RFC 8422 §5.4: explicit curves MUST NOT be used.
    if (curveType !== NAMED_CURVE) throw failure('ERR_TLS_ILLEGAL_PARAMETER', `curve type ${curveType}`)
    const group = field(r, 'namedcurve', () => r.u16(), hex16)
    // RFC 8422 §5.4: opaque point<1..2^8-1>.
    const key = field(r, 'public', () => r.vector(1, 1).rest())
    return {
      share: { group, key },
      params: message.bytes.subarray(start, r.offset),
      scheme: field(r, 'algorithm', () => r.u16(), hex16),
      signature: field(r, 'signature', () => r.vector(2).rest()),
    }
  })
}

/** `params` stands for the share. */
export function writeServerKeyExchange(exchange: Omit<ServerKeyExchange, 'share'>): WrittenMessage {
  return writeMessage('server_key_exchange', (w) => {
    w.bytes(exchange.params).u16(exchange.scheme)
    w.vector(2, () => w.bytes(exchange.signature))
  })
}

/** ServerECDHParams in wire form. */
export function ecdhParams({ group, key }: KeyShareEntry): Bytes {
  const w = new Writer().u8(NAMED_CURVE).u16(group)
  return w.vector(1, () => w.bytes(key)).finish()
}
