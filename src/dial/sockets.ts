// What a dialer has open: dials under way, tunnels, and how they end. Keep-alive and the idle limit are attached here.
import { failure } from '../errors.js'
import type { Connection, TunnelSocket, Wire } from '../stream/index.js'
import { abortError, keepAlive, tunnelSocket } from '../stream/index.js'
import { deadlineAfter, type Timer } from '../stream/timer.js'
import type { KeepAlive, Timeouts } from './options.js'

export interface OpenSettings {
  readonly keepAlive: false | KeepAlive
  readonly timeouts: Pick<Timeouts, 'idle' | 'linger'>
  /** Milliseconds, monotonic. */
  readonly clock: () => number
}

export interface OpenSockets {
  /** Aborted when the dialer closes: part of every dial's signals. */
  readonly signal: AbortSignal
  /** Watches a dial until it settles; refuses it once the dialer is closed. */
  dialing<T>(dial: () => Promise<T>): Promise<T>
  /** Makes a connection a socket that close() will end. */
  open<Info>(connection: Connection, info: Info, settings: OpenSettings): TunnelSocket<Info>
  /** Aborts dials, ends tunnels gracefully; resolves when everything is freed. */
  close(): Promise<void>
}

/** `signal` is the dialer's own: when it aborts nothing is waited for. */
export function openSockets(signal: AbortSignal | undefined): OpenSockets {
  const closing = new AbortController()
  const dials = new Set<Promise<unknown>>()
  const tunnels = new Map<Connection, TunnelSocket>()
  let closed: Promise<void> | undefined

  function onAbort(): void {
    for (const connection of tunnels.keys()) connection.destroy(abortError(signal, 'stream'))
    void close()
  }

  async function end(): Promise<void> {
    signal?.removeEventListener('abort', onAbort)
    closing.abort(failure('ERR_ABORTED', 'the dialer was closed'))
    await Promise.allSettled(dials)
    await Promise.all([...tunnels.values()].map((socket) => socket.close()))
  }

  function close(): Promise<void> {
    closed ??= end()
    return closed
  }

  signal?.addEventListener('abort', onAbort, { once: true })

  return {
    signal: closing.signal,
    async dialing(dial) {
      if (closing.signal.aborted) throw closing.signal.reason
      const dialing = dial()
      dials.add(dialing)
      try {
        return await dialing
      } finally {
        dials.delete(dialing)
      }
    },
    open(connection, info, { keepAlive: pings, timeouts, clock }) {
      if (pings !== false) {
        const { interval, timeout } = pings
        keepAlive(connection, { interval, timeout: timeout === 0 ? undefined : timeout })
      }
      const wire = timeouts.idle === 0 ? connection.wire() : idleLimited(connection, timeouts.idle, clock)
      const socket = tunnelSocket(wire, info, {
        closed: connection.closed,
        linger: timeouts.linger,
        destroy: () => connection.destroy(),
      })
      tunnels.set(connection, socket)
      const forget = () => tunnels.delete(connection)
      connection.closed.then(forget, forget)
      return socket
    },
    close,
  }
}

/** The top of a connection, which fails with ERR_TIMEOUT when no application byte moves either way for so long. */
function idleLimited(connection: Connection, limit: number, clock: () => number): Wire {
  const wire = connection.wire()
  let moved = clock()
  let waiting = 0
  let timer: Timer
  // One timer that catches up, not one a chunk.
  const watch = (left: number) => {
    timer = deadlineAfter(left, () => {
      // A long write moves for as long as some of it leaves, from one look to the next.
      const before = waiting
      waiting = wire.unsent?.() ?? 0
      const rest = waiting === before ? moved + limit - clock() : limit
      if (rest > 0) return watch(rest)
      connection.destroy(failure('ERR_TIMEOUT', `idle for ${limit} ms`, { phase: 'stream' }))
    })
  }
  watch(limit)
  const stop = () => timer.cancel()
  connection.closed.then(stop, stop)
  return {
    ...wire,
    start(events) {
      wire.start({
        ...events,
        data(chunk) {
          moved = clock()
          return events.data(chunk)
        },
      })
    },
    write(chunks) {
      moved = clock()
      return wire.write(chunks)
    },
  }
}
