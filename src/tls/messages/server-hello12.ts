// The extensions of a TLS 1.2 ServerHello: what TLS 1.3 moved elsewhere or did away with. RFC 5246 §7.4.1.4; RFC 5077,
// RFC 5746, RFC 7301, RFC 7627, RFC 8422, RFC 8449. The fields before them are the same in all versions.
import { extensionType } from '../registry.js'
import { readSelectedProtocol } from './encrypted-extensions.js'
import { readExtensions } from './extensions.js'
import { type HandshakeMessage, type Parsed, readMessage } from './message.js'

export interface ServerHello12 {
  /** The application protocol selected. */
  readonly alpn: string | undefined
  /** RFC 5746 §3.4: renegotiated_connection, empty in a first handshake; undefined without the extension. */
  readonly renegotiation: Uint8Array | undefined
  /** RFC 8422 §5.2; undefined without the extension. */
  readonly pointFormats: Uint8Array | undefined
  /** RFC 8449: the longest record the server takes, content in bytes. */
  readonly recordSizeLimit: number | undefined
}

export function readServerHello12(message: HandshakeMessage): Parsed<ServerHello12> {
  return readMessage(message, (r) => {
    // legacy_version and random, session_id, cipher_suite and compression_method: read before.
    r.view(34)
    r.vector(1)
    r.view(3)
    let alpn: string | undefined
    let renegotiation: Uint8Array | undefined
    let pointFormats: Uint8Array | undefined
    let recordSizeLimit: number | undefined
    // RFC 5246 §7.4.1.3: the whole block may be missing.
    if (r.remaining > 0)
      readExtensions(r, (type, body) => {
        switch (type) {
          case extensionType.application_layer_protocol_negotiation:
            alpn = readSelectedProtocol(body)
            break
          case extensionType.renegotiation_info:
            renegotiation = body.vector(1).rest()
            break
          case extensionType.ec_point_formats:
            pointFormats = body.vector(1, 1).rest()
            break
          case extensionType.record_size_limit:
            recordSizeLimit = body.u16()
            break
          case extensionType.server_name:
          case extensionType.extended_master_secret:
          case extensionType.session_ticket:
            // RFC 6066 §3, RFC 7627 §5.1, RFC 5077 §3.2: the extension_data of the answer is empty.
            body.end('extension')
        }
      })
    return { alpn, renegotiation, pointFormats, recordSizeLimit }
  })
}
