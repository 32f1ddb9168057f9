// The worker's door: TCP and WebSockets for bytes, WebCrypto for keys. The only folder that knows the nouns of workerd;
// nothing of Node or of pages enters, and nothing needs nodejs_compat. Transports are loaded with the first dial.
import { webcrypto } from '../../crypto/webcrypto.js'
// By their paths: through the room's index, bundlers would load raw TCP at once.
import { type VerdictCache, verdictCache } from '../../dial/cache.js'
import { type Dialer, dialerBy } from '../../dial/dialer.js'
import type { DialerOptions } from '../../dial/options.js'
import type { Reach } from '../../dial/reach.js'
import { overTcpFirst, overTcpLater } from '../../dial/tcp-first.js'
import { overWebSocketLater } from '../../dial/web-socket.js'
import { failure, loaded } from '../../errors.js'
import type { Platform } from '../platform.js'

export { type VerdictCache, verdictCache } from '../../dial/cache.js'
export * from '../../door.js'

/**
 * How bytes get to the origin. `tcp`: by connect(), with an outer TLS of our own where `originTrust` is given, which finds
 * out by ALPN whether an upgrade is needed; else with the runtime's, which always upgrades. `fetch`: by the runtime's
 * WebSocket, which reaches Cloudflare's own addresses too. `auto`, the default: `tcp`, and `fetch` for origins where
 * connect() does not open, remembered for ten minutes; never where `originTrust`, `host` or `compat` ask for what fetch()
 * cannot do.
 */
export type Transport = 'auto' | 'tcp' | 'fetch'

export interface WorkerDialerOptions extends DialerOptions {
  readonly transport?: Transport
}

/** What a worker gives the dialer. */
export function workerdPlatform(): Platform {
  return {
    name: 'workerd',
    crypto: webcrypto(crypto),
    now: () => Date.now(),
    monotonic: () => performance.now(),
    dialTcp: async (address, options) => (await loaded(import('./socket.js'))).dialTcp(address, options),
    dialTls: async (address, options) => (await loaded(import('./socket.js'))).dialTls(address, options),
    dialWebSocket: async (...request) => (await loaded(import('./web-socket.js'))).dialWebSocket(...request),
  }
}

/**
 * A dialer for this worker. Make one per request, since sockets may not outlive the request that opened them; what is
 * learned about origins is kept for the isolate. Throws ERR_CONFIG_*.
 */
export function createDialer(options: WorkerDialerOptions): Dialer {
  const { transport = 'auto', ...rest } = options
  return dialerBy(reachBy(transport, options), workerdPlatform(), { verdicts, ...rest })
}

// Values only, never promises: those belong to the request that made them. Age is in wall time, because monotonic time
// may begin anew with a request.
const verdicts: VerdictCache = /* @__PURE__ */ verdictCache({ clock: () => Date.now() })
const refused: VerdictCache = /* @__PURE__ */ verdictCache({ clock: () => Date.now() })

function reachBy(transport: Transport, { originTrust, origin }: DialerOptions): Reach {
  if (transport === 'auto') return overTcpFirst(refused)
  if (transport === 'tcp') return overTcpLater
  if (transport !== 'fetch')
    throw failure('ERR_CONFIG_INVALID', "`transport` must be 'auto', 'tcp' or 'fetch'")
  if (originTrust !== undefined && /^https:/i.test(String(origin)))
    throw failure('ERR_CONFIG_INVALID', '`originTrust` has no effect on fetch(), where the platform verifies')
  return overWebSocketLater
}
