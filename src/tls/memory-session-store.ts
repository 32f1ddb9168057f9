// A session store in memory, for whoever has nothing better.
import type { Session, SessionStore } from './session.js'

/** A store in memory: `max` sessions, the latest few of each key, the key used longest ago dropped first. */
export function memorySessionStore({ max = 256 }: { readonly max?: number } = {}): SessionStore {
  const kept = new Map<string, Session[]>()
  let count = 0
  return {
    get: (key) => kept.get(key)?.at(-1),
    set(key, session) {
      const sessions = kept.get(key) ?? []
      kept.delete(key)
      kept.set(key, sessions)
      count += sessions.push(session) > PER_KEY ? 0 : 1
      if (sessions.length > PER_KEY) sessions.shift()
      for (const [oldest, { length }] of kept) {
        if (count <= max) break
        kept.delete(oldest)
        count -= length
      }
    },
    delete(key) {
      const sessions = kept.get(key)
      if (sessions?.pop() === undefined) return false
      count--
      if (sessions.length === 0) kept.delete(key)
      return true
    },
  }
}

/** Connections of a pool resume side by side; servers give two tickets a handshake at most. */
const PER_KEY = 8
