// ServerHelloDone: it is our turn. RFC 5246 §7.4.5.
import {
  type HandshakeMessage,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export function readServerHelloDone(message: HandshakeMessage): Parsed<undefined> {
  return readMessage(message, () => undefined)
}

export function writeServerHelloDone(): WrittenMessage {
  return writeMessage('server_hello_done', () => {})
}
