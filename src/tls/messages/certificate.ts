// Certificate: a chain of X.509 certificates, leaf first, each with its own extensions. RFC 8446 §4.4.2.
import { type Bytes, latin1 } from '../../bytes/index.js'
import { readExtensions } from './extensions.js'
import {
  field,
  type HandshakeMessage,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export interface CertificateMessage {
  /** Echo of the request's; empty from a server. */
  readonly context: Uint8Array
  /** DER, leaf first. */
  readonly chain: readonly Bytes[]
  /** Types of all extensions of all entries. */
  readonly extensions: ReadonlySet<number>
}

export function readCertificate(message: HandshakeMessage): Parsed<CertificateMessage> {
  return readMessage(message, (r) => {
    const context = field(r, 'certificate_request_context', () => r.vector(1).rest())
    const chain: Bytes[] = []
    const extensions = new Set<number>()
    field(r, 'certificate_list', () => {
      const list = r.vector(3)
      while (list.remaining > 0)
        field(list, 'certificate_entry', () => {
          // RFC 8446 §4.4.2: opaque cert_data<1..2^24-1>.
          const der = field(list, 'cert_data', () => list.vector(3, 1))
          chain.push(der.copy(der.remaining))
          for (const type of readExtensions(list, ignore)) extensions.add(type)
        })
    })
    return { context, chain, extensions }
  })
}

export function writeCertificate(
  chain: readonly Uint8Array[],
  context: Uint8Array = latin1(''),
  extensions: Uint8Array = latin1(''),
): WrittenMessage {
  return writeMessage('certificate', (w) => {
    w.span('certificate_request_context', () => w.vector(1, () => w.bytes(context)))
    w.span('certificate_list', () =>
      w.vector(3, () => {
        for (const der of chain)
          w.span('certificate_entry', () =>
            w.span('cert_data', () => w.vector(3, () => w.bytes(der))).vector(2, () => w.bytes(extensions)),
          )
      }),
    )
  })
}

function ignore(): void {}
