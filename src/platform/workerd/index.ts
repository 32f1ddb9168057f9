// The worker's door: WebSockets by fetch() for bytes, WebCrypto for keys. The only folder that knows the nouns of
// workerd; nothing of Node or of pages enters. What fetch() opens shows no ALPN: it upgrades always.
import { webcrypto } from '../../crypto/index.js'
import { type Dialer, type DialerOptions, dialerOn } from '../../dial/index.js'
import type { Platform } from '../platform.js'
import { dialWebSocket } from './web-socket.js'

export * from '../../index.js'

/** What a worker gives the dialer. */
export function workerdPlatform(): Platform {
  return {
    name: 'workerd',
    crypto: webcrypto(globalThis.crypto),
    now: () => Date.now(),
    monotonic: () => performance.now(),
    dialWebSocket,
  }
}

/** A dialer for this worker; make one per request, since sockets may not outlive the request that opened them. */
export function createDialer(options: DialerOptions): Dialer {
  return dialerOn(workerdPlatform(), options)
}
