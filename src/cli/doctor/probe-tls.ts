// The outer TLS as three hellos see it: with the application's protocols, with http/1.1, and with none. What is selected
// says who answers; the chain, judged apart from the handshake, says who signed for them.
import { hex } from '../../bytes/index.js'
import { TlsError, TunnelError } from '../../errors-node.js'
import {
  type Certificate,
  parseCertificate,
  type TrustStore,
  type UnverifiedTrust,
  verifyChain,
} from '../../pki/index.js'
import type { TimedTraceEvent } from '../../trace.js'
import { certificateFacts, tlsFacts } from '../certificate-facts.js'
import { tenths } from '../tenths.js'
import type { AlpnProbe, OuterTlsFinding } from './findings.js'
import { inspectorOf } from './inspectors.js'
import { openTcp, orDestroy, outcomeOf, pushOuter, type Reach } from './reach.js'

export async function probeOuterTls(reach: Reach): Promise<OuterTlsFinding> {
  const probes: AlpnProbe[] = []
  let seen: Seen | undefined
  for (const offered of [reach.alpn, ['http/1.1'], []]) {
    const { probe, handshake } = await probeAlpn(reach, offered)
    probes.push(probe)
    // The one without protocols is what an upgrade stands on; the application's, what a direct tunnel does.
    if (handshake !== undefined && (seen === undefined || seen.finding.alpn === undefined)) seen = handshake
  }
  if (seen === undefined) {
    const { code, evidence } = probes.at(-1)!
    return {
      status: 'fail',
      summary: `no TLS handshake came through: ${probes.at(-1)!.summary}`,
      ...(code !== undefined && { code }),
      ...(evidence !== undefined && { evidence }),
      probes,
      chain: [],
      endedBy: 'unknown',
    }
  }
  return { ...(await judge(reach, seen, probes)), probes }
}

interface Seen {
  readonly finding: ReturnType<typeof tlsFacts>
  readonly chain: readonly Uint8Array[]
}

async function probeAlpn(
  reach: Reach,
  offered: readonly string[],
): Promise<{ probe: AlpnProbe; handshake: Seen | undefined }> {
  const begun = performance.now()
  let events: readonly TimedTraceEvent[] = []
  const outcome = await outcomeOf(async () => {
    const watched = await openTcp(reach)
    events = watched.events
    const info = await orDestroy(watched, () => pushOuter(reach, watched, offered))
    watched.connection.destroy()
    return info
  })
  const ms = tenths(performance.now() - begun)
  const what = offered.length === 0 ? 'no protocol' : offered.join(', ')
  if (outcome instanceof TunnelError)
    return { probe: failed(outcome, offered, what, ms), handshake: undefined }
  const { alpn } = outcome
  const handshake = { finding: tlsFacts(outcome), chain: sentChain(events) }
  const summary =
    alpn === undefined
      ? offered.length === 0
        ? `offered ${what}: the handshake went through (${outcome.version})`
        : `offered ${what}: none was selected`
      : `offered ${what}: ${alpn} was selected`
  const found =
    alpn === undefined ? { outcome: 'unselected' as const } : { outcome: 'selected' as const, alpn }
  return { probe: { status: 'ok', summary, offered, ms, ...found }, handshake }
}

function failed(error: TunnelError, offered: readonly string[], what: string, ms: number): AlpnProbe {
  const { code } = error
  const outcome =
    code === 'ERR_TLS_ALPN_UNOFFERED'
      ? 'unoffered'
      : code === 'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL'
        ? 'refused'
        : ['ERR_TLS_HANDSHAKE_EOF', 'ERR_STREAM_RESET', 'ERR_DIAL_RESET'].includes(code)
          ? 'cut'
          : 'failed'
  const said =
    outcome === 'unoffered'
      ? 'a protocol that was not offered was selected'
      : outcome === 'refused'
        ? 'refused with alert 120 (no_application_protocol)'
        : outcome === 'cut'
          ? 'the connection was cut'
          : error.message.replace(/\.$/, '')
  const alert = error instanceof TlsError && outcome === 'failed' && error.alert ? ` (${error.alert})` : ''
  // Alert 120 and an unoffered protocol are how load balancers behave: a finding, not a fault.
  const status = outcome === 'refused' || outcome === 'unoffered' ? 'ok' : 'warn'
  return { status, summary: `offered ${what}: ${said}${alert}`, code, offered, outcome, ms }
}

/** The certificates as the peer sent them, from the trace of its Certificate message. */
function sentChain(events: readonly TimedTraceEvent[]): Uint8Array[] {
  return events.flatMap(({ event }) => {
    if (event.type !== 'message' || event.direction !== 'received' || event.name !== 'certificate') return []
    return event.spans
      .filter(({ label }) => label === 'cert_data')
      .map(({ start, end }) => event.bytes.slice(start + 3, end)) // behind its 24-bit length
  })
}

async function judge(
  reach: Reach,
  { finding, chain }: Seen,
  probes: readonly AlpnProbe[],
): Promise<Omit<OuterTlsFinding, 'probes'>> {
  const { settings, trust, alpn } = reach
  const certificates = chain.flatMap(parsed)
  const facts = certificates.map(certificateFacts)
  const direct = probes.some(({ alpn: selected }) => isOurs(selected, alpn))
  const signer = facts[0]?.issuer ?? 'nobody'
  const outerFault = await faultOf(reach, chain, reach.originTrust, settings.origin.address.host)
  // A server reached directly may show its inner certificate, for either name.
  let fault = outerFault
  for (const name of direct && trust !== undefined ? [settings.origin.address.host, settings.serverName] : [])
    if (fault !== undefined) fault = await faultOf(reach, chain, trust!, name)
  const tls = { ...finding, verified: fault === undefined }
  const inspector = inspectorOf(facts)
  const base = { tls, chain: facts }
  if (inspector !== undefined) {
    return {
      ...base,
      status: 'warn',
      summary: `TLS is inspected on the way: ${inspector} ended it, its certificate is signed by ${signer}`,
      endedBy: 'inspection',
      ...(fault !== undefined && { code: fault.code, evidence: [fault.message] }),
    }
  }
  const endedBy = direct ? 'server' : 'load-balancer'
  const who = direct ? 'the server itself' : 'something on the way'
  const summary = `${who} ended TLS: ${finding.version} ${finding.suite}, certificate signed by ${signer}`
  if (fault === undefined) return { ...base, status: 'ok', summary, endedBy }
  return {
    ...base,
    status: 'fail',
    summary: `${summary}, and not trusted: ${fault.message}`,
    code: fault.code,
    evidence: [
      // `serverName` is the inner server's: out here the origin's own host is verified.
      fault.code === 'ERR_CERT_NAME_MISMATCH'
        ? 'Write the origin with a name of the certificate, or check where the connection ends.'
        : fault.hint,
      ...(certificates[0] ? [`fingerprint (SHA-256) ${fingerprint(reach, certificates[0])}`] : []),
    ],
    endedBy: fault.code === 'ERR_CERT_UNTRUSTED' ? 'unknown' : endedBy,
  }
}

/** Names that every load balancer selects say nothing about who answered. */
export function isOurs(selected: string | undefined, offered: readonly string[]): boolean {
  return selected !== undefined && offered.includes(selected) && !/^(?:http\/1\.[01]|h2)$/.test(selected)
}

async function faultOf(
  { platform }: Reach,
  chain: readonly Uint8Array[],
  trust: TrustStore | UnverifiedTrust,
  serverName: string,
): Promise<TunnelError | undefined> {
  const verdict = await outcomeOf(() =>
    verifyChain({
      chain,
      expectation: { trust, serverName, purpose: 'server' },
      now: platform.now(),
      crypto: platform.crypto,
    }),
  )
  return verdict instanceof TunnelError ? verdict : undefined
}

function parsed(der: Uint8Array): Certificate[] {
  try {
    return [parseCertificate(der)]
  } catch {
    return []
  }
}

function fingerprint({ platform }: Reach, certificate: Certificate): string {
  return hex(platform.crypto.hashes['SHA-256'].digest(certificate.der))
}
