// What one connection leaves for the next: the only file that knows how sessions are kept and offered again.
import type { Session } from '../../src/tls/index.js'
import type { TlsClientOptions } from '../../src/tls/options.js'
import type { Settings } from './flags.js'

export interface Sessions {
  /** How often a session was given to us on this connection. */
  received(): number
  /** Options that take tickets, and offer what an earlier connection left. */
  readonly options: Pick<TlsClientOptions, 'onSession'>
}

/** Sessions of one connection, kept in `kept` for the next. */
export function sessions(kept: { session?: Session }, settings: Settings): Sessions {
  let received = 0
  if (settings.noTicket) return { received: () => 0, options: {} }
  return {
    received: () => received,
    options: {
      onSession(session) {
        received++
        kept.session = session
      },
    },
  }
}
