// ClientKeyExchange of ECDHE: our public key in the server's group. RFC 8422 §5.7.
import {
  field,
  type HandshakeMessage,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export function readClientKeyExchange(message: HandshakeMessage): Parsed<Uint8Array> {
  return readMessage(message, (r) => field(r, 'public', () => r.vector(1, 1).rest()))
}

export function writeClientKeyExchange(publicKey: Uint8Array): WrittenMessage {
  return writeMessage('client_key_exchange', (w) =>
    w.span('public', () => w.vector(1, () => w.bytes(publicKey))),
  )
}
