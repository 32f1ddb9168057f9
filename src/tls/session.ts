// What is kept of a connection so that a later one can resume it. RFC 8446 §4.6.1. Holds a secret: whoever keeps one
// keeps it like a key.
import type { Bytes } from '../bytes/index.js'
import type { CipherSuite } from '../crypto/provider.js'
import type { NewSessionTicket } from './messages/new-session-ticket.js'
import { ticketPsk } from './schedule.js'

export interface Session {
  readonly version: 'TLSv1.3'
  readonly ticket: Bytes
  /** The pre-shared key the ticket stands for. */
  readonly psk: Bytes
  /** Cipher suite id: only its hash must be the same again. */
  readonly suite: number
  readonly ageAdd: number
  /** Milliseconds since 1970. */
  readonly receivedAt: number
  /** Milliseconds since 1970; not to be used past it. */
  readonly expiresAt: number
  readonly serverName: string | undefined
  readonly alpn: string | undefined
}

/** RFC 8446 §4.6.1: servers MUST NOT say more, and clients MUST NOT keep a ticket longer, than seven days. */
const MAX_LIFETIME = 604_800

export function sessionOf(
  ticket: NewSessionTicket,
  suite: CipherSuite,
  resumptionMaster: Uint8Array,
  facts: Pick<Session, 'serverName' | 'alpn' | 'receivedAt'>,
): Session {
  return {
    ...facts,
    version: 'TLSv1.3',
    ticket: new Uint8Array(ticket.ticket),
    psk: ticketPsk(suite.hash, resumptionMaster, ticket.nonce),
    suite: suite.id,
    ageAdd: ticket.ageAdd,
    expiresAt: facts.receivedAt + 1000 * Math.min(ticket.lifetime, MAX_LIFETIME),
  }
}
