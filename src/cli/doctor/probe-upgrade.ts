// The upgrade matrix: each way to ask, in a request of its own with exactly one `Upgrade` token; and the inner TLS behind
// the best of them, once for each protocol. Also the idle limit, with pings and without.
import { TunnelError } from '../../errors-node.js'
import { pingFraming, type UpgradeInfo, type UpgradeOptions, upgrade, webSocket } from '../../tunnel/index.js'
import { causesOf } from '../causes.js'
import { tlsFacts } from '../certificate-facts.js'
import { lateRefusal } from '../late-refusal.js'
import { tenths } from '../tenths.js'
import type { IdleFinding, InnerTlsFinding, UpgradeFinding } from './findings.js'
import {
  innerLayer,
  openHttp,
  openTcp,
  orDestroy,
  outcomeOf,
  type Reach,
  type Watched,
  within,
} from './reach.js'

export interface Way {
  readonly protocol: UpgradeOptions['protocol']
  readonly subprotocol?: 'alpn-ping' | 'alpn'
}

export const ways: readonly Way[] = [
  { protocol: 'websocket', subprotocol: 'alpn-ping' },
  { protocol: 'websocket', subprotocol: 'alpn' },
  { protocol: 'alpn-ping' },
  { protocol: 'alpn' },
]

type Headers = ReadonlyArray<readonly [string, string]>

export interface Asked {
  readonly finding: UpgradeFinding
  /** Head of the answer as traces show it, without what may be a credential. */
  readonly head: string
}

export async function askUpgrade(
  reach: Reach,
  way: Way,
  alpn: readonly string[],
  headers: Headers,
): Promise<Asked> {
  const begun = performance.now()
  let watched: Watched | undefined
  const outcome = await outcomeOf(async () => {
    watched = await openHttp(reach, alpn)
    const info = await pushUpgrade(reach, watched, way, headers)
    watched.connection.destroy()
    return info
  })
  const heads = (watched?.events ?? []).flatMap(({ event }) =>
    event.type === 'http' && event.direction === 'received' ? [event.head] : [],
  )
  const head = heads.at(-1) ?? ''
  const httpStatus = Number(/^HTTP\/1\.\d (\d{3})/.exec(head)?.[1] ?? Number.NaN)
  const what = {
    upgrade: way.protocol,
    ...(way.subprotocol && { subprotocol: way.subprotocol }),
    ...(Number.isNaN(httpStatus) ? {} : { httpStatus }),
    ms: tenths(performance.now() - begun),
  }
  const finding: UpgradeFinding =
    outcome instanceof TunnelError
      ? { ...what, status: 'fail', summary: outcome.message, code: outcome.code, evidence: outcome.evidence }
      : { ...what, status: 'ok', summary: '101 Switching Protocols' }
  return { finding, head }
}

/** End-to-end TLS behind an upgrade; or, without a `way`, on the connection itself. */
export async function probeInner(
  reach: Reach,
  way: Way | undefined,
  alpn: string,
  outer: readonly string[],
  headers: Headers,
): Promise<InnerTlsFinding> {
  const begun = performance.now()
  const over = way === undefined ? 'direct' : nameOf(way)
  const outcome = await outcomeOf(async () => {
    const { info, watched } = await (way === undefined
      ? openDirect(reach, alpn)
      : openInner(reach, way, alpn, outer, headers))
    await orDestroy(watched, () => quiet(watched, lateRefusal(watched.tcp)))
    watched.connection.destroy()
    return tlsFacts(info)
  })
  const what = { alpn, over, ms: tenths(performance.now() - begun) }
  if (outcome instanceof TunnelError) {
    const { code } = outcome
    // Nobody gave us one to show: the path is sound, and the server is the one that was meant.
    if (code === 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED' && reach.settings.identity === undefined)
      return {
        ...what,
        status: 'warn',
        summary: `${alpn}: reached, and the server wants a client certificate`,
        code,
      }
    return {
      ...what,
      status: 'fail',
      summary: `${alpn}: ${outcome.message.replace(/\.$/, '')}`,
      code: outcome.code,
      evidence: [
        outcome.hint,
        ...outcome.evidence,
        ...causesOf(outcome).map((cause) => `${cause.code} ${cause.message}`),
      ],
    }
  }
  const client = outcome.clientCertificate
    ? 'our certificate was asked for and accepted'
    : 'no client certificate sent'
  const signed = `certificate signed by ${outcome.certificate.issuer}`
  return {
    ...what,
    status: outcome.verified ? 'ok' : 'warn',
    summary: `${alpn}: ${outcome.version} ${outcome.suite}, ${signed}${outcome.verified ? '' : ' (looked at, not verified: no --trust)'}, ${client}`,
    tls: outcome,
  }
}

/** Two tunnels left alone for `duration` milliseconds: one in silence, one with pings. */
export async function probeIdle(
  reach: Reach,
  alpn: string,
  outer: readonly string[],
  headers: Headers,
  duration: number,
): Promise<IdleFinding[]> {
  // Without its `-ping` twin the server sends no pings of its own inside.
  const quietName = alpn.replace(/-ping$/, '')
  return Promise.all([
    idle(reach, { protocol: 'websocket', subprotocol: 'alpn' }, quietName, false),
    idle(reach, { protocol: 'websocket', subprotocol: 'alpn-ping' }, quietName, true),
  ])

  async function idle(each: Reach, way: Way, name: string, pings: boolean): Promise<IdleFinding> {
    const outcome = await outcomeOf(async () => {
      const { watched } = await openInner(each, way, name, outer, headers)
      const begun = performance.now()
      const interval = Math.min(25_000, Math.max(200, duration / 10))
      const timer = pings ? setInterval(() => watched.connection.ping(), interval) : undefined
      try {
        const lasted = (await quiet(watched, duration)) === 'quiet'
        return { lasted, after: performance.now() - begun }
      } catch {
        return { lasted: false, after: performance.now() - begun }
      } finally {
        clearInterval(timer)
        watched.connection.destroy()
      }
    })
    const how = pings ? 'with pings' : 'without pings'
    if (outcome instanceof TunnelError)
      return { pings, status: 'skipped', summary: `${how}: ${outcome.message}`, code: outcome.code }
    const seconds = (outcome.after / 1000).toFixed(1)
    if (outcome.lasted) return { pings, status: 'ok', summary: `${how}: still open after ${seconds} s` }
    return {
      pings,
      status: pings ? 'fail' : 'warn',
      summary: `${how}: cut after ${seconds} s`,
      cutAfter: tenths(outcome.after),
    }
  }
}

/** `websocket (alpn-ping)`. */
export function nameOf({ protocol, subprotocol }: Way): string {
  return subprotocol === undefined ? protocol : `${protocol} (${subprotocol})`
}

interface Inner {
  readonly info: Parameters<typeof tlsFacts>[0]
  readonly watched: Watched
}

async function openDirect(reach: Reach, alpn: string): Promise<Inner> {
  const watched = await openTcp(reach)
  return orDestroy(watched, async () => ({ info: await pushInner(reach, watched, alpn), watched }))
}

async function openInner(
  reach: Reach,
  way: Way,
  alpn: string,
  outer: readonly string[],
  headers: Headers,
): Promise<Inner> {
  const watched = await openHttp(reach, outer)
  return orDestroy(watched, async () => {
    const { framing } = await pushUpgrade(reach, watched, way, headers)
    const random = (length: number) => reach.platform.crypto.random(length)
    if (framing === 'websocket') await watched.connection.push(webSocket({ random }))
    if (framing === 'ping') await watched.connection.push(pingFraming())
    return { info: await pushInner(reach, watched, alpn), watched }
  })
}

function pushInner(reach: Reach, watched: Watched, alpn: string): Promise<Inner['info']> {
  return within(reach, 'handshake', reach.settings.timeouts.handshake, (signal) =>
    watched.connection.push(innerLayer(reach, alpn), signal),
  )
}

function pushUpgrade(reach: Reach, watched: Watched, way: Way, headers: Headers): Promise<UpgradeInfo> {
  const { host, path, timeouts } = reach.settings
  const layer = upgrade({ host, path, ...way, headers, crypto: reach.platform.crypto })
  return orDestroy(watched, () =>
    within(reach, 'upgrade', timeouts.upgrade, (signal) => watched.connection.push(layer, signal)),
  )
}

/** Waits so long or until the peer ends cleanly, and says which; rejects when the connection breaks. */
function quiet({ connection }: Watched, milliseconds: number): Promise<'quiet' | 'ended'> {
  const wire = connection.wire()
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve('quiet'), milliseconds)
    const end = (error?: TunnelError) => {
      clearTimeout(timer)
      if (error === undefined) resolve('ended')
      else reject(error)
    }
    wire.start({ data() {}, end, fail: end })
  })
}
