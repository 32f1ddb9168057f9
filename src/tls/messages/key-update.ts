// KeyUpdate: from the next record on the sender uses new keys. RFC 8446 §4.6.3.
import { failure } from '../../errors.js'
import {
  field,
  type HandshakeMessage,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export type KeyUpdateRequest = 'update_not_requested' | 'update_requested'

export function readKeyUpdate(message: HandshakeMessage): Parsed<KeyUpdateRequest> {
  return readMessage(message, (r) => {
    const request = field(r, 'request_update', () => r.u8())
    // RFC 8446 §4.6.3: any other value MUST end the connection with illegal_parameter.
    if (request > 1) throw failure('ERR_TLS_ILLEGAL_PARAMETER', `request_update ${request}`)
    return request === 1 ? 'update_requested' : 'update_not_requested'
  })
}

export function writeKeyUpdate(request: KeyUpdateRequest): WrittenMessage {
  return writeMessage('key_update', (w) =>
    w.span('request_update', () => w.u8(request === 'update_requested' ? 1 : 0), request),
  )
}
