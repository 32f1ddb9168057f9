// The inner TLS handshake by node:tls, one server (never listening) for each route and identity: what a client must
// show is fixed before the first answer, and sessions cannot cross from one route to another, because each server has
// ticket keys of its own.
import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import { createServer, type Server, TLSSocket } from 'node:tls'
import { failure, type TunnelError } from '../errors-node.js'
import type { RouteSettings } from './config.js'
import type { GatewayIdentity } from './options.js'
import { answers } from './routes.js'

export interface HandshakeOptions {
  /** Milliseconds after which node:tls itself gives up; the tunnel's own deadline is shorter or equal. */
  readonly timeout: number
  readonly buffer: number
}

/** The server side of a route, as one identity. */
export function routeServer(
  route: RouteSettings,
  identity: GatewayIdentity,
  options: HandshakeOptions,
): Server {
  const server = createServer({
    cert: identity.certificate,
    key: identity.privateKey,
    ...(identity.passphrase === undefined ? {} : { passphrase: identity.passphrase }),
    ...(route.client === undefined
      ? { requestCert: false }
      : { requestCert: true, rejectUnauthorized: true, ca: [...route.client.trust] }),
    // RFC 7301 §3.2: no overlap is a fatal no_application_protocol, which is what undefined sends. The same choice as
    // the route table's, or a second ClientHello that says something else ends here.
    ALPNCallback: ({ protocols }) => protocols.find((name) => answers(route, name)),
    minVersion: 'TLSv1.2',
    handshakeTimeout: options.timeout,
    sessionIdContext: 'underpass-gateway',
    highWaterMark: options.buffer,
  })
  // Connections come through `acceptTls`, which hears of them itself. One that it does not know is not served.
  server.on('secureConnection', (secure) => secure.destroy())
  return server
}

export interface Accepted {
  readonly secure: TLSSocket
  /** Rejects with ERR_TLS_TRUNCATED when the client's side ends without close_notify; never resolves. */
  readonly truncated: Promise<never>
}

/**
 * Run the handshake on what carries it. Rejects with ERR_GATEWAY_DENIED when the client's certificate is missing or not
 * vouched for, with ERR_GATEWAY_HANDSHAKE otherwise; the carrier is destroyed then.
 */
export function acceptTls(server: Server, carrier: Duplex): Promise<Accepted> {
  return new Promise((resolve, reject) => {
    const gone = () => {
      // node:tls may know better why, and speaks in the same turn.
      setImmediate(() => reject(failure('ERR_GATEWAY_HANDSHAKE', 'the client went away')))
    }
    carrier.once('end', gone)
    carrier.once('close', gone)
    // Said at the end of every connection too: an Error that nobody hears would be for nothing.
    let finished = false
    const goodbye = () => {
      if (!finished) reject(failure('ERR_GATEWAY_HANDSHAKE', 'close_notify before Finished'))
    }
    const view = serverFor(server, goodbye, (event, ...args) => {
      if (event === 'secureConnection') {
        const [secure] = args as [TLSSocket]
        finished = true
        carrier.off('end', gone)
        carrier.off('close', gone)
        // Failures are seen by whoever relays; between the phases nobody does.
        secure.on('error', () => {})
        secure.disableRenegotiation()
        // At once: the next bytes, already here, may be the close_notify.
        resolve({ secure, truncated: truncationOf(secure, carrier) })
      } else if (event === 'tlsClientError') {
        const [error, secure] = args as [Error, TLSSocket]
        reject(handshakeFailure(error, secure))
      }
    })
    EventEmitter.prototype.emit.call(view, 'connection', carrier)
  })
}

// node:tls tells a server that a handshake is done, but not on which stream. So each connection gets an object that is
// the route's server in everything but whom it tells.
function serverFor(
  server: Server,
  goodbye: () => void,
  tell: (event: unknown, ...args: unknown[]) => void,
): Server {
  const { ALPNCallback } = server as { readonly ALPNCallback?: (offer: unknown) => string | undefined }
  return Object.create(server, {
    emit: {
      value: (event: unknown, ...args: unknown[]) => {
        tell(event, ...args)
        return true
      },
    },
    ...(ALPNCallback && {
      ALPNCallback: {
        value(this: unknown, offer: unknown) {
          if (this instanceof TLSSocket) whenNotified(this, goodbye)
          return ALPNCallback.call(this, offer)
        },
      },
    }),
  }) as Server
}

// RFC 8446 §6.1: a client that says close_notify says nothing more. Within the handshake node:tls ends its readable side for
// it and tells nobody; the callback for ALPN is the one place that knows the stream by then. Where no ALPN is offered, or
// node:tls calls it otherwise, the handshake's deadline ends such a client.
function whenNotified(secure: TLSSocket, goodbye: () => void): void {
  const { push } = secure
  secure.push = (chunk, encoding) => {
    if (chunk === null) goodbye()
    return push.call(secure, chunk, encoding)
  }
}

// node:tls ends its readable side alike for close_notify and for a bare end of what is below, which RFC 8446 §6.1 calls
// a truncation. But only close_notify can end it before the carrier has ended. What was truncated is destroyed at once:
// an `end` must not get as far as the service.
function truncationOf(secure: TLSSocket, carrier: Duplex): Promise<never> {
  let notified = false
  const push = secure.push
  secure.push = (chunk, encoding) => {
    if (chunk === null && carrier.destroyed) return false
    if (chunk === null) notified = true
    return push.call(secure, chunk, encoding)
  }
  const truncated = new Promise<never>((_, reject) => {
    // Ahead of the listener by which node:tls learns of the same end.
    carrier.prependOnceListener('end', () => {
      if (notified) return
      const error = failure('ERR_TLS_TRUNCATED', 'the client ended without close_notify')
      reject(error)
      secure.destroy(error)
    })
  })
  truncated.catch(() => {})
  return truncated
}

function handshakeFailure(cause: Error & { readonly code?: string }, secure: TLSSocket): TunnelError {
  if (cause.code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') {
    return failure('ERR_GATEWAY_DENIED', 'the client showed no certificate', { cause })
  }
  // Set once the chain was looked at and refused; OpenSSL's own name for why.
  if (secure.authorizationError) {
    return failure('ERR_GATEWAY_DENIED', `certificate refused, ${secure.authorizationError}`, { cause })
  }
  return failure('ERR_GATEWAY_HANDSHAKE', cause.code ?? 'unknown', { cause })
}
