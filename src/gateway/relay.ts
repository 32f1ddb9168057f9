// Bytes both ways between a client's inner connection and the service behind the route, each direction ending on its
// own. A clean end is passed on as one (close_notify becomes FIN and the reverse); anything else is passed on as a cut,
// so that neither side takes half a stream for a whole one.
import type { Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'
import { failure, TunnelError } from '../errors-node.js'
import type { Carrier } from './carrier.js'
import type { Service } from './connector.js'
import { deadlineAfter } from './deadline.js'

export interface RelayParts {
  readonly carrier: Carrier
  /** What the application speaks through: the TLS connection, or the ping framing in it. */
  readonly inner: Duplex
  readonly service: Service
}

export interface RelayBounds {
  /** Milliseconds without application bytes; 0 for no bound. */
  readonly idle: number
  /** The same once one direction has ended. */
  readonly halfClosed: number
}

/**
 * Resolves when both directions ended cleanly. Rejects with what cut them: ERR_STREAM_RESET, ERR_GATEWAY_UPSTREAM,
 * ERR_TIMEOUT, framing errors. That the client's end was none is for `Accepted.truncated` to say.
 */
export function relay(parts: RelayParts, bounds: RelayBounds): Promise<void> {
  const { carrier, inner, service } = parts
  return new Promise((resolve, reject) => {
    service.setTimeout(bounds.idle)
    service.on('timeout', () => {
      const moved = service.bytesRead + service.bytesWritten
      // What came while this process was late is heard first; the socket then counts anew.
      setImmediate(() => {
        if (service.bytesRead + service.bytesWritten === moved)
          reject(failure('ERR_TIMEOUT', 'no application data', { phase: 'stream' }))
      })
    })
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
    // A service that is gone has no timeouts any more, and its last words may still wait for the client.
    let settle = () => {}
    const watch = (before: number) => {
      settle = deadlineAfter(bounds.halfClosed, () => {
        const left = carrier.writableLength + inner.writableLength
        if (left !== before) watch(left)
        else reject(failure('ERR_TIMEOUT', 'the client takes nothing', { phase: 'stream' }))
      })
    }
    service.once('close', () => {
      if (bounds.halfClosed > 0 && !inner.writableFinished && !inner.destroyed) watch(-1)
    })
    for (const end of [inner, carrier]) end.once('close', () => settle())
    Promise.all([clientDone, serviceDone]).then(() => resolve(), reject)

    inner.pipe(service)
    service.pipe(inner)
  })
}

function clientFailure(cause: unknown): TunnelError {
  if (cause instanceof TunnelError) return cause
  // What OpenSSL or node:tls could not take is told by its name: who broke a rule has not just gone away.
  const { code = '' } = cause as { readonly code?: string }
  const detail = /^ERR_(?:SSL|TLS)_/.test(code) ? code : 'the client is gone'
  return failure('ERR_STREAM_RESET', detail, { cause })
}
