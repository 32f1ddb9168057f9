// Opening the browser's WebSocket. The page learns nothing about why one failed to open: no status, no certificate.
import { failure } from '../../errors.js'
import type { Platform, WebSocketWire } from '../platform.js'
import { type WebSocketLike, webSocketWire } from '../web-socket.js'

/** As `Platform.dialWebSocket`. Throws ERR_UNSUPPORTED_PLATFORM for headers, ERR_DIAL_FAILED when it does not open. */
export const dialWebSocket: NonNullable<Platform['dialWebSocket']> = async (url, subprotocols, options) => {
  if (options.headers !== undefined && options.headers.length > 0) {
    throw failure(
      'ERR_UNSUPPORTED_PLATFORM',
      'a page cannot set headers on a WebSocket; use a cookie or the path',
    )
  }
  options.signal.throwIfAborted()
  const socket = new WebSocket(url, [...subprotocols])
  return opened(socket, options.signal)
}

function opened(socket: WebSocket, signal: AbortSignal): Promise<WebSocketWire> {
  return new Promise((resolve, reject) => {
    function onOpen(): void {
      settle()
      resolve(webSocketWire(socket as unknown as WebSocketLike, socket.protocol))
    }
    function onClose(event: CloseEvent): void {
      settle()
      reject(failure('ERR_DIAL_FAILED', `the WebSocket did not open (${event.code}); a page is not told why`))
    }
    function onAbort(): void {
      settle()
      socket.close()
      reject(signal.reason)
    }
    function settle(): void {
      socket.removeEventListener('open', onOpen)
      socket.removeEventListener('close', onClose)
      signal.removeEventListener('abort', onAbort)
    }
    // The close event follows and is all there is to know; unheard an error would be thrown by some runtimes.
    socket.addEventListener('error', () => {})
    socket.addEventListener('open', onOpen)
    socket.addEventListener('close', onClose)
    signal.addEventListener('abort', onAbort)
  })
}
