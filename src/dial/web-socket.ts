// The way of runtimes without raw TCP: their own WebSocket does TLS, upgrade and framing; ours is the inner TLS alone. ALPN
// cannot be seen from there, so it upgrades always, which works without a load balancer too.
import { failure, loaded } from '../errors.js'
import { checkedFields, checkedPath } from '../tunnel/upgrade-request.js'
import { requireSecureForDirect } from './plan.js'
import type { Reach } from './reach.js'
import { observe, type Reached, type Run } from './run.js'
import { headerList, type Settings } from './settings.js'

/** `climb` is that of web-socket-climb.ts. Throws ERR_CONFIG_INVALID for what no upgrade request could carry. */
export function overWebSocketBy(climb: (run: Run) => Promise<Reached>): Reach {
  return ({ settings }) => {
    const { path, headers } = settings
    because(settings)
    checkedPath(path)
    if (typeof headers === 'object') checkedFields(headerList(headers))
    return {
      check: (settings) => void because(settings),
      async begin(run) {
        const sentence = because(run.settings)
        return {
          reach() {
            observe(run, sentence)
            return climb(run)
          },
          async classify() {
            observe(run, sentence)
            return { verdict: 'upgrade', outer: undefined, roundTrips: 0 }
          },
        }
      },
    }
  }
}

/** For runtimes that have another way, and take it first. */
export const overWebSocketLater: Reach = /* @__PURE__ */ overWebSocketBy(async (run) =>
  (await loaded(import('./web-socket-climb.js'))).climbWebSocket(run),
)

/** The evidence, in a sentence. Throws ERR_UNSUPPORTED_PLATFORM unless a WebSocket is among the modes. */
function because(settings: Settings): string {
  const { mode } = settings
  if (mode === 'auto') return 'this runtime cannot see ALPN: always upgrade'
  requireSecureForDirect(settings)
  const named = `mode ${mode.join(', ')}`
  if (!mode.includes('websocket'))
    throw failure('ERR_UNSUPPORTED_PLATFORM', `${named} needs raw TCP; use 'websocket'`)
  return `${named} was asked for`
}
