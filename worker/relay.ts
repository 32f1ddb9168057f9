// Two WebSockets made one: messages both ways, counted, gathered and bounded, until either side ends or a limit does. The
// bytes are somebody else's TLS and are never looked at.
//
// A WebSocket in a Worker can neither be paused nor (before `bufferedAmount`) be asked what it still holds. Where it can
// be asked, a side that does not take its bytes ends the tunnel; where not, `limits.bytes` is what bounds memory. Targets
// with relay = "native" have the runtime's own backpressure instead, without counting: see bridge.ts.

export interface RelayLimits {
  /** Bytes each way. */
  readonly bytes: number
  readonly seconds: number
  readonly idleSeconds: number
  /** Bytes sent but not taken. */
  readonly backlogBytes: number
}

/** Close codes of RFC 6455 §7.4.1 and their registry, with the reason that goes with them. */
export const endings = {
  idle: [1001, 'ERR_RELAY_IDLE'],
  time: [1001, 'ERR_RELAY_TIME'],
  bytes: [1009, 'ERR_RELAY_BYTES'],
  backlog: [1013, 'ERR_RELAY_BACKLOG'],
  text: [1003, 'ERR_RELAY_TEXT'],
  upstreamLost: [1011, 'ERR_RELAY_UPSTREAM_LOST'],
  clientLost: [1001, 'ERR_RELAY_CLIENT_LOST'],
} as const satisfies Record<string, readonly [number, string]>

export interface RelayEnd {
  /** The code of `endings` that ended it, or the close code that one side sent. */
  readonly code: string | number
  readonly up: number
  readonly down: number
  readonly milliseconds: number
}

type WebSocketWithAmount = WebSocket & { readonly bufferedAmount?: number }

/** Both accepted already. `ended` is called once, when nothing of the relay is left. */
export function relay(
  client: WebSocketWithAmount,
  upstream: WebSocketWithAmount,
  limits: RelayLimits,
  ended: (end: RelayEnd) => void,
): void {
  client.binaryType = 'arraybuffer'
  upstream.binaryType = 'arraybuffer'
  const began = Date.now()
  let active = began
  let timer: ReturnType<typeof setTimeout> | undefined
  let over = false
  const up = lane(upstream)
  const down = lane(client)

  function watch(): void {
    const now = Date.now()
    const left = began + limits.seconds * 1000 - now
    const idle = active + limits.idleSeconds * 1000 - now
    if (left <= 0) finish(endings.time)
    else if (idle <= 0) finish(endings.idle)
    else timer = setTimeout(watch, Math.min(left, idle))
  }

  function listen(
    from: WebSocket,
    into: WebSocketWithAmount,
    to: Lane,
    lost: readonly [number, string],
  ): void {
    from.addEventListener('message', ({ data }) => {
      if (over) return
      if (typeof data === 'string') return finish(endings.text)
      const { byteLength } = data as ArrayBuffer
      if (to.bytes + byteLength > limits.bytes) return finish(endings.bytes)
      active = Date.now()
      // Sending to a socket that has just broken throws; its close event follows.
      quietly(() => to.push(data as ArrayBuffer))
      if ((into.bufferedAmount ?? 0) > limits.backlogBytes) finish(endings.backlog)
    })
    from.addEventListener('close', ({ code, reason }) => {
      if (over) return
      if (code === 1006) return finish(lost)
      end(code)
      // RFC 6455 §7.1.5: 1005 is the absence of a code.
      hangUp(from, code === 1005 ? 1000 : code, '')
      hangUp(into, code === 1005 ? 1000 : code, reason)
    })
    from.addEventListener('error', () => finish(lost))
  }

  function finish([code, reason]: readonly [number, string]): void {
    if (over) return
    end(reason)
    hangUp(client, code, reason)
    hangUp(upstream, code, reason)
  }

  function end(code: string | number): void {
    over = true
    clearTimeout(timer)
    // What came before the end is delivered before it.
    up.stop()
    down.stop()
    ended({ code, up: up.bytes, down: down.bytes, milliseconds: Date.now() - began })
  }

  listen(client, upstream, up, endings.clientLost)
  listen(upstream, client, down, endings.upstreamLost)
  watch()
}

interface Lane {
  readonly bytes: number
  push(data: ArrayBuffer): void
  stop(): void
}

/** What every peer and every middlebox takes as one message. */
const maxMessage = 64 * 1024

/**
 * One direction. A message into silence goes on at once; those that come close behind it are gathered until the event loop
 * has gone round, because a message costs the runtime far more than its bytes.
 */
function lane(into: WebSocket): Lane {
  let bytes = 0
  let waiting: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  function send(data: Uint8Array<ArrayBuffer>): void {
    for (let at = 0; at < data.length; at += maxMessage) into.send(data.subarray(at, at + maxMessage))
  }

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (size === 0) return
    const chunks = waiting
    const all = chunks.length === 1 ? chunks[0]! : joined(chunks, size)
    waiting = []
    size = 0
    send(all)
  }

  return {
    get bytes() {
      return bytes
    },
    push(data) {
      bytes += data.byteLength
      const chunk = new Uint8Array(data)
      if (timer === undefined) {
        timer = setTimeout(() => quietly(flush), 0)
        send(chunk)
        return
      }
      waiting.push(chunk)
      size += chunk.length
      if (size < maxMessage) return
      flush()
      timer = setTimeout(() => quietly(flush), 0)
    },
    stop: () => quietly(flush),
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

/** Also answers a Close; a side that is gone is left alone. */
function hangUp(socket: WebSocket, code: number, reason: string): void {
  quietly(() => socket.close(sendable(code) ? code : 1011, reason))
}

/** RFC 6455 §7.4: what may stand in a Close frame. */
function sendable(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
    (code >= 3000 && code <= 4999)
  )
}

function quietly(task: () => void): void {
  try {
    task()
  } catch {}
}
