// A wire over a WebSocket that the runtime framed itself (RFC 6455 is done on its side): shared by browser and workerd,
// which import it, never each other. The standard interface neither pauses reading nor tells when writing may go on: a
// bounded queue stands for the first, watermarks on `bufferedAmount` for the second. No global is used but timers.
import type { TunnelError } from '../errors.js'
import { asTunnelError, failure } from '../errors.js'
import type { Wire, WireEvents } from '../stream/byte-stream.js'
import { deferred } from '../stream/deferred.js'
import { costOf, endCause, messagesOf } from './messages.js'
import type { WebSocketWire } from './platform.js'

/** The part of the standard WebSocket that is used. `bufferedAmount` is absent in workerd. */
export interface WebSocketLike {
  binaryType?: string
  readonly bufferedAmount?: number
  send(data: Uint8Array<ArrayBuffer>): void
  close(code?: number): void
  addEventListener(type: string, listener: (event: WebSocketEventLike) => void): void
  removeEventListener(type: string, listener: (event: WebSocketEventLike) => void): void
}

/** Message, close and error events, by the fields that are read. */
export interface WebSocketEventLike {
  readonly data?: unknown
  readonly code?: number
}

// Above the high mark writers wait until the low one: enough to keep a fast path busy, little to lose on abort.
const highWater = 1024 * 1024
const lowWater = 256 * 1024
// There is no event for a shrinking bufferedAmount; at 1 MiB every 4 ms this is no limit below 250 MiB/s.
const pollMilliseconds = 4
// What may arrive unread. The runtime cannot be told to stop, so beyond it the connection fails by name.
const maxUnread = 64 * 1024 * 1024

/** Takes over an open (or accepted) WebSocket; messages that came before `start` are kept. */
export function webSocketWire(socket: WebSocketLike, subprotocol: string): WebSocketWire {
  socket.binaryType = 'arraybuffer'
  const inbox: Uint8Array[] = []
  let unread = 0
  let events: WireEvents | undefined
  let pumping = false
  let ended: { readonly cause: TunnelError | undefined } | undefined
  let failed: TunnelError | undefined
  let released = false
  const over = deferred()
  let sent = false
  let answered = false

  function onMessage(event: WebSocketEventLike): void {
    if (!(event.data instanceof ArrayBuffer)) {
      fail(failure('ERR_WS_TEXT'))
      return
    }
    answered = true
    unread += costOf(event.data)
    if (unread > maxUnread) {
      fail(failure('ERR_STREAM_LIMIT', `${maxUnread} bytes came in unread`))
      return
    }
    inbox.push(new Uint8Array(event.data))
    pumped()
  }

  function onClose(event: WebSocketEventLike): void {
    ended = { cause: endCause(event.code, sent, answered) }
    pumped()
  }

  function fail(error: TunnelError): void {
    failed ??= error
    release()
    events?.fail(failed)
  }

  function pumped(): void {
    pump().catch((thrown) => fail(asTunnelError(thrown, 'ERR_STREAM_RESET')))
  }

  async function pump(): Promise<void> {
    if (events === undefined || pumping) return
    pumping = true
    try {
      for (let chunk = inbox.shift(); chunk !== undefined && !released; chunk = inbox.shift()) {
        unread -= costOf(chunk)
        await events.data(chunk)
      }
      if (ended !== undefined && !released) {
        release()
        await events.end(ended.cause)
      }
    } finally {
      pumping = false
    }
  }

  function release(): void {
    if (released) return
    released = true
    over.resolve()
    inbox.length = 0
    socket.removeEventListener('message', onMessage)
    socket.removeEventListener('close', onClose)
    if (ended === undefined) socket.close(1000)
  }

  async function drained(): Promise<void> {
    while (ended === undefined && !released && (socket.bufferedAmount ?? 0) > lowWater) {
      await new Promise<void>((resolve) => setTimeout(resolve, pollMilliseconds))
    }
  }

  // An error event says nothing that the close event after it does not; unheard it would be thrown by some runtimes.
  socket.addEventListener('error', () => {})
  socket.addEventListener('message', onMessage)
  socket.addEventListener('close', onClose)

  const wire: Wire = {
    start(given) {
      events = given
      if (failed !== undefined) given.fail(failed)
      else pumped()
    },
    write(chunks) {
      if (released || ended?.cause !== undefined) throw closed()
      // RFC 6455 §1.4: after the peer's Close nothing can be sent, but all that came before it counts. A failure now would
      // drop what is still unread here; it is told behind that.
      if (ended !== undefined) return over.promise.then(() => Promise.reject(closed()))
      for (const message of messagesOf(chunks)) socket.send(message)
      sent = true
      return (socket.bufferedAmount ?? 0) > highWater ? drained() : undefined
    },
    end() {
      // A WebSocket has no half-close, and browsers deliver nothing that comes after this.
      if (!released && ended === undefined) socket.close(1000)
    },
    destroy: release,
  }
  return { ...wire, subprotocol, facts: { transport: 'websocket', subprotocol } }
}

function closed(): TunnelError {
  return failure('ERR_STREAM_RESET', 'the WebSocket is closed')
}
