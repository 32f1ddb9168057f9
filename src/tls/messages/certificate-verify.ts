// CertificateVerify: proof that the sender holds the key of its certificate. RFC 8446 §4.4.3.
import { type Bytes, concat, latin1 } from '../../bytes/index.js'
import {
  field,
  type HandshakeMessage,
  hex16,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export interface CertificateVerify {
  readonly scheme: number
  readonly signature: Uint8Array
}

export function readCertificateVerify(message: HandshakeMessage): Parsed<CertificateVerify> {
  return readMessage(message, (r) => ({
    scheme: field(r, 'algorithm', () => r.u16(), hex16),
    signature: field(r, 'signature', () => r.vector(2).rest()),
  }))
}

export function writeCertificateVerify(verify: CertificateVerify): WrittenMessage {
  return writeMessage('certificate_verify', (w) =>
    w
      .span('algorithm', () => w.u16(verify.scheme), hex16(verify.scheme))
      .span('signature', () => w.vector(2, () => w.bytes(verify.signature))),
  )
}

/** RFC 8446 §4.4.3: what is signed: 64 spaces, the context, a zero byte, the transcript hash. */
export function signedContent(side: 'client' | 'server', transcriptHash: Uint8Array): Bytes {
  return concat(latin1(`${' '.repeat(64)}TLS 1.3, ${side} CertificateVerify\0`), transcriptHash)
}
