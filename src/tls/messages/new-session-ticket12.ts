// NewSessionTicket as TLS 1.2 has it, a part of the handshake. RFC 5077 §3.3.
import {
  field,
  type HandshakeMessage,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export interface NewSessionTicket12 {
  /** Seconds; 0 leaves it to us. */
  readonly lifetime: number
  /** Empty when the server thought better of it. */
  readonly ticket: Uint8Array
}

export function readNewSessionTicket12(message: HandshakeMessage): Parsed<NewSessionTicket12> {
  return readMessage(message, (r) => ({
    lifetime: field(r, 'ticket_lifetime_hint', () => r.u32(), String),
    ticket: field(r, 'ticket', () => r.vector(2).rest()),
  }))
}

export function writeNewSessionTicket12({ lifetime, ticket }: NewSessionTicket12): WrittenMessage {
  return writeMessage('new_session_ticket', (w) => w.u32(lifetime).vector(2, () => w.bytes(ticket)))
}
