// Certificate as TLS 1.2 has it: a chain of X.509 certificates, leaf first, and nothing beside it. RFC 5246 §7.4.2.
import type { Bytes } from '../../bytes/index.js'
import {
  field,
  type HandshakeMessage,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

/** DER, leaf first. */
export function readCertificate12(message: HandshakeMessage): Parsed<readonly Bytes[]> {
  return readMessage(message, (r) =>
    field(r, 'certificate_list', () => {
      const list = r.vector(3)
      const chain: Bytes[] = []
      while (list.remaining > 0)
        // RFC 5246 §7.4.2: opaque ASN.1Cert<1..2^24-1>.
        chain.push(field(list, 'cert_data', () => new Uint8Array(list.vector(3, 1).rest())))
      return chain
    }),
  )
}

export function writeCertificate12(chain: readonly Uint8Array[]): WrittenMessage {
  return writeMessage('certificate', (w) =>
    w.span('certificate_list', () =>
      w.vector(3, () => {
        for (const der of chain) w.span('cert_data', () => w.vector(3, () => w.bytes(der)))
      }),
    ),
  )
}
