// One client from its first inner byte to its last, top to bottom: ClientHello, route, handshake, policy, connector,
// relay. Each step has a deadline, and nothing is opened towards a service before the client has passed the policy.
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type AlertName, asTunnelError, failure, type Phase, TlsError, type TunnelError } from '../errors.js'
import { type Carrier, type Goodbye, goodbye } from './carrier.js'
import { type ClientHello, peekClientHello, plaintextAlert } from './client-hello.js'
import type { RouteSettings, Settings } from './config.js'
import { connected, dropConnector, openConnector } from './connector.js'
import type { ClientFacts, Door, Framing } from './events.js'
import { acceptTls } from './handshake.js'
import { keepAlive } from './keep-alive.js'
import { PingDuplex } from './ping-duplex.js'
import { admitClient } from './policy.js'
import { relay } from './relay.js'
import { chooseRoute } from './routes.js'
import type { ServedRoute } from './served-route.js'

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
  /** Resolves when nothing of it is left. Never rejects. */
  readonly done: Promise<void>
}

/** Serve what arrived on a carrier. */
export function openTunnel(
  carrier: Carrier,
  routes: readonly ServedRoute[],
  settings: Settings,
  report: TunnelReport,
): Tunnel {
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
    done: serve(carrier, routes, settings, report, aborted),
  }
}

async function serve(
  carrier: Carrier,
  routes: readonly ServedRoute[],
  settings: Settings,
  report: TunnelReport,
  aborted: Promise<never>,
): Promise<void> {
  const { timeouts, limits } = settings
  const facts: { route?: string; hello?: ClientHello } = {}
  const stops = [keepAlive(carrier, settings.pingInterval)]
  let opened: OpenedFacts | undefined
  let error: TunnelError | undefined
  try {
    const handshake = deadline(timeouts.handshake, 'handshake')
    stops.push(handshake.clear)
    const hello = await Promise.race([
      peekClientHello(carrier, limits.clientHello),
      handshake.passed,
      aborted,
    ])
    facts.hello = hello
    const route = routeFor(routes, hello)
    facts.route = route.name
    const accepted = acceptTls(route.serverFor(hello.serverName), carrier)
    const { secure, truncated } = await Promise.race([accepted, handshake.passed, aborted])
    handshake.clear()
    stops.push(() => secure.destroy())
    const client = route.client && admitClient(secure, route.client.allow, Date.now())

    const service = openConnector(route.connect, limits)
    stops.push(() => (error === undefined ? service.destroy() : dropConnector(service, route.connect)))
    await Promise.race([connected(service, timeouts.connect), truncated, aborted])
    opened = { route, hello, secure, client, service }
    report.opened(opened)

    let inner: TLSSocket | PingDuplex = secure
    // Whatever the route says, the negotiated name alone decides on the framing inside.
    if (typeof secure.alpnProtocol === 'string' && secure.alpnProtocol.endsWith('-ping')) {
      inner = new PingDuplex(secure, limits)
      stops.push(keepAlive(inner, settings.pingInterval))
    }
    await Promise.race([relay({ carrier, inner, service }, timeouts), truncated, aborted])
  } catch (thrown) {
    error = asTunnelError(thrown)
    // Before there is TLS, its alerts go in clear (RFC 8446 §6); afterwards they are OpenSSL's to send.
    if (facts.route === undefined && error instanceof TlsError) {
      carrier.write(plaintextAlert(error.alert as AlertName))
    }
  }
  carrier.hangUp(error === undefined ? goodbye.done : goodbyeFor(error))
  for (const stop of stops) stop()
  carrier.destroy()
  if (opened !== undefined) report.closed(opened, error)
  else if (error !== undefined) report.refused(error, facts)
  await carrier.gone
}

function routeFor(routes: readonly ServedRoute[], hello: ClientHello): ServedRoute {
  const choice = chooseRoute(routes, hello)
  if (choice.route !== undefined) return choice.route
  throw failure('ERR_GATEWAY_NO_ROUTE', choice.reason, { alert: choice.alert })
}

function deadline(ms: number, phase: Phase): { readonly passed: Promise<never>; clear(): void } {
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(failure('ERR_TIMEOUT', undefined, { phase })), ms)
  })
  passed.catch(() => {})
  return { passed, clear: () => clearTimeout(timer) }
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
