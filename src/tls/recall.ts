// Sessions of the store, before a handshake and after it. All that knows of them hangs from here: who keeps none never
// loads it.
import type { Established } from './handshake13.js'
import type { Offer } from './hello.js'
import type { NewSessionTicket } from './messages/new-session-ticket.js'
import type { TlsConfig } from './options.js'
import { TLS12, TLS13 } from './registry.js'
import { resumptionOf } from './resumption.js'
import { resumption12Of } from './resumption12.js'
import { keepSession, sessionOf, takeSession } from './session.js'

/** What an offer has of a store. */
export type Recalled = Pick<Offer, 'resumption' | 'resumption12' | 'keepTicket'>

/** A session to go on with, if there is one that may be offered, and where the next one goes. */
export async function recall(config: TlsConfig): Promise<Recalled> {
  const { versions } = config
  const session = await takeSession(config)
  const only = {
    keepTicket: (ticket: NewSessionTicket, from: Established) => keepTicket(config, ticket, from),
  }
  if (session?.version === 'TLSv1.3' && versions.includes(TLS13))
    return { resumption: await resumptionOf(config, session), ...only }
  if (session?.version === 'TLSv1.2' && versions.includes(TLS12))
    return { resumption12: await resumption12Of(config, session), ...only }
  return only
}

function keepTicket(
  config: TlsConfig,
  ticket: NewSessionTicket,
  { suite, resumptionMaster, info: { serverName, alpn }, authentication }: Established,
): void {
  const { chain, signature, authenticatedAt, client } = authentication
  const facts = { chain, signature, authenticatedAt, client, serverName, alpn, receivedAt: config.now() }
  keepSession(config, sessionOf(ticket, suite, resumptionMaster!, facts))
}
