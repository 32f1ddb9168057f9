// What every way to the server ends with: a connection over a wire, the headers and the address of its upgrade, the inner
// TLS, and the ping framing that its protocol may ask for. Nothing here knows how the wire was opened.
import { asTunnelError, failure, type TunnelError } from '../errors.js'
import type { Layer, MaybePromise } from '../layer.js'
import { Connection, type Wire } from '../stream/index.js'
import type { TlsClientOptions, TlsInfo } from '../tls/index.js'
import type { HeadersRequest } from './options.js'
import { retold } from './retold.js'
import type { Reached, Run } from './run.js'
import { timed, within } from './run.js'
import { headerList } from './settings.js'

/** The driver over a wire that was just opened. */
export function connectionOver(run: Run, wire: Wire): Connection {
  return new Connection(wire, {
    clock: run.clock,
    trace: run.trace,
    limits: { linger: run.settings.timeouts.linger, ...run.settings.limits.stream },
  })
}

/** The inner TLS: the only one that proves anything about the server, whatever stands in between. */
export async function enter(
  run: Run,
  connection: Connection,
  framing: Reached['framing'],
  outerTls?: TlsInfo,
): Promise<Reached> {
  const { settings } = run
  const layer = run.layers.tls({
    serverName: settings.serverName,
    alpn: settings.alpn,
    alpnPolicy: 'required',
    expect: () => [{ trust: run.trust, serverName: settings.serverName, purpose: 'server' }],
    ...(run.identity && { identity: run.identity }),
    ...tlsBasics(run, 'inner', settings),
  })
  const deadline = { milliseconds: settings.timeouts.handshake, phase: 'handshake' } as const
  let tls: TlsInfo
  try {
    tls = await timed(run, 'innerTls', deadline, (signal) => connection.push(layer, signal))
  } catch (thrown) {
    const error = asTunnelError(thrown)
    // A transport that broke now broke the handshake; only an abort or a timeout knows its phase better.
    throw error.code === 'ERR_STREAM_RESET' ? retold(error, { phase: 'handshake' }) : error
  }
  const innerPing = await pushInnerPing(run, connection, tls)
  return { verdict: 'upgrade', connection, tls, outerTls, framing, innerPing }
}

/** What the TLS layers of a dial have in common. */
export function tlsBasics(
  { platform, settings }: Run,
  floor: 'outer' | 'inner',
  { serverName, alpn }: { readonly serverName: string; readonly alpn: readonly string[] },
): Pick<TlsClientOptions, 'crypto' | 'now' | 'keylog' | 'limits' | 'session' | 'sessionKey'> {
  return {
    crypto: platform.crypto,
    now: () => platform.now(),
    ...(settings.keylog && { keylog: settings.keylog }),
    ...(settings.limits.tls && { limits: settings.limits.tls }),
    ...(settings.session && {
      session: settings.session,
      // One store may serve both floors, and several dialers.
      sessionKey: JSON.stringify([floor, settings.origin.key, serverName, ...alpn]),
    }),
  }
}

/** The ping framing inside TLS, where the negotiated protocol has it; says whether it has. */
export async function pushInnerPing(run: Run, connection: Connection, tls: TlsInfo): Promise<boolean> {
  if (tls.alpn?.endsWith('-ping') !== true) return false
  await pushFraming(run, connection, await pingLayer(run))
  return true
}

/** Framings open by themselves: nothing to wait for but an abort. */
export async function pushFraming(run: Run, connection: Connection, layer: Layer): Promise<void> {
  await within(run, { milliseconds: 0, phase: 'framing' }, (signal) => connection.push(layer, signal))
}

export function pingLayer(run: Run): MaybePromise<Layer> {
  const { packet } = run.settings.limits
  return run.layers.ping(packet === undefined ? {} : { limits: { packet } })
}

/** `act`, with the connection destroyed when it fails. */
export async function orDestroy<T>(
  connection: Connection,
  act: () => Promise<T>,
  told: (error: TunnelError) => TunnelError = (error) => error,
): Promise<T> {
  try {
    return await act()
  } catch (thrown) {
    const error = told(asTunnelError(thrown))
    connection.destroy(error)
    throw error
  }
}

/** The caller's headers for one more upgrade request. Throws ERR_CONFIG_INVALID. */
export async function headersFor(
  run: Run,
  protocol: HeadersRequest['protocol'],
): Promise<ReadonlyArray<readonly [string, string]>> {
  const { headers } = run.settings
  const attempt = ++run.requests
  if (headers === undefined) return []
  if (typeof headers !== 'function') return headerList(headers)
  let given: Awaited<ReturnType<typeof headers>>
  try {
    given = await headers({ url: upgradeUrl(run, 'http'), attempt, protocol })
  } catch (cause) {
    throw failure('ERR_CONFIG_INVALID', 'the `headers` function failed', { cause })
  }
  return headerList(given)
}

/** Where the upgrade request goes. */
export function upgradeUrl({ settings: { origin, path } }: Run, scheme: 'http' | 'ws'): string {
  return `${scheme}${origin.secure ? 's' : ''}://${origin.authority}${path}`
}
