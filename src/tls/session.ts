// What is kept of a connection so that a later one can resume it, and where. RFC 8446 §4.6.1. A session holds a secret:
// whoever keeps one keeps it like a key. Plain data: it survives structured cloning, so that IndexedDB can hold it.
import { type Bytes, equal } from '../bytes/index.js'
import type { CipherSuite } from '../crypto/provider.js'
import type { MaybePromise } from '../layer.js'
import { isPromise } from './maybe-promise.js'
import type { NewSessionTicket } from './messages/new-session-ticket.js'
import type { TlsConfig } from './options.js'
import { ticketPsk } from './schedule.js'

/** How the peers proved themselves when there was no session yet: to be checked again before one is resumed. */
export interface Authentication {
  /** The server's chain as it came, DER, leaf first. */
  readonly chain: readonly Bytes[]
  /** IANA name of the scheme that the server signed with. */
  readonly signature: string
  /** Milliseconds since 1970. */
  readonly authenticatedAt: number
  /** What the server asked of us, if it did, and what it got. */
  readonly client: ClientAuthentication | undefined
}

export interface ClientAuthentication {
  /** Scheme ids. */
  readonly signatureSchemes: readonly number[]
  /** DER names. */
  readonly authorities: readonly Bytes[]
  /** SHA-256 of the certificate we showed; undefined for none. */
  readonly fingerprint: Bytes | undefined
}

/** What sessions of all versions have in common. */
export interface SessionFacts extends Authentication {
  /** Cipher suite id. */
  readonly suite: number
  /** Milliseconds since 1970. */
  readonly receivedAt: number
  /** Milliseconds since 1970; not to be used past it. */
  readonly expiresAt: number
  /** As sent in SNI. */
  readonly serverName: string | undefined
  readonly alpn: string | undefined
}

export interface Session13 extends SessionFacts {
  readonly version: 'TLSv1.3'
  readonly ticket: Bytes
  /** The pre-shared key the ticket stands for. */
  readonly psk: Bytes
  readonly ageAdd: number
}

export interface Session12 extends SessionFacts {
  readonly version: 'TLSv1.2'
  /** Empty for a session that goes by its id. */
  readonly ticket: Bytes
  /** Empty for a session that goes by its ticket. */
  readonly sessionId: Bytes
  readonly master: Bytes
  /** Name of the key exchange group. */
  readonly group: string
}

export type Session = Session13 | Session12

/**
 * Where sessions wait. Any of its methods may be asynchronous, and may fail: that costs a resumption, never a connection.
 * A ticket is used once (RFC 8446 §C.4), so what `get` gave is deleted at once, and used by whom `delete` told `true`.
 */
export interface SessionStore {
  get(key: string): MaybePromise<Session | undefined>
  set(key: string, session: Session): MaybePromise<unknown>
  /** Whether there was something to delete. */
  delete(key: string): MaybePromise<boolean>
}

/** RFC 8446 §4.6.1: servers MUST NOT say more, and clients MUST NOT keep a ticket longer, than seven days. */
const MAX_LIFETIME = 604_800_000

/** A session out of the store, for one use; undefined when there is none fit to be offered. */
export async function takeSession(config: TlsConfig): Promise<Session | undefined> {
  const { session: store, sessionKey } = config
  if (store === undefined) return undefined
  try {
    // Nothing between a synchronous store's two answers: another connection may be about to ask the same.
    const found = store.get(sessionKey)
    const session = isPromise(found) ? await found : found
    if (session === undefined) return undefined
    const deleted = store.delete(sessionKey)
    if (!(isPromise(deleted) ? await deleted : deleted)) return undefined
    return isCurrent(config, session) ? session : undefined
  } catch {
    return undefined
  }
}

/** The same name, a protocol still wanted, and the time right: the rest is for who knows the version. */
function isCurrent({ now, sni, alpn }: TlsConfig, session: Session): boolean {
  const time = now()
  return (
    session.serverName === sni &&
    (session.alpn === undefined || alpn.includes(session.alpn)) &&
    session.receivedAt <= time &&
    time < session.expiresAt
  )
}

/**
 * Bytes of a ticket that is worth keeping. RFC 8446 §4.2 gives all extensions of a hello 2^16 - 1 bytes together, and a ticket
 * may have as many by itself; honest ones have some hundreds, with a client's chain in them some thousands.
 */
const MAX_TICKET = 16_384

export function keepSession({ session: store, sessionKey }: TlsConfig, session: Session): void {
  if (session.ticket.length > MAX_TICKET) return
  try {
    const kept = store?.set(sessionKey, session)
    if (isPromise(kept)) kept.catch(() => {})
  } catch {
    // As said at SessionStore.
  }
}

/** Take a session out again, if it is still the one that would be given next. */
export async function forgetSession(
  { session: store, sessionKey }: TlsConfig,
  session: Session12,
): Promise<void> {
  try {
    const found = await store?.get(sessionKey)
    if (
      found?.version === 'TLSv1.2' &&
      equal(found.ticket, session.ticket) &&
      equal(found.sessionId, session.sessionId)
    )
      await store?.delete(sessionKey)
  } catch {
    // As said at SessionStore.
  }
}

/** `lifetime` in seconds. Bounded by what the server says, and by a week since it last proved itself. */
export function expiryOf(receivedAt: number, lifetime: number, authenticatedAt: number): number {
  // RFC 8446 §4.6.1: the lifetime of what goes back to one full handshake is to be limited too.
  return Math.min(receivedAt + Math.min(1000 * lifetime, MAX_LIFETIME), authenticatedAt + MAX_LIFETIME)
}

export function sessionOf(
  ticket: NewSessionTicket,
  suite: CipherSuite,
  resumptionMaster: Uint8Array,
  facts: Omit<SessionFacts, 'suite' | 'expiresAt'>,
): Session13 {
  return {
    version: 'TLSv1.3',
    ticket: new Uint8Array(ticket.ticket),
    psk: ticketPsk(suite.hash, resumptionMaster, ticket.nonce),
    suite: suite.id,
    ageAdd: ticket.ageAdd,
    expiresAt: expiryOf(facts.receivedAt, ticket.lifetime, facts.authenticatedAt),
    ...facts,
  }
}
