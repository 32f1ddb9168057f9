// Finished: a MAC over the handshake. RFC 8446 §4.4.4. Its whole body is the MAC, so a wrong length is a wrong MAC.
import {
  field,
  type HandshakeMessage,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export function readFinished(message: HandshakeMessage): Parsed<Uint8Array> {
  return readMessage(message, (r) => field(r, 'verify_data', () => r.rest()))
}

export function writeFinished(verifyData: Uint8Array): WrittenMessage {
  return writeMessage('finished', (w) => w.span('verify_data', () => w.bytes(verifyData)))
}
