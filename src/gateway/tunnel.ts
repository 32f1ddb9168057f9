// One client from its first inner byte to its last, top to bottom: ClientHello, route, handshake, policy, connector,
// relay. Each step has a deadline, and nothing is opened towards a service before the client has passed the policy.
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import {
  type AlertName,
  asTunnelError,
  failure,
  type Phase,
  TlsError,
  type TunnelError,
} from '../errors-node.js'
import { type Carrier, type Goodbye, goodbye } from './carrier.js'
import { type ClientHello, peekClientHello, plaintextAlert } from './client-hello.js'
import type { RouteSettings, Settings } from './config.js'
import { connected, dropConnector, openConnector, type Service } from './connector.js'
import { deadlineAfter } from './deadline.js'
import type { ClientFacts, Door, Framing } from './events.js'
import { acceptTls } from './handshake.js'
import { keepAlive } from './keep-alive.js'
import { PingDuplex } from './ping-duplex.js'
import { admitClient } from './policy.js'
import { proxyHeader } from './proxy-protocol.js'
import { relay } from './relay.js'
import { chooseRoute } from './routes.js'
import type { ServedRoute } from './served-route.js'
import { unreadAnswers } from './unread.js'

/** How a client came to us. */
export interface Arrival {
  readonly door: Door
  readonly framing: Framing
  /** The client's, as far as the load balancer's headers are believed. */
  readonly address: string
  /** Its TCP port; 0 where only the address is known. */
  readonly port: number
  /** Where it arrived. */
  readonly local: { readonly address: string; readonly port: number }
}

/** What a tunnel tells while it lives. */
export interface TunnelReport {
  /** The client has finished its handshake, or its TLS is the service's business. */
  authenticated(): void
  /** A request in an open tunnel got no answer from the service. */
  unanswered(error: TunnelError, route: string): void
  opened(facts: OpenedFacts): void
  refused(error: TunnelError, facts: { route?: string; hello?: ClientHello }): void
  closed(facts: OpenedFacts, error: TunnelError | undefined): void
}

export interface OpenedFacts {
  readonly route: RouteSettings
  readonly hello: ClientHello
  /** Undefined where TLS is forwarded. */
  readonly secure: TLSSocket | undefined
  readonly client: ClientFacts | undefined
  /** Its byte counters are the tunnel's. */
  readonly service: Service
  /** Bytes that we wrote to the service before the client's. */
  readonly preface: number
}

export interface Tunnel {
  /** End it from outside; `error` becomes the reason reported. */
  abort(error: TunnelError, reason: Goodbye): void
  /** The same at once, without a goodbye. */
  cut(error: TunnelError): void
  /** Resolves when nothing of it is left. Never rejects. */
  readonly done: Promise<void>
}

/** Serve what arrived on a carrier. */
export function openTunnel(
  carrier: Carrier,
  routes: readonly ServedRoute[],
  settings: Settings,
  arrival: Arrival,
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
      carrier.hangUp(reason, error.code)
    },
    cut(error) {
      abort(error)
      carrier.cut()
    },
    done: serve(carrier, routes, settings, arrival, report, aborted),
  }
}

async function serve(
  carrier: Carrier,
  routes: readonly ServedRoute[],
  settings: Settings,
  arrival: Arrival,
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
    const ended = route.forward
      ? undefined
      : await Promise.race([acceptTls(route.serverFor(hello.serverName), carrier), handshake.passed, aborted])
    handshake.clear()
    const { secure, truncated = aborted } = ended ?? {}
    stops.push(() => secure?.destroy())
    // RFC 8446 §4.1.2: a second ClientHello takes back nothing that the route was chosen by.
    if (secure && hello.alpn.length > 0 && typeof secure.alpnProtocol !== 'string')
      throw failure('ERR_GATEWAY_HANDSHAKE', 'the second ClientHello offers no protocol')
    const client = secure && route.client && admitClient(secure, route.client, Date.now())
    report.authenticated()

    const { service, preface, connecting } = openService(
      route,
      { hello, secure, client, arrival },
      settings,
      report,
    )
    stops.push(() => (error === undefined ? service.destroy() : dropConnector(service, route.connect.to)))
    await Promise.race([connecting, truncated, aborted])
    opened = { route, hello, secure, client, service, preface }
    report.opened(opened)

    let stream: Duplex = secure ?? carrier
    // Whatever the route says, the negotiated name alone decides on the framing inside.
    if (typeof secure?.alpnProtocol === 'string' && secure.alpnProtocol.endsWith('-ping')) {
      const framed = new PingDuplex(secure, limits)
      stream = framed
      stops.push(keepAlive(framed, settings.pingInterval))
    }
    const flooded = secure ? unreadAnswers(carrier, secure) : aborted
    await Promise.race([relay({ carrier, inner: stream, service }, timeouts), flooded, truncated, aborted])
  } catch (thrown) {
    error = asTunnelError(thrown)
    // Before there is TLS, its alerts go in clear (RFC 8446 §6); afterwards they are OpenSSL's to send.
    if (facts.route === undefined && error instanceof TlsError) {
      carrier.write(plaintextAlert(error.alert as AlertName))
    }
  }
  if (error === undefined) carrier.hangUp(goodbye.done)
  else carrier.hangUp(goodbyeFor(error), error.code)
  for (const stop of stops) stop()
  carrier.destroy()
  if (opened !== undefined) report.closed(opened, error)
  else if (error !== undefined) report.refused(error, facts)
  await carrier.gone
}

function openService(
  route: ServedRoute,
  facts: Pick<OpenedFacts, 'hello' | 'secure' | 'client'> & { readonly arrival: Arrival },
  { limits, timeouts }: Settings,
  report: TunnelReport,
): Pick<OpenedFacts, 'service' | 'preface'> & { readonly connecting: Promise<void> } {
  const { hello, secure, client, arrival } = facts
  if (route.http !== undefined) {
    const failed = (error: TunnelError) => report.unanswered(error, route.name)
    const service = route.http.open({ address: arrival.address, client }, failed)
    return { service, preface: 0, connecting: Promise.resolve() }
  }
  const service = openConnector(route.connect.to, limits)
  const connecting = connected(service, timeouts.connect)
  if (!route.connect.proxyProtocol) return { service, preface: 0, connecting }
  const header = proxyHeader({
    source: arrival,
    destination: arrival.local,
    alpn: typeof secure?.alpnProtocol === 'string' ? secure.alpnProtocol : undefined,
    serverName: hello.serverName,
    tls: secure && {
      version: secure.getProtocol() ?? 'unknown',
      cipher: secure.getCipher().name,
      verified: client !== undefined,
      commonName: client?.commonName,
    },
  })
  return {
    service,
    preface: header.length,
    connecting: connecting.then(() => void service.write(header)),
  }
}

function routeFor(routes: readonly ServedRoute[], hello: ClientHello): ServedRoute {
  const choice = chooseRoute(routes, hello)
  if (choice.route !== undefined) return choice.route
  throw failure('ERR_GATEWAY_NO_ROUTE', choice.reason, { alert: choice.alert })
}

function deadline(ms: number, phase: Phase): { readonly passed: Promise<never>; clear(): void } {
  let clear = () => {}
  const passed = new Promise<never>((_, reject) => {
    clear = deadlineAfter(ms, () => reject(failure('ERR_TIMEOUT', undefined, { phase })))
  })
  passed.catch(() => {})
  return { passed, clear }
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
