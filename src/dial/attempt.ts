// One connection on its way up: the wire, the outer TLS, the upgrade with its framing, the inner TLS. Every function
// either hands the connection on or destroys it. What a failure means is decided elsewhere (detect.ts, plan.ts).
import { asTunnelError, CertificateError, failure, type TunnelError } from '../errors.js'
import type { Layer } from '../layer.js'
import { Connection } from '../stream/index.js'
import type { TlsInfo } from '../tls/index.js'
import type { UpgradeInfo } from '../tunnel/index.js'
import type { HeadersRequest } from './options.js'
import { underUpgrade } from './outer-tls.js'
import type { UpgradeMode } from './plan.js'
import { upgradeTokens } from './plan.js'
import { retold } from './retold.js'
import type { Reached, Run } from './run.js'
import { observe, outerExpectations, step, timed, within } from './run.js'
import { headerList } from './settings.js'

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

/** TCP only. Throws ERR_DIAL_*, ERR_TIMEOUT (phase `dial`), ERR_ABORTED. */
export async function openWire(run: Run): Promise<Connection> {
  const { platform, settings } = run
  const { address } = settings.origin
  const dial = platform.dialTcp?.bind(platform)
  if (dial === undefined) throw failure('ERR_UNSUPPORTED_PLATFORM', `${platform.name} opens no raw TCP`)
  run.connections++
  // Timings are those of the connection that is kept.
  for (const phase of ['outerTls', 'upgrade', 'innerTls'] as const) delete run.timings[phase]
  step(run, 'dial', { host: address.host, port: address.port, connection: run.connections })
  const wire = await timed(
    run,
    'tcp',
    { milliseconds: settings.timeouts.connect, phase: 'dial' },
    (signal) => dial(address, { signal, trace: (name, facts) => step(run, name, facts) }),
    (late) => late.destroy(),
  )
  return connectionOver(run, wire)
}

/** TLS with the origin on a fresh connection. Failures carry the phase `outer-tls`, or `handshake` when direct. */
export async function openOuter(run: Run, connection: Connection, hello: OuterHello): Promise<Opened> {
  const { settings, platform } = run
  const layer = run.parts.tls({
    crypto: platform.crypto,
    now: () => platform.now(),
    serverName: hello.serverName,
    alpn: hello.alpn,
    alpnPolicy: hello.required ? 'required' : 'optional',
    expect: ({ alpn }) => outerExpectations(run, hello.isOurs(alpn)),
    // The identity is for the server, never for a load balancer: a certificate is a name, and names are private.
    identity: ({ alpn }) => (hello.isOurs(alpn) ? run.identity : undefined),
    ...(settings.keylog && { keylog: settings.keylog }),
    ...(settings.limits.tls && { limits: settings.limits.tls }),
  })
  const phase = hello.required ? 'handshake' : 'outer-tls'
  const deadline = { milliseconds: settings.timeouts.handshake, phase } as const
  let outer: TlsInfo | undefined
  const cut = underUpgrade(layer, () => hello.isOurs(outer?.alpn))
  try {
    outer = await timed(run, 'outerTls', deadline, (signal) => connection.push(cut, signal))
    return { connection, outer }
  } catch (thrown) {
    const error = toldAsOuter(asTunnelError(thrown), settings.origin.address.host, phase)
    connection.destroy(error)
    throw error
  }
}

/** Upgrade, framing and inner TLS on an open connection. */
export async function climb(run: Run, opened: Opened, mode: UpgradeMode): Promise<Reached> {
  const { connection } = opened
  const framing = await askUpgrade(run, opened, mode)
  try {
    if (framing === 'websocket') await pushFraming(run, connection, webSocketLayer(run))
    if (framing === 'ping') await pushFraming(run, connection, pingLayer(run))
    return await enter(run, opened, framing)
  } catch (thrown) {
    const error = asTunnelError(thrown)
    connection.destroy(error)
    throw error
  }
}

/** The upgrade request and its answer, nothing above; says which framing follows. */
export async function askUpgrade(
  run: Run,
  opened: Opened,
  mode: UpgradeMode,
): Promise<UpgradeInfo['framing']> {
  const { settings, platform } = run
  const { connection } = opened
  const deadline = { milliseconds: settings.timeouts.upgrade, phase: 'upgrade' } as const
  try {
    const info = await timed(run, 'upgrade', deadline, async (signal) => {
      const headers = await headersFor(run, mode)
      step(run, 'upgrade', {
        attempt: run.requests,
        protocol: mode,
        host: settings.host,
        path: settings.path.replace(/\?.*/, '?'),
      })
      const layer = run.parts.upgrade({
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
  } catch (thrown) {
    const error = toldAsUpgrade(asTunnelError(thrown))
    connection.destroy(error)
    throw error
  }
}

/** The outer TLS is the tunnel: nothing is added but the ping framing that its protocol asks for. */
export async function standOn(run: Run, opened: Opened): Promise<Reached> {
  const { connection, outer } = opened
  if (outer === undefined) throw failure('ERR_INTERNAL', 'direct without TLS')
  try {
    const innerPing = await pushInnerPing(run, connection, outer)
    return { verdict: 'direct', connection, tls: outer, outerTls: undefined, framing: 'none', innerPing }
  } catch (thrown) {
    connection.destroy(asTunnelError(thrown))
    throw thrown
  }
}

/** The runtime's own WebSocket: it did TLS, upgrade and framing; ours is the inner TLS alone. */
export async function climbRuntimeWebSocket(run: Run): Promise<Reached> {
  const { platform, settings } = run
  const dial = platform.dialWebSocket?.bind(platform)
  if (dial === undefined) throw failure('ERR_UNSUPPORTED_PLATFORM', `${platform.name} opens no transport`)
  if (settings.host !== settings.origin.authority) {
    throw failure('ERR_UNSUPPORTED_PLATFORM', `${platform.name} sets the Host header itself`)
  }
  if (settings.compat.length > 0) {
    throw failure('ERR_UNSUPPORTED_PLATFORM', `${platform.name} frames by itself: \`compat\` has no effect`)
  }
  const url = upgradeUrl(run, true)
  // One deadline for what cannot be told apart from here.
  const milliseconds = sum(settings.timeouts.connect, settings.timeouts.handshake, settings.timeouts.upgrade)
  run.connections++
  const wire = await timed(
    run,
    'tcp',
    { milliseconds, phase: 'upgrade' },
    async (signal) => {
      const headers = await headersFor(run, 'websocket')
      step(run, 'websocket', { host: settings.host, connection: run.connections })
      return dial(url, ['alpn-ping'], {
        signal,
        trace: (name, facts) => step(run, name, facts),
        ...(headers.length > 0 && { headers }),
      })
    },
    (late) => late.destroy(),
  )
  const connection = connectionOver(run, wire)
  if (wire.subprotocol !== 'alpn-ping') {
    const error = failure('ERR_UPGRADE_SUBPROTOCOL', `'${wire.subprotocol}' for the offered alpn-ping`)
    connection.destroy(error)
    throw error
  }
  try {
    return await enter(run, { connection, outer: undefined }, 'websocket')
  } catch (thrown) {
    const error = asTunnelError(thrown)
    connection.destroy(error)
    throw error
  }
}

function connectionOver(run: Run, wire: ConstructorParameters<typeof Connection>[0]): Connection {
  return new Connection(wire, {
    clock: run.clock,
    ...(run.trace && { trace: run.trace }),
    limits: { linger: run.settings.timeouts.linger, ...run.settings.limits.stream },
  })
}

// The only TLS that proves anything about the server, whatever stands in between.
async function enter(run: Run, opened: Opened, framing: Reached['framing']): Promise<Reached> {
  const { settings, platform } = run
  const { connection } = opened
  const layer = run.parts.tls({
    crypto: platform.crypto,
    now: () => platform.now(),
    serverName: settings.serverName,
    alpn: settings.alpn,
    alpnPolicy: 'required',
    expect: () => [{ trust: run.anchors.inner, serverName: settings.serverName, purpose: 'server' }],
    ...(run.identity && { identity: run.identity }),
    ...(settings.keylog && { keylog: settings.keylog }),
    ...(settings.limits.tls && { limits: settings.limits.tls }),
  })
  const deadline = { milliseconds: settings.timeouts.handshake, phase: 'handshake' } as const
  let tls: TlsInfo
  try {
    tls = await timed(run, 'innerTls', deadline, (signal) => connection.push(layer, signal))
  } catch (thrown) {
    throw toldAsInner(asTunnelError(thrown), run, framing)
  }
  const innerPing = await pushInnerPing(run, connection, tls)
  return { verdict: 'upgrade', connection, tls, outerTls: opened.outer, framing, innerPing }
}

async function pushInnerPing(run: Run, connection: Connection, tls: TlsInfo): Promise<boolean> {
  if (tls.alpn?.endsWith('-ping') !== true) return false
  await pushFraming(run, connection, pingLayer(run))
  return true
}

// Framings open by themselves: nothing to wait for but an abort.
async function pushFraming(run: Run, connection: Connection, layer: Layer): Promise<void> {
  await within(run, { milliseconds: 0, phase: 'framing' }, (signal) => connection.push(layer, signal))
}

function pingLayer(run: Run): Layer {
  const { packet } = run.settings.limits
  return run.parts.ping(packet === undefined ? {} : { limits: { packet } })
}

function webSocketLayer(run: Run): Layer {
  const { limits, compat } = run.settings
  return run.parts.webSocket({
    random: (length) => run.platform.crypto.random(length),
    ...(compat.includes('zero-mask') && { compat: 'zero-mask' as const }),
    ...(limits.frame !== undefined && { limits: { frame: limits.frame } }),
  })
}

async function headersFor(
  run: Run,
  protocol: HeadersRequest['protocol'],
): Promise<ReadonlyArray<readonly [string, string]>> {
  const { headers } = run.settings
  const attempt = ++run.requests
  if (headers === undefined) return []
  if (typeof headers !== 'function') return headerList(headers)
  let given: Awaited<ReturnType<typeof headers>>
  try {
    given = await headers({ url: upgradeUrl(run, false), attempt, protocol })
  } catch (cause) {
    throw failure('ERR_CONFIG_INVALID', 'the `headers` function failed', { cause })
  }
  return headerList(given)
}

function upgradeUrl(run: Run, webSocket: boolean): string {
  const { origin, path } = run.settings
  const scheme = webSocket ? 'ws' : 'http'
  return `${scheme}${origin.secure ? 's' : ''}://${origin.authority}${path}`
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

function toldAsInner(error: TunnelError, run: Run, framing: Reached['framing']): TunnelError {
  const masked = framing === 'websocket' && !run.settings.compat.includes('zero-mask')
  return retold(error, {
    // A transport that broke now broke the handshake; only an abort or a timeout knows its phase better.
    ...(error.code === 'ERR_STREAM_RESET' && { phase: 'handshake' }),
    ...(masked && looksUnmasked.has(error.code) && { hint: `${error.hint} ${tryZeroMask}` }),
  })
}

const tryZeroMask =
  "A Teleport proxy of 15.3.7 to 16.1 does not unmask WebSocket frames: try compat: ['zero-mask']."

// 0 stands for no limit, and no limit in one part is none for the whole.
function sum(...parts: readonly number[]): number {
  return parts.includes(0) ? 0 : parts.reduce((total, part) => total + part, 0)
}
