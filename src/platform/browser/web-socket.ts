// Opening the browser's WebSocket. The page learns nothing about why one failed to open: no status, no certificate.
// Loaded when something is dialed.
import type { CryptoProvider } from '../../crypto/index.js'
import { failure } from '../../errors.js'
import { prepareShares } from '../../tls/index.js'
import type { Platform, WebSocketWire } from '../platform.js'
import { openWebSocket } from './web-socket-events.js'
import { openWebSocketStream, type WebSocketStreamMaker } from './web-socket-stream.js'

/** Which of the browser's two interfaces carries the bytes. */
export type WebSocketInterface = 'WebSocketStream' | 'WebSocket'

type Dial = NonNullable<Platform['dialWebSocket']>

/**
 * As `Platform.dialWebSocket`. Throws ERR_UNSUPPORTED_PLATFORM for headers, ERR_DIAL_FAILED when it does not open,
 * ERR_CONFIG_ORIGIN where the page may not open such an address at all.
 */
export function dialBy(wanted: WebSocketInterface, crypto: CryptoProvider): Dial {
  return async (url, subprotocols, options) => {
    const { headers, signal, trace } = options
    if (headers !== undefined && headers.length > 0)
      throw failure(
        'ERR_UNSUPPORTED_PLATFORM',
        'a page cannot set headers on a WebSocket; use a cookie or the path',
      )
    signal.throwIfAborted()
    const Maker = wanted === 'WebSocketStream' ? streamMaker() : undefined
    // What the inner handshake begins with, while the transport opens.
    prepareShares(crypto)
    trace?.('interface', { name: Maker === undefined ? 'WebSocket' : 'WebSocketStream' })
    return opening(signal, () =>
      Maker === undefined
        ? openWebSocket(url, subprotocols, signal)
        : openWebSocketStream(Maker, url, subprotocols, signal),
    )
  }
}

function streamMaker(): WebSocketStreamMaker | undefined {
  return (globalThis as { readonly WebSocketStream?: WebSocketStreamMaker }).WebSocketStream
}

async function opening(signal: AbortSignal, open: () => Promise<WebSocketWire>): Promise<WebSocketWire> {
  try {
    return await open()
  } catch (thrown) {
    // Both constructors refuse so, for mixed content above all: a page from https and an address with ws.
    if (thrown instanceof DOMException && !signal.aborted)
      throw failure('ERR_CONFIG_ORIGIN', 'the browser does not let this page open it', { cause: thrown })
    throw thrown
  }
}
