// The probe is the connection: the first one offers the application's real ALPN, and what its handshake says decides
// what becomes of it. `read` is the verdict table; around it, what is done with a verdict: kept, contradicted, reported.
import {
  asTunnelError,
  CertificateError,
  failure,
  TlsError,
  type TunnelError,
  UpgradeError,
} from '../errors.js'
import { matchesServerName } from '../pki/index.js'
import type { TlsInfo } from '../tls/index.js'
import { askUpgrade, type Opened, type OuterHello, openOuter, openWire, standOn } from './attempt.js'
import { climbInOrder, inOrder, openForUpgrade, reachDirect } from './attempts.js'
import type { Verdict } from './cache.js'
import type { UpgradeMode } from './plan.js'
import { contradictsDirect, isInconclusive } from './plan.js'
import type { Classified } from './reach.js'
import type { Reached } from './run.js'
import { observe, step, within } from './run.js'
import type { TcpRun } from './tcp-run.js'

/** What the first handshake says, and what follows. */
export type Reading =
  /** This connection is the tunnel. */
  | { readonly next: 'direct'; readonly sentence: string; readonly opened: Opened }
  /** Ask for the upgrade on this very connection. */
  | { readonly next: 'upgrade-here'; readonly sentence: string; readonly opened: Opened }
  /** A load balancer that wants another hello, without our ALPN. */
  | { readonly next: 'upgrade-anew'; readonly sentence: string; readonly opened?: Opened }
  /** Both a load balancer and a broken path look like this. */
  | { readonly next: 'inconclusive'; readonly sentence: string; readonly error: TunnelError }
  /** A real error, to be reported as itself. */
  | { readonly next: 'fail'; readonly sentence: string; readonly error: TunnelError }

/** Reaches the server by finding out how, or by what is remembered. */
export async function reachDetecting(run: TcpRun, upgrades: readonly UpgradeMode[]): Promise<Reached> {
  const { key } = run.settings.origin
  if (run.tcp.verdicts.get(key) === undefined) {
    const turn = run.tcp.flights.join(key)
    if (typeof turn === 'function') {
      try {
        return await probeAndReach(run, upgrades, turn)
      } finally {
        turn()
      }
    }
    step(run, 'waiting', { origin: key })
    const { connect, handshake } = run.settings.timeouts
    // The other dial has its own limits, or none: no longer than our own first handshake could take.
    const milliseconds = connect && handshake && connect + handshake
    await within(run, { milliseconds, phase: 'detect' }, () => turn)
  }
  const known = run.tcp.verdicts.get(key)
  if (known?.verdict !== 'upgrade') return probeAndReach(run, upgrades)
  observe(run, `remembered: upgrade (${known.evidence.join('; ')})`)
  try {
    return await climbInOrder(run, upgrades, true)
  } catch (thrown) {
    const error = asTunnelError(thrown)
    if (!contradictsUpgrade(error)) {
      // A server of our own that waits for another protocol is as silent as a dead backend. The next dial asks afresh; this
      // one has waited enough.
      if (error.code === 'ERR_TIMEOUT' && error.phase === 'upgrade') run.tcp.verdicts.drop(key)
      throw error
    }
    run.tcp.verdicts.drop(key)
    step(run, 'verdict-dropped', { origin: key, code: error.code })
    observe(run, `the remembered verdict no longer holds: ${error.message}`)
    return probeAndReach(run, upgrades)
  }
}

/** Classifies afresh and keeps the verdict, without an inner handshake: everything opened is closed again. */
export async function classify(run: TcpRun, upgrades: readonly UpgradeMode[]): Promise<Classified> {
  const reading = await firstHandshake(run, probeName(run))
  observe(run, reading.sentence)
  if (reading.next === 'fail') throw reading.error
  if (reading.next !== 'inconclusive') {
    const verdict = reading.next === 'direct' ? 'direct' : 'upgrade'
    reading.opened?.connection.destroy()
    conclude(run, verdict, reading.sentence)
    const outer = reading.opened?.outer
    return { verdict, outer, roundTrips: 1 + handshakeTrips(outer) }
  }
  const outer = await orInconclusive(run, reading.error, () =>
    inOrder(run, upgrades, true, async (mode) => {
      const opened = await openForUpgrade(run)
      await askUpgrade(run, opened.connection, mode)
      opened.connection.destroy()
      return opened.outer
    }),
  )
  conclude(run, 'upgrade', reading.sentence)
  // TCP and a hello that led nowhere; then TCP, TLS and the request for each upgrade tried.
  return { verdict: 'upgrade', outer, roundTrips: 2 + (run.connections - 1) * (2 + handshakeTrips(outer)) }
}

function handshakeTrips(tls: TlsInfo | undefined): number {
  return tls?.version === 'TLSv1.2' ? 2 : 1
}

/** The verdict table. */
export function read(outcome: Opened | TunnelError, offered: readonly string[]): Reading {
  return 'connection' in outcome ? readHandshake(outcome, offered) : readFailure(outcome, offered)
}

// Every load balancer selects these when they are offered: they say nothing about who answered.
const webProtocols: ReadonlySet<string> = new Set(['http/1.1', 'http/1.0', 'h2'])

function isOurs(alpn: string | undefined, offered: readonly string[]): boolean {
  return alpn !== undefined && offered.includes(alpn) && !webProtocols.has(alpn)
}

function readHandshake(opened: Opened, offered: readonly string[]): Reading {
  const alpn = opened.outer?.alpn
  if (isOurs(alpn, offered)) {
    return { next: 'direct', opened, sentence: `the origin selected ${alpn}: nothing ends TLS on the way` }
  }
  if (alpn === undefined) {
    const sentence = `the origin selected none of ${offered.join(', ')}: a load balancer ends TLS`
    return { next: 'upgrade-here', opened, sentence }
  }
  if (alpn === 'h2') {
    const sentence = 'the origin selected h2, as any load balancer would, and an upgrade needs HTTP/1.1'
    return { next: 'upgrade-anew', opened, sentence }
  }
  return { next: 'upgrade-here', opened, sentence: `the origin selected ${alpn}, as any load balancer would` }
}

function readFailure(error: TunnelError, offered: readonly string[]): Reading {
  if (contradictsDirect(error)) {
    const sentence =
      error.code === 'ERR_TLS_ALPN_UNOFFERED'
        ? 'the origin selected an application protocol that was not offered: a load balancer ends TLS'
        : `the origin refused ${offered.join(', ')} with alert 120 (no_application_protocol): a load balancer ends TLS`
    return { next: 'upgrade-anew', sentence }
  }
  if (!(error instanceof CertificateError) && isInconclusive(error)) {
    const alert = error instanceof TlsError && error.alert !== undefined ? ` (${error.alert})` : ''
    const sentence = `the handshake that offered ${offered.join(', ')} ended with ${error.code}${alert}: inconclusive`
    return { next: 'inconclusive', error, sentence }
  }
  return { next: 'fail', error, sentence: `the first connection failed with ${error.code}` }
}

async function probeAndReach(
  run: TcpRun,
  upgrades: readonly UpgradeMode[],
  landed: () => void = () => {},
): Promise<Reached> {
  const { serverName } = run.settings
  const probed = probeName(run)
  const reading = await firstHandshake(run, probed)
  observe(run, reading.sentence)
  switch (reading.next) {
    case 'fail':
      throw reading.error
    case 'inconclusive': {
      const reached = await orInconclusive(run, reading.error, () => climbInOrder(run, upgrades, true))
      conclude(run, 'upgrade', reading.sentence)
      return reached
    }
    case 'upgrade-here':
      conclude(run, 'upgrade', reading.sentence)
      landed()
      return climbConcluded(run, upgrades, reading.opened)
    case 'upgrade-anew':
      reading.opened?.connection.destroy()
      conclude(run, 'upgrade', reading.sentence)
      landed()
      return climbConcluded(run, upgrades)
    case 'direct':
      conclude(run, 'direct', reading.sentence)
      landed()
      if (probed === serverName || isFor(reading.opened, serverName)) return standOn(run, reading.opened)
      // Another host answers by this name: its routes may hang on the server name, which this hello did not carry.
      reading.opened.connection.destroy()
      observe(run, `connecting again with the server name ${serverName}`)
      return reachDirect(run)
  }
}

// An origin known to be direct, or known by its address only, gets the server name that its routes need; any other the
// name by which a load balancer finds its certificate.
function probeName(run: TcpRun): string {
  const { origin, serverName } = run.settings
  const direct = run.tcp.verdicts.get(origin.key)?.verdict === 'direct'
  return direct || isIpLiteral(origin.address.host) ? serverName : origin.address.host
}

async function firstHandshake(run: TcpRun, serverName: string): Promise<Reading> {
  const { alpn } = run.settings
  const hello: OuterHello = {
    alpn,
    serverName,
    required: false,
    isOurs: (selected) => isOurs(selected, alpn),
  }
  // A transport that does not open is nobody's verdict: it is thrown from here as itself.
  const connection = await openWire(run)
  try {
    return read(await openOuter(run, connection, hello), alpn)
  } catch (thrown) {
    return read(asTunnelError(thrown), alpn)
  }
}

/** Keeps a verdict and shows it, and shows when it contradicts what was remembered. */
function conclude(run: TcpRun, verdict: Verdict, sentence: string): void {
  const { key } = run.settings.origin
  const before = run.tcp.verdicts.get(key)
  if (before !== undefined && before.verdict !== verdict) {
    step(run, 'verdict-contradicted', { origin: key, before: before.verdict, now: verdict })
  }
  run.tcp.verdicts.set(key, { verdict, evidence: [sentence] })
  step(run, 'verdict', { origin: key, verdict, evidence: sentence })
}

async function climbConcluded(
  run: TcpRun,
  upgrades: readonly UpgradeMode[],
  opened?: Opened,
): Promise<Reached> {
  try {
    return await climbInOrder(run, upgrades, true, opened)
  } catch (thrown) {
    const error = asTunnelError(thrown)
    if (contradictsUpgrade(error)) run.tcp.verdicts.drop(run.settings.origin.key)
    throw error
  }
}

// The second piece of evidence, after a first handshake that said nothing clear.
async function orInconclusive<T>(run: TcpRun, first: TunnelError, upgrade: () => Promise<T>): Promise<T> {
  try {
    return await upgrade()
  } catch (thrown) {
    const error = asTunnelError(thrown)
    // What fails inside an upgrade, a certificate, or what the caller did: each says all by itself.
    const unclear =
      (error.phase === 'dial' || error.phase === 'outer-tls' || error.phase === 'upgrade') &&
      !(error instanceof CertificateError) &&
      (error.blame === 'network' || error.blame === 'peer')
    if (!unclear) throw error
    observe(run, `the upgrade failed with ${error.code}: ${error.message}`)
    throw failure('ERR_DETECT_INCONCLUSIVE', `${first.code}, then ${error.code}`, {
      cause: error,
      evidence: [...run.evidence],
      retryable: first.retryable || error.retryable,
    })
  }
}

// A dead backend, a login wall and a WAF stand at the upgrade's end; anything else may be another kind of server.
function contradictsUpgrade(error: TunnelError): boolean {
  // A server of our own has another certificate than the load balancer that stood there, and may ask for ours.
  if (error.phase === 'outer-tls') return error instanceof TlsError || isInconclusive(error)
  return (
    error instanceof UpgradeError &&
    error.code !== 'ERR_UPGRADE_UNAVAILABLE' &&
    error.code !== 'ERR_UPGRADE_FORBIDDEN' &&
    error.code !== 'ERR_UPGRADE_REDIRECTED'
  )
}

function isIpLiteral(host: string): boolean {
  return host.includes(':') || /^\d+(?:\.\d+){3}$/.test(host)
}

/** Whether the peer's certificate is for that name as well, so that it is the same server. */
function isFor(opened: Opened, serverName: string): boolean {
  return matchesServerName(serverName, opened.outer?.peer.leaf.altNames ?? [])
}
