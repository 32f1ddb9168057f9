// The WebSocket that every browser has: events, no pausing, no telling when writing may go on. Used where there is no
// WebSocketStream.
import { failure } from '../../errors.js'
import type { WebSocketWire } from '../platform.js'
import { type WebSocketLike, webSocketWire } from '../web-socket.js'

/** Opens it. Throws ERR_DIAL_FAILED, or the signal's reason. */
export function openWebSocket(
  url: string,
  subprotocols: readonly string[],
  signal: AbortSignal,
): Promise<WebSocketWire> {
  const socket = new WebSocket(url, [...subprotocols])
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
