// How the doctor gets at an origin: connections of the platform with layers pushed by hand, so that each can be watched
// and may fail by itself. Nothing secret goes to a peer that was not verified: custom headers wait for `mayShow`.
import { defaultProbeAlpn } from '../../dial/defaults.js'
import { underUpgrade } from '../../dial/outer-tls.js'
import { type Settings, settingsOf, storeOf } from '../../dial/settings.js'
import { asTunnelError, type Phase, type TunnelError } from '../../errors-node.js'
import type { Layer } from '../../layer.js'
import { dangerously, type TrustStore, trustStore, type UnverifiedTrust } from '../../pki/index.js'
import type { Platform } from '../../platform/platform.js'
import { Connection, withDeadline } from '../../stream/index.js'
import { type TlsInfo, tlsClient } from '../../tls/index.js'
import type { TimedTraceEvent } from '../../trace.js'
import type { CliDialerOptions } from '../dial-options.js'

export interface Reach {
  readonly settings: Settings
  /** Application protocols to try; those of Teleport's own client where none was named. */
  readonly alpn: readonly string[]
  readonly originTrust: TrustStore | UnverifiedTrust
  /** Who may vouch for the inner server; undefined where nobody was named. */
  readonly trust: TrustStore | UnverifiedTrust | undefined
  readonly platform: Platform
  readonly signal: AbortSignal
}

export async function reachOf(
  options: CliDialerOptions,
  platform: Platform,
  signal: AbortSignal,
): Promise<Reach> {
  const settings = settingsOf(options)
  const { originTrust } = settings
  const trusted = !Array.isArray(options.trust) || options.trust.length > 0
  return {
    settings,
    alpn: settings.alpn.length > 0 ? settings.alpn : defaultProbeAlpn,
    originTrust:
      originTrust === undefined
        ? trustStore((await platform.systemRoots?.()) ?? [])
        : storeOf('originTrust', originTrust),
    trust: trusted ? storeOf('trust', options.trust) : undefined,
    platform,
    signal,
  }
}

/** A connection under observation. */
export interface Watched {
  readonly connection: Connection
  readonly events: TimedTraceEvent[]
  /** Milliseconds that TCP took. */
  readonly tcp: number
}

/** TCP. Throws ERR_DIAL_*, ERR_PROXY_*, ERR_TIMEOUT, ERR_ABORTED. */
export async function openTcp(reach: Reach): Promise<Watched> {
  const { settings, platform } = reach
  const events: TimedTraceEvent[] = []
  const begun = performance.now()
  const clock = () => performance.now() - begun
  const trace = (event: TimedTraceEvent) => void events.push(event)
  const wire = await within(reach, 'dial', settings.timeouts.connect, (signal) =>
    platform.dialTcp!(settings.origin.address, {
      signal,
      trace: (name, facts) => trace({ at: clock(), layer: 'dial', event: { type: 'step', name, facts } }),
    }),
  )
  const connection = new Connection(wire, { clock, trace, limits: { linger: 1_000 } })
  connection.closed.catch(() => {})
  return { connection, events, tcp: clock() }
}

/** Any certificate will do: the doctor looks at what is shown, and judges it afterwards. */
const anyCertificate: UnverifiedTrust = dangerously.anyCertificate('the doctor looks at whatever is shown')

/** Outer TLS that takes any certificate and shows none of ours. */
export async function pushOuter(reach: Reach, watched: Watched, alpn: readonly string[]): Promise<TlsInfo> {
  const { settings, platform } = reach
  const layer = tlsClient({
    crypto: platform.crypto,
    now: () => platform.now(),
    serverName: settings.origin.address.host,
    alpn,
    alpnPolicy: 'optional',
    expect: () => [{ trust: anyCertificate, purpose: 'server' }],
  })
  return within(reach, 'outer-tls', settings.timeouts.handshake, (signal) =>
    watched.connection.push(
      underUpgrade(layer, () => false),
      signal,
    ),
  )
}

/** A connection with everything below the HTTP upgrade: TCP, and TLS where the origin has it. */
export async function openHttp(reach: Reach, alpn: readonly string[]): Promise<Watched> {
  const watched = await openTcp(reach)
  return orDestroy(watched, async () => {
    if (reach.settings.origin.secure) await pushOuter(reach, watched, alpn)
    return watched
  })
}

/** Inner TLS: verified where somebody is trusted, and only then with our certificate. */
export function innerLayer(reach: Reach, alpn: string): Layer<TlsInfo> {
  const { settings, platform, trust } = reach
  return tlsClient({
    crypto: platform.crypto,
    now: () => platform.now(),
    serverName: settings.serverName,
    alpn: [alpn],
    alpnPolicy: 'required',
    expect: () => [
      trust === undefined
        ? { trust: anyCertificate, purpose: 'server' }
        : { trust, serverName: settings.serverName, purpose: 'server' },
    ],
    ...(trust !== undefined && identitySource(reach)),
    ...(settings.keylog && { keylog: settings.keylog }),
  })
}

function identitySource({ settings, platform }: Reach): Pick<Parameters<typeof tlsClient>[0], 'identity'> {
  const { identity } = settings
  if (identity === undefined) return {}
  return {
    identity: async () => {
      const { loadIdentity } = await import('../../pki/index.js')
      return loadIdentity(typeof identity === 'function' ? await identity() : identity, platform.crypto)
    },
  }
}

/** `act` with a deadline and the user's Ctrl-C. */
export function within<T>(
  { signal }: Pick<Reach, 'signal'>,
  phase: Phase,
  timeout: number,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withDeadline({ signals: [signal], timeout: timeout === 0 ? undefined : timeout, phase }, act)
}

/** `act`, with the connection destroyed when it fails. */
export async function orDestroy<T>(watched: Watched, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (thrown) {
    watched.connection.destroy()
    throw thrown
  }
}

/** What `act` throws, as one of ours; but an interrupt ends the doctor. */
export async function outcomeOf<T>(act: () => Promise<T>): Promise<T | TunnelError> {
  try {
    return await act()
  } catch (thrown) {
    const error = asTunnelError(thrown)
    if (error.code === 'ERR_ABORTED' || error.code === 'ERR_INTERNAL') throw error
    return error
  }
}
