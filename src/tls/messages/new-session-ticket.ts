// NewSessionTicket: what a later connection can resume from. RFC 8446 §4.6.1.
import { extensionType } from '../registry.js'
import { readExtensions } from './extensions.js'
import {
  field,
  type HandshakeMessage,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export interface NewSessionTicket {
  /** Seconds. */
  readonly lifetime: number
  readonly ageAdd: number
  readonly nonce: Uint8Array
  readonly ticket: Uint8Array
  /** From early_data; never used, 0-RTT is not offered. */
  readonly maxEarlyData?: number | undefined
}

export function readNewSessionTicket(message: HandshakeMessage): Parsed<NewSessionTicket> {
  return readMessage(message, (r) => {
    const lifetime = field(r, 'ticket_lifetime', () => r.u32(), String)
    const ageAdd = field(r, 'ticket_age_add', () => r.u32())
    const nonce = field(r, 'ticket_nonce', () => r.vector(1).rest())
    // RFC 8446 §4.6.1: opaque ticket<1..2^16-1>.
    const ticket = field(r, 'ticket', () => r.vector(2, 1).rest())
    let maxEarlyData: number | undefined
    field(r, 'extensions', () =>
      readExtensions(r, (type, body) => {
        // RFC 8446 §4.6.1: clients MUST ignore unrecognized extensions.
        if (type === extensionType.early_data) maxEarlyData = body.u32()
      }),
    )
    return { lifetime, ageAdd, nonce, ticket, maxEarlyData }
  })
}

export function writeNewSessionTicket(
  ticket: NewSessionTicket,
  extra: readonly (readonly [type: number, body: Uint8Array])[] = [],
): WrittenMessage {
  return writeMessage('new_session_ticket', (w) => {
    w.u32(ticket.lifetime).u32(ticket.ageAdd)
    w.vector(1, () => w.bytes(ticket.nonce)).vector(2, () => w.bytes(ticket.ticket))
    w.vector(2, () => {
      if (ticket.maxEarlyData !== undefined) w.u16(extensionType.early_data).u16(4).u32(ticket.maxEarlyData)
      for (const [type, body] of extra) w.u16(type).vector(2, () => w.bytes(body))
    })
  })
}
