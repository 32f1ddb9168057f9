// One client from its first inner byte to its last, top to bottom: ClientHello, route, handshake, policy, connector,
// relay. Each step has a deadline, and nothing is opened towards a service before the client has passed the policy.
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { alertFor, asTunnelError, failure, type Phase, type TunnelError } from '../errors.js'
import { type Carrier, type Goodbye, goodbye } from './carrier.js'
import { type ClientHello, clientHelloReader, plaintextAlert } from './client-hello.js'
import type { RouteSettings, Settings } from './config.js'
import { openConnector } from './connector.js'
import type { ClientFacts, Door, Framing } from './events.js'
import { acceptTls } from './handshake.js'
import { keepAlive } from './keep-alive.js'
import { PingDuplex } from './ping-duplex.js'
import { admitClient } from './policy.js'
import { relay } from './relay.js'
import { chooseRoute } from './routes.js'
import type { RouteBook, ServedRoute } from './route-book.js'

/** How a client came to us. */
export interface Arrival {
  readonly door: Door
  readonly framing: Framing
  readonly address: string
}

/** What a tunnel tells while it lives. */
export interface TunnelReport {
  opened(facts: OpenedFacts): void
  refused(error: TunnelError, facts: { route?: string; hello?: ClientHello }): void
  closed(facts: OpenedFacts, error: TunnelError | undefined): void
}

export interface OpenedFacts {
  readonly route: RouteSettings
  readonly hello: ClientHello
  readonly secure: TLSSocket
  readonly client: ClientFacts | undefined
  /** Its byte counters are the tunnel's. */
  readonly service: Socket
}

export interface Tunnel {
  /** End it from outside; `error` becomes the reason reported. */
  abort(error: TunnelError, reason: Goodbye): void
  /** Drop the outer connection without waiting for the peer. */
  cut(): void
  /** Resolves when nothing of it is left. Never rejects. */
  readonly done: Promise<void>
}

/** Serve what arrived on a carrier. */
export function openTunnel(carrier: Carrier, book: RouteBook, settings: Settings, report: TunnelReport): Tunnel {
  let abort!: (error: TunnelError) => void
  const aborted = new Promise<never>((_, reject) => {
    abort = reject
  })
  aborted.catch(() => {})
  return {
    abort(error, reason) {
      abort(error)
      carrier.hangUp(reason)
    },
    cut: () => carrier.cut(),
    done: serve(carrier, book, settings, report, aborted),
  }
}

async function serve(
  carrier: Carrier,
  book: RouteBook,
  settings: Settings,
  report: TunnelReport,
  aborted: Promise<never>,
): Promise<void> {
  const { timeouts, limits } = settings
  const stops = [keepAlive(carrier, settings.pingInterval)]
  const facts: { route?: string; hello?: ClientHello } = {}
  let opened: OpenedFacts | undefined
  let error: TunnelError | undefined
  try {
    const handshakeBy = deadline(timeouts.handshake, 'handshake')
    stops.push(handshakeBy.clear)
    const setUp = <T>(step: Promise<T>): Promise<T> => Promise.race([step, handshakeBy.passed, aborted])

    const hello = await setUp(readClientHello(carrier, limits.clientHello))
    facts.hello = hello
    const served = chooseServed(book, hello)
    facts.route = served.route.name
    const secure = await setUp(acceptTls(served.serverFor(hello.serverName), carrier))
    handshakeBy.clear()
    const { client: policy } = served.route
    const client = policy && admitClient(secure, policy.allow, Date.now())

    const service = await openConnector(served.route.connect, {
      timeout: timeouts.connect,
      buffer: limits.buffer,
    })
    stops.push(() => service.resetAndDestroy())
    opened = { route: served.route, hello, secure, client, service }
    report.opened(opened)

    let inner: TLSSocket | PingDuplex = secure
    // Whatever the route, the negotiated name alone decides on the framing inside.
    if (typeof secure.alpnProtocol === 'string' && secure.alpnProtocol.endsWith('-ping')) {
      inner = new PingDuplex(secure, limits)
      stops.push(keepAlive(inner, settings.pingInterval))
    }
    await Promise.race([relay({ carrier, secure, inner, service }, timeouts), aborted])
  } catch (thrown) {
    error = asTunnelError(thrown)
  }
  await leave(carrier, error, stops)
  if (opened !== undefined) report.closed(opened, error)
  else if (error !== undefined) report.refused(error, facts)
}

// The service is gone first, so that it sees a reset and not an orderly end when the client's end was none.
async function leave(
  carrier: Carrier,
  error: TunnelError | undefined,
  stops: ReadonlyArray<() => void>,
): Promise<void> {
  for (const stop of stops) stop()
  carrier.hangUp(error === undefined ? goodbye.done : goodbyeFor(error))
  carrier.destroy()
  await carrier.closed
}

function goodbyeFor(error: TunnelError): Goodbye {
  switch (error.code) {
    case 'ERR_GATEWAY_CONNECT':
    case 'ERR_GATEWAY_UPSTREAM':
    case 'ERR_INTERNAL':
      return goodbye.failed
    case 'ERR_ABORTED':
      return goodbye.goingAway
    default:
      return goodbye.policy
  }
}

function chooseServed(book: RouteBook, hello: ClientHello): ServedRoute {
  const choice = chooseRoute(book.routes, hello)
  if (choice.route === undefined) {
    throw failure('ERR_GATEWAY_NO_ROUTE', choice.reason, { alert: choice.alert })
  }
  return choice.route.served
}
