// Resuming a TLS 1.2 session, by its ticket or by its id: whether it may be offered, and what of a handshake is kept. Only
// sessions with an extended master secret are ever made. RFC 5246 §7.3, RFC 5077, RFC 7627 §5.3.
import type { VerifiedChain } from '../pki/index.js'
import type { NewSessionTicket12 } from './messages/new-session-ticket12.js'
import type { TlsConfig } from './options.js'
import type { Proof } from './proofs.js'
import { cipherSuites12 } from './registry12.js'
import { provenAgain } from './resumption.js'
import { expiryOf, keepSession, type Session12, type SessionFacts } from './session.js'

/** A session on offer; its chain was verified again under today's trust and time. */
export interface Resumption12 {
  readonly session: Session12
  readonly peer: VerifiedChain & Proof<'chain'>
}

export async function resumption12Of(
  config: TlsConfig,
  session: Session12,
): Promise<Resumption12 | undefined> {
  if (!cipherSuites12(config.crypto).some(({ id }) => id === session.suite)) return undefined
  const peer = await provenAgain(config, session)
  return peer && { session, peer }
}

/** RFC 5246 §F.1.4 advises a day at most; for servers that name no lifetime. Seconds. */
const DEFAULT_LIFETIME = 86_400

export interface KeptFacts extends Omit<SessionFacts, 'expiresAt'> {
  readonly master: Session12['master']
  readonly group: string
  /** What it goes on from, if it does. */
  readonly resumption: Resumption12 | undefined
}

/** Keep what the server gave, or what is still good. */
export function keepSession12(
  config: TlsConfig,
  facts: KeptFacts,
  sessionId: Uint8Array,
  given: NewSessionTicket12 | undefined,
): Session12 | undefined {
  const session = sessionOf12(facts, sessionId, given)
  if (session !== undefined) keepSession(config, session)
  return session
}

function sessionOf12(
  { resumption, ...facts }: KeptFacts,
  sessionId: Uint8Array,
  given: NewSessionTicket12 | undefined,
): Session12 | undefined {
  const { receivedAt, authenticatedAt } = facts
  if (given !== undefined && given.ticket.length > 0)
    return {
      ...facts,
      version: 'TLSv1.2',
      ticket: new Uint8Array(given.ticket),
      sessionId: new Uint8Array(0),
      // RFC 5077 §3.3: zero leaves the lifetime to us.
      expiresAt: expiryOf(receivedAt, given.lifetime || DEFAULT_LIFETIME, authenticatedAt),
    }
  // RFC 5077 §3.3: without a new ticket the old one stays good.
  if (resumption !== undefined) return resumption.session
  // RFC 5246 §7.4.1.3: an empty id says that it cannot be resumed.
  if (sessionId.length === 0) return undefined
  return {
    ...facts,
    version: 'TLSv1.2',
    ticket: new Uint8Array(0),
    sessionId: new Uint8Array(sessionId),
    expiresAt: expiryOf(receivedAt, DEFAULT_LIFETIME, authenticatedAt),
  }
}
