// What one connection leaves for the next: the only file that knows how sessions are kept and offered again.

import { memorySessionStore } from '../../src/tls/memory-session-store.js'
import type { TlsClientOptions } from '../../src/tls/options.js'
import type { Session, SessionStore } from '../../src/tls/session.js'
import type { Settings } from './flags.js'

export interface Sessions {
  /** How many sessions this connection was given. */
  received(): number
  readonly options: Pick<TlsClientOptions, 'session' | 'sessionKey'>
}

/** A store for all connections of one test. */
export function sessionStore(): SessionStore {
  return memorySessionStore()
}

/** One connection's use of the store. BoringSSL's shim hands the last session on whatever the options are. */
export function sessions(store: SessionStore, settings: Settings): Sessions {
  let received = 0
  let taken: Session | undefined
  if (settings.noTicket) return { received: () => 0, options: {} }
  return {
    received: () => received,
    options: {
      sessionKey: 'runner',
      session: {
        async get(key) {
          taken = await store.get(key)
          return taken
        },
        delete: (key) => store.delete(key),
        set(key, session) {
          // A session of TLS 1.2 that is still good goes back.
          if (session !== taken) received++
          return store.set(key, session)
        },
      },
    },
  }
}
