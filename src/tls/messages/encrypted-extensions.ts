// EncryptedExtensions: what the server answers of our extensions, under encryption. RFC 8446 §4.3.1, ALPN RFC 7301,
// server_name RFC 6066 §3.
import { fromLatin1, latin1, type Reader } from '../../bytes/index.js'
import { extensionType, nameOf } from '../registry.js'
import { readExtensions, writeExtension } from './extensions.js'
import {
  field,
  type HandshakeMessage,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export interface EncryptedExtensions {
  /** The application protocol selected. */
  readonly alpn?: string | undefined
  /** RFC 8449: the longest record the server takes, content and its type in bytes. */
  readonly recordSizeLimit?: number | undefined
  /** Types of all extensions present. */
  readonly extensions: ReadonlySet<number>
}

export function readEncryptedExtensions(message: HandshakeMessage): Parsed<EncryptedExtensions> {
  return readMessage(message, (r) => {
    let alpn: string | undefined
    let recordSizeLimit: number | undefined
    const extensions = field(r, 'extensions', () =>
      readExtensions(
        r,
        (type, body) => {
          // RFC 6066 §3: the extension_data of the answer SHALL be empty.
          if (type === extensionType.server_name) body.end('server_name')
          else if (type === extensionType.record_size_limit)
            recordSizeLimit = field(body, 'record_size_limit', () => body.u16(), String)
          else if (type === extensionType.application_layer_protocol_negotiation)
            alpn = readSelectedProtocol(body)
        },
        'ERR_TLS_DECODE',
      ),
    )
    return { alpn, recordSizeLimit, extensions }
  })
}

/** The body of application_layer_protocol_negotiation in an answer. */
export function readSelectedProtocol(body: Reader): string {
  const list = body.vector(2, 2)
  const selected = field(
    list,
    'protocol',
    () => fromLatin1(list.vector(1, 1).rest()),
    (name) => name,
  )
  // RFC 7301 §3.1: the list MUST contain exactly one ProtocolName.
  list.end('protocol')
  return selected
}

/** `extra` are extensions in wire form, after the selected protocol. */
export function writeEncryptedExtensions(
  alpn: string | undefined,
  extra: readonly (readonly [type: number, body: Uint8Array])[] = [],
): WrittenMessage {
  return writeMessage('encrypted_extensions', (w) =>
    w.vector(2, () => {
      if (alpn !== undefined)
        writeExtension(w, 'application_layer_protocol_negotiation', () =>
          w.vector(2, () => w.vector(1, () => w.bytes(latin1(alpn)))),
        )
      for (const [type, body] of extra)
        w.span('extension', () => w.u16(type).vector(2, () => w.bytes(body)), nameOf(extensionType, type))
    }),
  )
}
