// The dialer: one origin, many tunnels. Checks options, prepares trust and identity once, runs plans with retries, and
// owns what is open so that close() can end it. How the server is reached is decided in plan.ts and detect.ts.
import { failure } from '../errors.js'
import type { Identity, IdentityInput, Trust, TrustStore, UnverifiedTrust } from '../pki/index.js'
import { loadIdentity, trustStore } from '../pki/index.js'
import type { Platform } from '../platform/platform.js'
import { abortError, type TunnelSocket } from '../stream/index.js'
import { type TlsInfo, tlsClient } from '../tls/index.js'
import type { Trace } from '../trace.js'
import { pingFraming, upgrade, webSocket } from '../tunnel/index.js'
import { reachFixed } from './attempts.js'
import { singleFlight, type Verdict, verdictCache } from './cache.js'
import { defaultProbeAlpn } from './defaults.js'
import { classify, reachDetecting } from './detect.js'
import type { ConnectOptions, DialerOptions, Timeouts } from './options.js'
import { upgradeOverride } from './override.js'
import { automaticUpgrades, type Plan, planFor } from './plan.js'
import { withRetries } from './retry.js'
import type { Anchors, Parts, Reached, Run, Timings } from './run.js'
import { observe, step, within } from './run.js'
import { headerList, type Settings, settingsFor, settingsOf } from './settings.js'
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

/** A dialer on a platform. Throws ERR_CONFIG_* for options that cannot be used; nothing is dialed yet. */
export function dialerOn(platform: Platform, options: DialerOptions): Dialer {
  return dialerWith(platform, options, {
    tls: tlsClient,
    upgrade,
    webSocket,
    ping: pingFraming,
    loadIdentity,
  })
}

/** As `dialerOn`, with the layers handed in: what tests use. */
export function dialerWith(platform: Platform, options: DialerOptions, parts: Parts): Dialer {
  const base = settingsOf(options)
  const clock = () => platform.monotonic?.() ?? performance.now()
  const anchors = anchorSource(platform, base)
  const identities = identitySource(platform, parts)
  const verdicts = options.verdicts ?? verdictCache({ clock })
  const flights = singleFlight()
  const sockets = openSockets(options.signal)
  tryOut(platform, base, parts)

  async function newRun(settings: Settings, signal: AbortSignal | undefined): Promise<Run> {
    const began = clock()
    const run: Run = {
      platform,
      parts,
      settings,
      anchors: await anchors(),
      identity: undefined,
      verdicts,
      flights,
      signals: [sockets.signal, options.signal, signal],
      clock: () => clock() - began,
      trace: settings.trace,
      timings: { total: 0 },
      evidence: [],
      connections: 0,
      requests: 0,
    }
    tellUnverified(run)
    const { identity } = settings
    if (identity === undefined) return run
    const loaded = await within(run, { milliseconds: 0, phase: 'config' }, () => identities(identity))
    return { ...run, identity: loaded }
  }

  async function connect(given: ConnectOptions = {}): Promise<TunnelSocket<TunnelInfo>> {
    const settings = settingsFor(base, given)
    if (settings.alpn.length === 0) throw failure('ERR_CONFIG_INVALID', '`alpn` names no protocol')
    const plan = planOf(platform, settings)
    const run = await newRun(settings, given.signal)
    const reached = await reachWithRetries(run, plan)
    const aborted = run.signals.find((signal) => signal?.aborted)
    if (aborted !== undefined) {
      const error = abortError(aborted, 'dial')
      reached.connection.destroy(error)
      throw error
    }
    return sockets.open(reached.connection, infoOf(run, reached), {
      timeouts: settings.timeouts,
      // Behind nothing but TLS there is no ping to send.
      keepAlive: reached.framing === 'none' && !reached.innerPing ? false : settings.keepAlive,
      clock: run.clock,
    })
  }

  async function detect(given: DetectOptions = {}): Promise<Detection> {
    const settings = settingsFor(base, given)
    const alpn = settings.alpn.length > 0 ? settings.alpn : defaultProbeAlpn
    const run = await newRun({ ...settings, alpn, mode: 'auto' }, given.signal)
    const plan = planOf(platform, { ...run.settings, override: undefined })
    if (plan.kind === 'fixed') {
      observe(run, plan.because)
      return {
        verdict: 'upgrade',
        evidence: run.evidence,
        connections: 0,
        roundTrips: 0,
        timings: run.timings,
      }
    }
    const { verdict, outer, roundTrips } = await classify(run, plan.upgrades)
    run.timings.total = run.clock()
    return {
      verdict,
      evidence: run.evidence,
      connections: run.connections,
      roundTrips,
      ...(outer && { outerTls: outer }),
      timings: run.timings,
    }
  }

  return {
    connect: (given) => sockets.dialing(() => connect(given)),
    detect: (given) => sockets.dialing(() => detect(given)),
    close: () => sockets.close(),
    [Symbol.asyncDispose]: () => sockets.close(),
  }
}

function planOf(platform: Platform, settings: Settings): Plan {
  const { mode, origin, override, modeGiven } = settings
  return planFor({
    mode,
    override: modeGiven ? undefined : upgradeOverride(override, origin.address),
    secure: origin.secure,
    rawTcp: platform.dialTcp !== undefined,
  })
}

// Options that only a plan or the upgrade layer can judge are refused when the dialer is made, not at the first dial.
function tryOut(platform: Platform, settings: Settings, parts: Parts): void {
  planOf(platform, settings)
  parts.upgrade({
    host: settings.host,
    path: settings.path,
    protocol: automaticUpgrades[0] ?? 'websocket',
    headers: typeof settings.headers === 'object' ? headerList(settings.headers) : [],
    teleportHeader: settings.compat.includes('teleport-header'),
    crypto: platform.crypto,
  })
}

async function reachWithRetries(run: Run, plan: Plan): Promise<Reached> {
  const reached = await withRetries(
    {
      policy: run.settings.retry,
      random: (length) => run.platform.crypto.random(length),
      pause: (milliseconds) => pause(run, milliseconds),
      retrying: (facts) => step(run, 'retry', facts),
    },
    () => {
      run.evidence.length = 0
      return reach(run, plan)
    },
  )
  run.timings.total = run.clock()
  return reached
}

async function reach(run: Run, plan: Plan): Promise<Reached> {
  if (plan.kind === 'detect') return reachDetecting(run, plan.upgrades)
  observe(run, plan.because)
  return reachFixed(run, plan.attempts, plan.automatic)
}

async function pause(run: Run, milliseconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    await within(run, { milliseconds: 0, phase: 'dial' }, () => {
      return new Promise<void>((resolve) => {
        timer = setTimeout(resolve, milliseconds)
      })
    })
  } finally {
    clearTimeout(timer)
  }
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

/** Trust anchors, checked now and, for the platform's roots, loaded when first needed. */
function anchorSource(platform: Platform, settings: Settings): () => Promise<Anchors> {
  const inner = storeOf('trust', settings.trust)
  const given = settings.originTrust === undefined ? undefined : storeOf('originTrust', settings.originTrust)
  const needsOuter = settings.origin.secure && platform.dialTcp !== undefined
  if (needsOuter && given === undefined && platform.systemRoots === undefined) {
    throw failure('ERR_CONFIG_TRUST', '`originTrust` is missing, and this platform does not tell its roots')
  }
  let loading: Promise<TrustStore> | undefined
  return async () => {
    if (!needsOuter) return { inner, outer: undefined }
    if (given !== undefined) return { inner, outer: given }
    loading ??= rootsOf(platform)
    return { inner, outer: await loading }
  }
}

async function rootsOf(platform: Platform): Promise<TrustStore> {
  return trustStore((await platform.systemRoots?.()) ?? [])
}

function storeOf(option: string, trust: Trust): TrustStore | UnverifiedTrust {
  if (typeof trust === 'object' && 'kind' in trust && trust.kind === 'unverified') return trust
  try {
    return trustStore(trust as Exclude<Trust, UnverifiedTrust>)
  } catch (cause) {
    throw failure('ERR_CONFIG_TRUST', `\`${option}\` holds no usable certificate`, { cause })
  }
}

// Unverified use is to be seen in every trace.
function tellUnverified(run: Run): void {
  const { inner, outer } = run.anchors
  if (inner.kind === 'unverified') step(run, 'unverified', { option: 'trust', reason: inner.reason })
  if (outer?.kind === 'unverified') step(run, 'unverified', { option: 'originTrust', reason: outer.reason })
}

/** Loads an identity once for each value given; functions are asked every time. */
function identitySource(
  platform: Platform,
  parts: Parts,
): (given: NonNullable<DialerOptions['identity']>) => Promise<Identity> {
  const loaded = new WeakMap<object, Promise<Identity>>()
  return async (given) => {
    const input = typeof given === 'function' ? await asked(given) : given
    if (typeof input !== 'object' || input === null)
      throw failure('ERR_CONFIG_IDENTITY', '`identity` is not an object')
    let loading = loaded.get(input)
    if (loading === undefined) {
      loading = parts.loadIdentity(input, platform.crypto)
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
    throw failure('ERR_CONFIG_IDENTITY', 'the `identity` function failed', { cause })
  }
}
