// CertificateRequest as TLS 1.2 has it: the server asks who we are. RFC 5246 §7.4.4, RFC 8422 §5.5.
import type { Bytes } from '../../bytes/index.js'
import {
  field,
  type HandshakeMessage,
  hex16,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export interface CertificateRequest12 {
  /** ClientCertificateType numbers. */
  readonly types: readonly number[]
  readonly signatureSchemes: readonly number[]
  /** DER names of the authorities accepted; empty when the server does not say. */
  readonly authorities: readonly Bytes[]
}

export function readCertificateRequest12(message: HandshakeMessage): Parsed<CertificateRequest12> {
  return readMessage(message, (r) => {
    const types = [...field(r, 'certificate_types', () => r.vector(1, 1).rest())]
    // RFC 5246 §7.4.4: SignatureAndHashAlgorithm supported_signature_algorithms<2..2^16-2>.
    const list = r.vector(2, 2)
    const signatureSchemes: number[] = []
    while (list.remaining > 0) signatureSchemes.push(field(list, 'signature_scheme', () => list.u16(), hex16))
    const names = r.vector(2)
    const authorities: Bytes[] = []
    while (names.remaining > 0)
      authorities.push(field(names, 'authority', () => new Uint8Array(names.vector(2, 1).rest())))
    return { types, signatureSchemes, authorities }
  })
}

export function writeCertificateRequest12(request: CertificateRequest12): WrittenMessage {
  return writeMessage('certificate_request', (w) => {
    w.vector(1, () => w.bytes(new Uint8Array(request.types)))
    w.vector(2, () => {
      for (const id of request.signatureSchemes) w.u16(id)
    })
    w.vector(2, () => {
      for (const name of request.authorities) w.vector(2, () => w.bytes(name))
    })
  })
}
