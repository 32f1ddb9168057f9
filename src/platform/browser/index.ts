// The browser's door: WebSocket for bytes, WebCrypto for keys. The only folder that knows a page's nouns; nothing of
// Node or of workers enters. Pages cannot see ALPN and cannot open TCP: they upgrade always.
import { webcrypto } from '../../crypto/index.js'
import { type Dialer, type DialerOptions, dialerOn } from '../../dial/index.js'
import { failure } from '../../errors.js'
import type { Platform } from '../platform.js'
import { dialWebSocket } from './web-socket.js'

export * from '../../index.js'

/** What a page gives the dialer. Throws ERR_CRYPTO_UNAVAILABLE outside of secure contexts, where WebCrypto is missing. */
export function browserPlatform(): Platform {
  const { crypto } = globalThis
  if (crypto?.subtle === undefined)
    throw failure('ERR_CRYPTO_UNAVAILABLE', 'this page is not a secure context')
  return {
    name: 'browser',
    crypto: webcrypto(crypto),
    now: () => Date.now(),
    monotonic: () => performance.now(),
    dialWebSocket,
  }
}

/** A dialer for this page. Options are checked at once (ERR_CONFIG_*); nothing is dialed yet. */
export function createDialer(options: DialerOptions): Dialer {
  return dialerOn(browserPlatform(), options)
}
