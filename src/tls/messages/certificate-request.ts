// CertificateRequest: the server asks who we are. RFC 8446 §4.3.2.
import type { Bytes } from '../../bytes/index.js'
import { failure } from '../../errors.js'
import { extensionType } from '../registry.js'
import { readExtensions, writeExtension } from './extensions.js'
import {
  field,
  type HandshakeMessage,
  hex16,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export interface CertificateRequest {
  /** Empty in the handshake. */
  readonly context: Uint8Array
  readonly signatureSchemes: readonly number[]
  /** DER names of the authorities accepted; empty when the server does not say. */
  readonly authorities: readonly Bytes[]
}

export function readCertificateRequest(message: HandshakeMessage): Parsed<CertificateRequest> {
  return readMessage(message, (r) => {
    const context = field(r, 'certificate_request_context', () => r.vector(1).rest())
    let signatureSchemes: number[] | undefined
    const authorities: Bytes[] = []
    field(r, 'extensions', () =>
      readExtensions(r, (type, body) => {
        if (type === extensionType.signature_algorithms) {
          const list = body.vector(2, 2)
          signatureSchemes = []
          while (list.remaining > 0)
            signatureSchemes.push(field(list, 'signature_scheme', () => list.u16(), hex16))
        } else if (type === extensionType.certificate_authorities) {
          const list = body.vector(2, 3)
          while (list.remaining > 0) {
            const name = list.vector(2, 1)
            authorities.push(name.copy(name.remaining))
          }
        }
        // RFC 8446 §4.3.2: clients MUST ignore unrecognized extensions.
      }),
    )
    // RFC 8446 §4.3.2: signature_algorithms MUST be specified.
    if (signatureSchemes === undefined)
      throw failure('ERR_TLS_MISSING_EXTENSION', 'signature_algorithms in CertificateRequest')
    return { context, signatureSchemes, authorities }
  })
}

export function writeCertificateRequest(request: CertificateRequest): WrittenMessage {
  return writeMessage('certificate_request', (w) => {
    w.vector(1, () => w.bytes(request.context))
    w.vector(2, () => {
      writeExtension(w, 'signature_algorithms', () =>
        w.vector(2, () => {
          for (const id of request.signatureSchemes) w.u16(id)
        }),
      )
      if (request.authorities.length > 0)
        writeExtension(w, 'certificate_authorities', () =>
          w.vector(2, () => {
            for (const name of request.authorities) w.vector(2, () => w.bytes(name))
          }),
        )
    })
  })
}
