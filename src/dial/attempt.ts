// One connection over raw TCP on its way up: the wire, the outer TLS, the upgrade with its framing, the inner TLS. Every
// function either hands the connection on or destroys it. What a failure means is decided elsewhere (detect.ts, plan.ts).
import { CertificateError, failure, type Phase, TlsError, type TunnelError } from '../errors.js'
import type { Connection } from '../stream/index.js'
import type { TlsInfo } from '../tls/index.js'
import type { UpgradeInfo } from '../tunnel/index.js'
import {
  connectionOver,
  enter,
  headersFor,
  orDestroy,
  pingLayer,
  pushFraming,
  pushInnerPing,
  tlsBasics,
} from './inner.js'
import { underUpgrade } from './outer-tls.js'
import type { UpgradeMode } from './plan.js'
import { upgradeTokens } from './plan.js'
import { retold } from './retold.js'
import type { Reached } from './run.js'
import { observe, step, timed } from './run.js'
import { outerExpectations, type TcpRun } from './tcp-run.js'

/** A connection to the origin, up to and including the outer TLS if there is one. */
export interface Opened {
  readonly connection: Connection
  readonly outer: TlsInfo | undefined
}

/** What the outer TLS says of itself. */
export interface OuterHello {
  /** Application protocols offered; none for an upgrade that is already decided. */
  readonly alpn: readonly string[]
  readonly serverName: string
  /** Fail unless one of `alpn` is selected. */
  readonly required: boolean
  /** Whether a selected protocol makes the peer the server itself. */
  isOurs(alpn: string | undefined): boolean
}

/** TCP only, or what else `dial` opens. Throws ERR_DIAL_*, ERR_PROXY_*, ERR_TIMEOUT (phase `dial` or `proxy`), ERR_ABORTED. */
export async function openWire(run: TcpRun, dial: TcpRun['tcp']['dial'] = run.tcp.dial): Promise<Connection> {
  const { settings } = run
  const { address, secure } = settings.origin
  const { connect, handshake } = settings.timeouts
  const isTls = secure && dial === run.tcp.dial
  // A runtime that does TLS too does both in one go. 0 stands for no limit, in one part and so for the whole.
  const milliseconds = dial === run.tcp.dial ? connect : connect && handshake && connect + handshake
  const deadline: { milliseconds: number; phase: Phase } = { milliseconds, phase: 'dial' }
  run.connections++
  // Timings are those of the connection that is kept.
  for (const phase of ['outerTls', 'upgrade', 'innerTls'] as const) delete run.timings[phase]
  step(run, 'dial', { host: address.host, port: address.port, connection: run.connections })
  const wire = await timed(
    run,
    'tcp',
    deadline,
    (signal) =>
      dial(address, {
        signal,
        isTls,
        trace: (name, facts) => step(run, name, facts),
        busy: (phase) => {
          deadline.phase = phase
        },
      }),
    (late) => late.destroy(),
  )
  return connectionOver(run, wire)
}

/** TLS with the origin on a fresh connection. Failures carry the phase `outer-tls`, or `handshake` when direct. */
export async function openOuter(run: TcpRun, connection: Connection, hello: OuterHello): Promise<Opened> {
  const { settings } = run
  const layer = run.layers.tls({
    serverName: hello.serverName,
    alpn: hello.alpn,
    alpnPolicy: hello.required ? 'required' : 'optional',
    expect: ({ alpn }) => outerExpectations(run, hello.isOurs(alpn)),
    // The identity is for the server, never for a load balancer: a certificate is a name, and names are private.
    identity: ({ alpn }) => (hello.isOurs(alpn) ? run.identity : undefined),
    ...tlsBasics(run, 'outer', hello),
  })
  const phase = hello.required ? 'handshake' : 'outer-tls'
  const deadline = { milliseconds: settings.timeouts.handshake, phase } as const
  let outer: TlsInfo | undefined
  const cut = underUpgrade(layer, () => hello.isOurs(outer?.alpn))
  return orDestroy(
    connection,
    async () => {
      outer = await timed(run, 'outerTls', deadline, (signal) => connection.push(cut, signal))
      return { connection, outer }
    },
    (error) => toldAsOuter(error, settings.origin.address.host, phase),
  )
}

/** Upgrade, framing and inner TLS on an open connection. */
export async function climb(run: TcpRun, { connection, outer }: Opened, mode: UpgradeMode): Promise<Reached> {
  const framing = await askUpgrade(run, connection, mode)
  return orDestroy(
    connection,
    async () => {
      if (framing === 'websocket') await pushFraming(run, connection, webSocketLayer(run))
      if (framing === 'ping') await pushFraming(run, connection, await pingLayer(run))
      return enter(run, connection, framing, outer)
    },
    (error) => toldOfMasks(error, run, framing),
  )
}

/** The upgrade request and its answer, nothing above; says which framing follows. */
export async function askUpgrade(
  run: TcpRun,
  connection: Connection,
  mode: UpgradeMode,
): Promise<UpgradeInfo['framing']> {
  const { settings, platform } = run
  const deadline = { milliseconds: settings.timeouts.upgrade, phase: 'upgrade' } as const
  return orDestroy(
    connection,
    async () => {
      const info = await timed(run, 'upgrade', deadline, async (signal) => {
        const headers = await headersFor(run, mode)
        step(run, 'upgrade', {
          attempt: run.requests,
          protocol: mode,
          host: settings.host,
          path: settings.path.replace(/\?.*/, '?'),
        })
        const layer = run.tcp.upgrade({
          host: settings.host,
          path: settings.path,
          ...upgradeTokens(mode),
          headers,
          teleportHeader: settings.compat.includes('teleport-header'),
          crypto: platform.crypto,
          ...(settings.limits.httpHead && { limits: { httpHead: settings.limits.httpHead } }),
        })
        return connection.push(layer, signal)
      })
      observe(run, `the origin answered 101 to Upgrade: ${mode}`)
      return info.framing
    },
    toldAsUpgrade,
  )
}

/** The outer TLS is the tunnel: nothing is added but the ping framing that its protocol asks for. */
export async function standOn(run: TcpRun, { connection, outer }: Opened): Promise<Reached> {
  if (outer === undefined) throw failure('ERR_INTERNAL', 'direct without TLS')
  return orDestroy(connection, async () => {
    const innerPing = await pushInnerPing(run, connection, outer)
    return { verdict: 'direct', connection, tls: outer, outerTls: undefined, framing: 'none', innerPing }
  })
}

/** The framing that an upgrade to WebSocket brings. */
export function webSocketLayer(run: TcpRun): ReturnType<TcpRun['tcp']['webSocket']> {
  const { limits, compat } = run.settings
  return run.tcp.webSocket({
    random: (length) => run.platform.crypto.random(length),
    ...(compat.includes('zero-mask') && { compat: 'zero-mask' as const }),
    ...(limits.frame !== undefined && { limits: { frame: limits.frame } }),
  })
}

function toldAsOuter(error: TunnelError, host: string, phase: 'outer-tls' | 'handshake'): TunnelError {
  if (error.code === 'ERR_ABORTED' || error.code === 'ERR_TIMEOUT') return error
  const untrusted = error instanceof CertificateError && error.code === 'ERR_CERT_UNTRUSTED'
  return retold(error, {
    where: phase === 'outer-tls' ? `outer TLS with ${host}` : `TLS with ${host}`,
    phase,
    ...(untrusted && {
      hint: 'Pass the CA that signs this endpoint in `originTrust`; by default the roots of this platform decide.',
    }),
  })
}

// However the transport ended, to whoever waits for a 101 it is one thing: no answer.
function toldAsUpgrade(error: TunnelError): TunnelError {
  // RFC 8446 §4.4.2.4: a server that wants a certificate says so when the client takes the handshake for done.
  if (error instanceof TlsError && error.code !== 'ERR_TLS_TRUNCATED')
    return retold(error, { where: 'outer TLS', phase: 'outer-tls' })
  if (error.code !== 'ERR_STREAM_RESET' && error.code !== 'ERR_TLS_TRUNCATED') return error
  return failure('ERR_UPGRADE_EOF', error.message, { cause: error })
}

// Teleport servers of 2024 answer a really masked ClientHello with garbage or an end; nothing else looks quite so.
const looksUnmasked: ReadonlySet<string> = new Set([
  'ERR_TLS_HANDSHAKE_EOF',
  'ERR_WS_ABNORMAL',
  'ERR_WS_CLOSED',
  'ERR_TLS_ALERT',
])

function toldOfMasks(error: TunnelError, run: TcpRun, framing: Reached['framing']): TunnelError {
  const masked = framing === 'websocket' && !run.settings.compat.includes('zero-mask')
  if (!masked || !looksUnmasked.has(error.code)) return error
  return retold(error, { hint: `${error.hint} ${tryZeroMask}` })
}

const tryZeroMask =
  "A Teleport proxy of 15.3.7 to 16.1 does not unmask WebSocket frames: try compat: ['zero-mask']."
