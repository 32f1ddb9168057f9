// Keep-alive: pings so that no load balancer takes the path for idle, and a deadline on silence so that a dead path is
// noticed. Silence counts from the last bytes received, whatever they were: Teleport answers no ping but sends its own.
import { failure, type TunnelError } from '../errors.js'
import { deadlineAfter, type Timer, timerAfter } from './timer.js'

export interface KeepAliveOptions {
  /** Milliseconds between pings. */
  readonly interval: number
  /** Milliseconds of silence after which the peer is dead; never when undefined. */
  readonly timeout?: number | undefined
}

/** What is kept alive: a `Connection`. */
export interface Pinged {
  ping(): unknown
  /** Milliseconds since the peer was last heard. */
  readonly quiet: number
  destroy(error: TunnelError): void
  readonly closed: Promise<void>
}

/** Ping until the connection is closed, or `stop` is called; a silent peer ends it with ERR_PING_TIMEOUT. */
export function keepAlive(connection: Pinged, options: KeepAliveOptions): { stop(): void } {
  const { interval, timeout } = options
  let stopped = false
  let pinging: Timer | undefined
  let listening: Timer | undefined
  const ping = () => {
    connection.ping()
    if (!stopped) pinging = timerAfter(interval, ping)
  }
  const listen = (limit: number) => {
    const left = limit - connection.quiet
    if (left <= 0) {
      stop()
      connection.destroy(failure('ERR_PING_TIMEOUT', `nothing was received for ${limit} ms`))
    } else listening = deadlineAfter(left, () => listen(limit))
  }
  const stop = () => {
    stopped = true
    pinging?.cancel()
    listening?.cancel()
  }
  pinging = timerAfter(interval, ping)
  if (timeout !== undefined) listen(timeout)
  connection.closed.then(stop, stop)
  return { stop }
}
