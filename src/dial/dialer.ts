// The dialer: one origin, many tunnels. Checks options, prepares trust and identity once, dials with retries, and owns
// what is open so that close() can end it. How the server is reached is the affair of the way it was given (reach.ts).
import { failure, loaded, TunnelError } from '../errors.js'
import { type Identity, type IdentityInput, loadIdentity } from '../pki/index.js'
import type { Platform } from '../platform/platform.js'
import { abortError, type TunnelSocket } from '../stream/index.js'
import { type TlsInfo, tlsClient } from '../tls/index.js'
import type { Trace } from '../trace.js'
import type { Verdict } from './cache.js'
import { defaultProbeAlpn } from './defaults.js'
import type { ConnectOptions, DialerOptions, Timeouts } from './options.js'
import type { Reach } from './reach.js'
import type { Layers, Reached, Run, Timings } from './run.js'
import { step, tellUnverified, within } from './run.js'
import { type Settings, settingsFor, settingsOf, storeOf } from './settings.js'
import { openSockets } from './sockets.js'

/** What is known about a tunnel when it opens. */
export interface TunnelInfo {
  readonly verdict: Verdict
  /** Why it was reached that way, in sentences, in the order of seeing. */
  readonly evidence: readonly string[]
  /** What carries the inner TLS; `none` when direct. */
  readonly framing: Reached['framing']
  /** The negotiated protocol has ping framing inside TLS. */
  readonly innerPing: boolean
  /** The end-to-end TLS. */
  readonly tls: TlsInfo
  /** TLS with the load balancer, where there was one of ours. */
  readonly outerTls?: TlsInfo
  readonly timings: Timings
  /** Transports opened for it, the lost ones included. */
  readonly connections: number
}

export interface DetectOptions {
  /** Protocols to offer. Default: the dialer's, else what Teleport's own client offers. */
  readonly alpn?: readonly string[]
  readonly timeouts?: Partial<Timeouts>
  readonly trace?: Trace
  readonly signal?: AbortSignal
}

/** What a classification found, and what it cost. */
export interface Detection {
  readonly verdict: Verdict
  readonly evidence: readonly string[]
  readonly connections: number
  /** Round trips, TCP's included. */
  readonly roundTrips: number
  readonly outerTls?: TlsInfo
  readonly timings: Timings
}

export interface Dialer {
  /** Opens a tunnel: resolves when the end-to-end handshake is done. Rejects with a TunnelError; nothing stays open then. */
  connect(options?: ConnectOptions): Promise<TunnelSocket<TunnelInfo>>
  /** Finds out afresh how the origin is reached, remembers it, and closes what it opened. */
  detect(options?: DetectOptions): Promise<Detection>
  /** Ends dials under way with ERR_ABORTED and closes open tunnels, each within `timeouts.linger`. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const ownLayers: Layers = {
  tls: tlsClient,
  // Few protocols have it.
  ping: async (options) => (await loaded(import('../tunnel/ping.js'))).pingFraming(options),
  loadIdentity,
}

/** A dialer on a platform, by one way. Throws ERR_CONFIG_* for options that cannot be used; nothing is dialed yet. */
export function dialerBy(
  reach: Reach,
  platform: Platform,
  options: DialerOptions,
  layers: Layers = ownLayers,
): Dialer {
  const base = settingsOf(options)
  const clock = () => platform.monotonic?.() ?? performance.now()
  const trust = storeOf('trust', base.trust)
  const originTrust = base.originTrust === undefined ? undefined : storeOf('originTrust', base.originTrust)
  const way = reach({ platform, settings: base, originTrust, verdicts: options.verdicts, clock })
  const identities = identitySource(platform, layers)
  const sockets = openSockets(options.signal)

  async function newRun(settings: Settings, signal: AbortSignal | undefined): Promise<Run> {
    const began = clock()
    const run: Run = {
      platform,
      layers,
      settings,
      trust,
      identity: undefined,
      signals: [sockets.signal, options.signal, signal],
      controllers: [],
      clock: () => clock() - began,
      trace: settings.trace,
      timings: { total: 0 },
      evidence: [],
      connections: 0,
      requests: 0,
    }
    tellUnverified(run, 'trust', trust)
    const { identity } = settings
    if (identity === undefined) return run
    // What is there already needs no clock; a function may ask a slow key service, as a signature in the handshake may.
    const milliseconds = typeof identity === 'function' ? settings.timeouts.handshake : 0
    const loaded = await within(run, { milliseconds, phase: 'config' }, () => identities(identity))
    return Object.assign(run, { identity: loaded })
  }

  async function connect(given: ConnectOptions = {}): Promise<TunnelSocket<TunnelInfo>> {
    const settings = settingsFor(base, given)
    if (settings.alpn.length === 0) throw failure('ERR_CONFIG_INVALID', '`alpn` names no protocol')
    way.check(settings)
    const run = await newRun(settings, given.signal)
    const { reach } = await way.begin(run)
    const dial = () => {
      run.evidence.length = 0
      return reach()
    }
    const reached = settings.retry.retries === 0 ? await dial() : await retrying(run, dial)
    run.timings.total = run.clock()
    const aborted = run.signals.find((signal) => signal?.aborted)
    if (aborted !== undefined) {
      const error = abortError(aborted, 'dial')
      reached.connection.destroy(error)
      throw error
    }
    return sockets.open(reached.connection, infoOf(run, reached), {
      timeouts: settings.timeouts,
      // Where nothing of ours has pings, as on a runtime's own WebSocket, which answers the server's and tells nobody, an
      // application that is silent would pass for a dead peer.
      keepAlive: reached.connection.hasPing && settings.keepAlive,
      clock: run.clock,
    })
  }

  async function detect(given: DetectOptions = {}): Promise<Detection> {
    const settings = settingsFor(base, given)
    const alpn = settings.alpn.length > 0 ? settings.alpn : defaultProbeAlpn
    const run = await newRun({ ...settings, alpn, mode: 'auto', override: undefined }, given.signal)
    const { classify } = await way.begin(run)
    const { verdict, outer, roundTrips } = await classify()
    run.timings.total = run.clock()
    const { evidence, connections, timings } = run
    return { verdict, evidence, connections, roundTrips, ...(outer && { outerTls: outer }), timings }
  }

  return {
    connect: (given) => sockets.dialing(() => connect(given)),
    detect: (given) => sockets.dialing(() => detect(given)),
    close: () => sockets.close(),
    [Symbol.asyncDispose]: () => sockets.close(),
  }
}

// Nobody retries who did not ask for it: loaded when somebody does, before anything can fail.
async function retrying<T>(run: Run, dial: () => Promise<T>): Promise<T> {
  const { pauseOf, withRetries } = await loaded(import('./retry.js'))
  return withRetries(
    {
      policy: run.settings.retry,
      random: (length) => run.platform.crypto.random(length),
      pause: (milliseconds) => pauseOf(run, milliseconds),
      retrying: (facts) => step(run, 'retry', facts),
    },
    dial,
  )
}

function infoOf(run: Run, reached: Reached): TunnelInfo {
  return {
    verdict: reached.verdict,
    evidence: [...run.evidence],
    framing: reached.framing,
    innerPing: reached.innerPing,
    tls: reached.tls,
    ...(reached.outerTls && { outerTls: reached.outerTls }),
    timings: { ...run.timings },
    connections: run.connections,
  }
}

/** Loads an identity once for each value given; functions are asked every time. */
function identitySource(
  platform: Platform,
  layers: Layers,
): (given: NonNullable<DialerOptions['identity']>) => Promise<Identity> {
  const loaded = new WeakMap<object, Promise<Identity>>()
  return async (given) => {
    const input = typeof given === 'function' ? await asked(given) : given
    if (typeof input !== 'object' || input === null)
      throw failure('ERR_CONFIG_IDENTITY', '`identity` is not an object')
    let loading = loaded.get(input)
    if (loading === undefined) {
      loading = layers.loadIdentity(input, platform.crypto)
      loaded.set(input, loading)
    }
    return loading
  }
}

async function asked(
  given: Extract<DialerOptions['identity'], (...none: never[]) => unknown>,
): Promise<IdentityInput> {
  try {
    return await given()
  } catch (cause) {
    if (cause instanceof TunnelError) throw cause
    throw failure('ERR_CONFIG_IDENTITY', 'the `identity` function failed', { cause })
  }
}
