// A wire over WebSocketStream, where the browser has it: pausing and waiting are the engine's own, so a page that does not
// read slows its server down instead of filling up, and no timer polls (timers of hidden pages are throttled).
import { asTunnelError, failure, type TunnelError } from '../../errors.js'
import type { WireEvents } from '../../stream/byte-stream.js'
import { closeCause, costOf, endCause, messagesOf } from '../messages.js'
import type { WebSocketWire } from '../platform.js'

/** The interface as engines ship it; DOM libraries lack it still. */
export interface WebSocketStreamLike {
  readonly opened: Promise<{
    readonly readable: ReadableStream<unknown>
    readonly writable: WritableStream<Uint8Array>
    readonly protocol: string
  }>
  readonly closed: Promise<{ readonly closeCode?: number }>
  close(info?: { readonly closeCode: number }): void
}

export type WebSocketStreamMaker = new (
  url: string,
  options: { readonly protocols: readonly string[]; readonly signal: AbortSignal },
) => WebSocketStreamLike

// What may wait for its reader. When a connection ends, Chromium drops what a paused reader has not been handed (up to the
// 192 KiB of its own queues): pausing late and resuming early makes that rare, and the inner TLS tells it from a real end.
const pauseAbove = 16 * 1024 * 1024
const resumeBelow = 4 * 1024 * 1024
// What may wait to be sent; the engine's own queue holds one message.
const maxUnsent = 1024 * 1024

/** Opens it. Throws ERR_DIAL_FAILED, or the signal's reason. */
export async function openWebSocketStream(
  Maker: WebSocketStreamMaker,
  url: string,
  subprotocols: readonly string[],
  signal: AbortSignal,
): Promise<WebSocketWire> {
  const socket = new Maker(url, { protocols: subprotocols, signal })
  // Heard where it matters, in the wire.
  socket.closed.catch(() => {})
  let opened: Awaited<WebSocketStreamLike['opened']>
  try {
    opened = await socket.opened
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    throw failure('ERR_DIAL_FAILED', 'the WebSocket did not open; a page is not told why', { cause })
  }
  return webSocketStreamWire(socket, opened)
}

function webSocketStreamWire(
  socket: WebSocketStreamLike,
  { readable, writable, protocol }: Awaited<WebSocketStreamLike['opened']>,
): WebSocketWire {
  const reader = readable.getReader()
  const writer = writable.getWriter()
  const inbox: Uint8Array[] = []
  let unread = 0
  let unsent = 0
  let sent = false
  let answered = false
  let over = false
  /** The engine refused a message of ours. */
  let lost: TunnelError | undefined
  const finished = deferred()
  let resume: (() => void) | undefined
  let draining: { readonly promise: Promise<void>; readonly done: () => void } | undefined
  // Both are also told by `closed`.
  writer.closed.catch(() => {})
  reader.closed.catch(() => {})

  /** Reads ahead of who takes it, up to a mark. */
  async function fill(told: () => void): Promise<void> {
    for (;;) {
      const { value, done } = await reader.read()
      if (done || over) return
      if (!(value instanceof ArrayBuffer || value instanceof Uint8Array)) throw failure('ERR_WS_TEXT')
      answered = true
      unread += costOf(value)
      inbox.push(new Uint8Array(value as ArrayBuffer))
      told()
      if (unread > pauseAbove) {
        const room = deferred()
        resume = room.resolve
        await room.promise
      }
    }
  }

  async function pump(events: WireEvents): Promise<void> {
    let told: () => void = () => {}
    let failed: TunnelError | undefined
    let ended = false
    const filling = fill(() => told())
      .catch((thrown) => {
        if (thrown instanceof DOMException) return
        failed = asTunnelError(thrown, 'ERR_STREAM_RESET')
      })
      .finally(() => {
        ended = true
        told()
      })
    while (!over) {
      const chunk = inbox.shift()
      if (chunk !== undefined) {
        unread -= costOf(chunk)
        if (unread < resumeBelow) resume?.()
        const taken = events.data(chunk)
        if (taken !== undefined) await taken
      } else if (ended) break
      else {
        const more = deferred()
        told = more.resolve
        await more.promise
      }
    }
    await filling
    if (over) return
    if (failed !== undefined) throw failed
    const code = await closeCode()
    if (over) return
    release()
    await events.end(endCause(code, sent, answered))
  }

  function closeCode(): Promise<number | undefined> {
    return socket.closed.then(
      ({ closeCode }) => closeCode,
      (error: { readonly closeCode?: number | null }) => error.closeCode ?? 1006,
    )
  }

  function release(): void {
    if (over) return
    over = true
    finished.resolve()
    inbox.length = 0
    resume?.()
    draining?.done()
    try {
      socket.close({ closeCode: 1000 })
    } catch {
      // It is closed.
    }
    // What is still queued for reading would keep an engine from finishing the close.
    reader.cancel().catch(() => {})
  }

  /** After a clean end the failure of ours is told behind what is unread, which it would drop. */
  async function refused(): Promise<void> {
    if (closeCause(await closeCode()) === undefined) await finished.promise
    throw lost
  }

  function onSent(length: number): void {
    unsent -= length
    if (unsent <= maxUnsent / 4) draining?.done()
  }

  async function drained(): Promise<void> {
    if (draining === undefined) {
      const { promise, resolve } = deferred()
      const done = (): void => {
        draining = undefined
        resolve()
      }
      draining = { promise, done }
    }
    await draining.promise
    if (lost !== undefined && !over) await refused()
  }

  return {
    subprotocol: protocol,
    facts: { transport: 'websocket', subprotocol: protocol },
    start(events) {
      pump(events).catch((thrown) => {
        release()
        events.fail(asTunnelError(thrown, 'ERR_STREAM_RESET'))
      })
    },
    write(chunks) {
      if (over) throw failure('ERR_STREAM_RESET', 'the WebSocket is closed')
      if (lost !== undefined) return refused()
      for (const message of messagesOf(chunks)) {
        const { length } = message
        unsent += length
        writer.write(message).then(
          () => onSent(length),
          (cause) => {
            lost ??= failure('ERR_STREAM_RESET', 'the WebSocket is closed', { cause })
            onSent(length)
          },
        )
      }
      sent = true
      return unsent <= maxUnsent ? undefined : drained()
    },
    async end() {
      // A WebSocket has no half-close: this waits for what was written, then begins the closing handshake.
      if (over) return
      await writer.close().catch(() => {})
      if (lost !== undefined) await refused()
    },
    destroy: release,
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((given) => {
    resolve = given
  })
  return { promise, resolve }
}
