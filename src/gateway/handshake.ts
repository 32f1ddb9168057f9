// The inner TLS handshake by node:tls, one server (never listening) for each route and identity: what a client must
// show is fixed before the first answer, and sessions cannot cross from one route to another, because each server has
// ticket keys of its own.
import type { Duplex } from 'node:stream'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { failure, type TunnelError } from '../errors.js'
import type { RouteSettings } from './config.js'
import type { GatewayIdentity } from './options.js'

export interface HandshakeOptions {
  /** Milliseconds after which node:tls itself gives up; the tunnel's own deadline is shorter or equal. */
  readonly timeout: number
  readonly buffer: number
}

interface Waiter {
  resolve(secure: TLSSocket): void
  reject(error: TunnelError): void
}

/** Who waits for which connection. */
const waiters = new WeakMap<object, Waiter>()

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
    ALPNCallback: ({ protocols }) => protocols.find((name) => route.alpn.includes(name)),
    minVersion: 'TLSv1.2',
    handshakeTimeout: options.timeout,
    sessionIdContext: 'underpass-gateway',
    highWaterMark: options.buffer,
  })
  server.on('secureConnection', (secure) => {
    const waiter = waiterOf(secure)
    if (waiter === undefined) secure.destroy()
    else waiter.resolve(secure)
  })
  server.on('tlsClientError', (error, secure) => waiterOf(secure)?.reject(handshakeFailure(error, secure)))
  return server
}

/**
 * Run the handshake on what carries it. Rejects with ERR_GATEWAY_DENIED when the client's certificate is missing or not
 * vouched for, with ERR_GATEWAY_HANDSHAKE otherwise; the carrier is destroyed then.
 */
export function acceptTls(server: Server, carrier: Duplex): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const gone = () => {
      // node:tls may know better why: it speaks in the same turn.
      setImmediate(() => reject(failure('ERR_GATEWAY_HANDSHAKE', 'the client went away')))
    }
    carrier.once('close', gone)
    waiters.set(carrier, {
      resolve: (secure) => {
        carrier.off('close', gone)
        // Failures are seen by whoever relays; between the phases nobody is.
        secure.on('error', () => {})
        secure.disableRenegotiation()
        resolve(secure)
      },
      reject,
    })
    server.emit('connection', carrier)
  })
}

// node:tls hands out a TLSSocket without saying on which stream it runs, except here. Not found, not served.
function waiterOf(secure: TLSSocket): Waiter | undefined {
  const { _parent: carrier } = secure as unknown as { readonly _parent?: object }
  return carrier === undefined ? undefined : waiters.get(carrier)
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
