// Bytes both ways between a client's inner connection and the service behind the route, each direction ending on its
// own. A clean end is passed on as one (close_notify becomes FIN and the reverse); anything else is passed on as a cut,
// so that neither side takes half a stream for a whole one.
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { TLSSocket } from 'node:tls'
import { failure, TunnelError } from '../errors.js'
import type { Carrier } from './carrier.js'

export interface RelayParts {
  readonly carrier: Carrier
  readonly secure: TLSSocket
  /** What the application speaks through: `secure`, or the ping framing on it. */
  readonly inner: Duplex
  readonly service: Socket
}

export interface RelayBounds {
  /** Milliseconds without application bytes; 0 for no bound. */
  readonly idle: number
  /** The same once one direction has ended. */
  readonly halfClosed: number
}

/**
 * Resolves when both directions ended cleanly. Rejects with what cut them: ERR_TLS_TRUNCATED (the client's end came
 * without close_notify), ERR_STREAM_RESET, ERR_GATEWAY_UPSTREAM, ERR_TIMEOUT, framing errors.
 */
export function relay(parts: RelayParts, bounds: RelayBounds): Promise<void> {
  const { carrier, secure, inner, service } = parts
  return new Promise((resolve, reject) => {
    const stopWatching = watchTruncation(carrier, secure, reject)
    service.setTimeout(bounds.idle)
    service.on('timeout', () => reject(failure('ERR_TIMEOUT', 'no application data', { phase: 'stream' })))
    const halfClosed = () => {
      if (bounds.halfClosed > 0) service.setTimeout(bounds.halfClosed)
    }
    inner.once('end', halfClosed)
    service.once('end', halfClosed)

    const clientDone = finished(inner).catch((cause) => {
      throw clientFailure(carrier.errored ?? cause)
    })
    const serviceDone = finished(service).catch((cause: Error & { readonly code?: string }) => {
      throw failure('ERR_GATEWAY_UPSTREAM', cause.code, { cause })
    })
    Promise.all([clientDone, serviceDone])
      .then(() => resolve(), reject)
      .finally(stopWatching)

    inner.pipe(service)
    service.pipe(inner)
  })
}

// node:tls ends its readable side alike for close_notify and for a bare end of what is below (RFC 8446 §6.1: the
// latter is a truncation). But only close_notify can end it before the carrier has.
function watchTruncation(
  carrier: Carrier,
  secure: TLSSocket,
  truncated: (error: TunnelError) => void,
): () => void {
  let notified = secure.readableEnded
  const push = secure.push
  secure.push = (chunk, encoding) => {
    if (chunk === null) notified = true
    return push.call(secure, chunk, encoding)
  }
  const check = () => {
    if (!notified) truncated(failure('ERR_TLS_TRUNCATED', 'the client ended without close_notify'))
  }
  // Ahead of the listener by which node:tls learns of the same end.
  carrier.prependListener('end', check)
  return () => carrier.off('end', check)
}

function clientFailure(cause: unknown): TunnelError {
  return cause instanceof TunnelError ? cause : failure('ERR_STREAM_RESET', 'the client is gone', { cause })
}
