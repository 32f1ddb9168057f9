// The examination: every layer in turn, from the name to the inner TLS. Each step is told as it goes; nothing is thrown but
// interrupts and bugs, everything else is a finding. Then who stands there is guessed, and what would help is looked up.
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { exitStatusOf, failure, TunnelError } from '../../errors-node.js'
import type { Output } from '../output.js'
import { tenths } from '../tenths.js'
import { advise } from './advice.js'
import type {
  DnsFinding,
  DoctorReport,
  Finding,
  IdleFinding,
  InnerTlsFinding,
  OuterTlsFinding,
  Status,
} from './findings.js'
import { askHttp, type HttpAnswers, pingFinding } from './probe-http.js'
import { isOurs, probeOuterTls } from './probe-tls.js'
import { type Asked, askUpgrade, probeIdle, probeInner, ways } from './probe-upgrade.js'
import { openTcp, outcomeOf, type Reach } from './reach.js'
import { guessVendors } from './vendors.js'

export interface Examination {
  /** Milliseconds to leave tunnels idle; undefined for not at all. */
  readonly idle: number | undefined
  readonly output: Output
}

export async function examine(reach: Reach, { idle, output }: Examination): Promise<DoctorReport> {
  const { settings } = reach
  const { origin } = settings
  const told = async <T extends Finding>(what: string, act: () => Promise<T>): Promise<T> => {
    const done = output.progress(what)
    const finding = await act()
    done(finding.summary, finding.status)
    return finding
  }

  const dns = await told('DNS', () => probeDns(origin.address.host))
  let proxy: Finding = { status: 'skipped', summary: 'none on the way out' }
  const tcp = await told('TCP', async () => {
    const begun = performance.now()
    const outcome = await outcomeOf(() => openTcp(reach))
    const ms = tenths(performance.now() - begun)
    if (outcome instanceof TunnelError) {
      const { code, message, hint } = outcome
      if (outcome.phase === 'proxy') proxy = { status: 'fail', summary: message, code, evidence: [hint] }
      return { status: 'fail', summary: message, code, evidence: [hint], ms }
    }
    proxy = proxySeen(outcome.events) ?? proxy
    outcome.connection.destroy()
    const facts = outcome.events.findLast(({ event }) => event.type === 'step' && event.name === 'tcp')?.event
    const address =
      facts?.type === 'step' ? `${facts.facts.remoteAddress} port ${facts.facts.remotePort}` : ''
    const via = proxy.status === 'ok' ? ', which is the proxy' : ''
    return { status: 'ok', summary: `connected to ${address}${via}`, ms }
  })
  if (tcp.status === 'fail') return conclude(reach, { dns, proxy, tcp })

  const outerTls = origin.secure
    ? await told('outer TLS: three hellos', () => probeOuterTls(reach))
    : { ...skipped('the origin is plain HTTP'), probes: [], chain: [], endedBy: 'unknown' as const }
  // What an upgrade would stand on: no protocol, unless only http/1.1 gets through.
  const withoutAlpn = outerTls.probes.at(-1)?.status !== 'warn'
  const outer = withoutAlpn ? [] : ['http/1.1']
  const isDirect = outerTls.probes.some(({ alpn }) => isOurs(alpn, reach.alpn))
  const speaksTls = !origin.secure || outerTls.probes.slice(1).some(({ status }) => status !== 'warn')

  let answers: HttpAnswers | undefined
  let upgrades: readonly Asked[] = []
  let ping: DoctorReport['ping'] = skipped('no TLS to ask over')
  if (speaksTls) {
    const headers = await headersFor(reach, outerTls)
    ping = await told('HTTP: /webapi/ping, and who answers what', async () => {
      const begun = performance.now()
      answers = await askHttp(reach, outer, headers)
      return pingFinding(answers.ping, performance.now() - begun)
    })
    await told('upgrades: four ways to ask', async () => {
      upgrades = await Promise.all(ways.map((way) => askUpgrade(reach, way, outer, headers)))
      const granted = upgrades.filter(({ finding }) => finding.status === 'ok')
      const status: Status = granted.length === 0 ? (isDirect ? 'warn' : 'fail') : 'ok'
      return { status, summary: `${granted.length} of ${ways.length} were granted` }
    })
  }
  const best = ways[upgrades.findIndex(({ finding }) => finding.status === 'ok')]
  const way = isDirect ? undefined : best
  const innerTls: InnerTlsFinding[] = []
  const idles: IdleFinding[] = []
  if (isDirect || way !== undefined) {
    const headers = way === undefined ? [] : await headersFor(reach, outerTls)
    for (const name of reach.alpn)
      innerTls.push(await told(`inner TLS: ${name}`, () => probeInner(reach, way, name, outer, headers)))
    const open = innerTls.find(({ status }) => status !== 'fail')
    if (idle !== undefined && open !== undefined && way !== undefined) {
      await told(`idle for ${idle / 1000} s, with pings and without`, async () => {
        idles.push(...(await probeIdle(reach, open.alpn, outer, headers, idle)))
        const worst = idles.find(({ status }) => status === 'fail') ?? idles[0]!
        return { ...worst, summary: idles.map(({ summary }) => summary).join('; ') }
      })
    }
  }
  return conclude(reach, { dns, proxy, tcp, outerTls, ping, upgrades, innerTls, idle: idles, answers })
}

interface Seen {
  readonly dns: DnsFinding
  readonly proxy: Finding
  readonly tcp: Finding
  readonly outerTls?: OuterTlsFinding
  readonly ping?: DoctorReport['ping']
  readonly upgrades?: readonly Asked[]
  readonly innerTls?: readonly InnerTlsFinding[]
  readonly idle?: readonly IdleFinding[]
  readonly answers?: HttpAnswers | undefined
}

function conclude(reach: Reach, seen: Seen): DoctorReport {
  const outerTls = seen.outerTls ?? {
    ...skipped('not reached'),
    probes: [],
    chain: [],
    endedBy: 'unknown' as const,
  }
  const asked = seen.upgrades ?? []
  const upgrades = asked.map(({ finding }) => finding)
  const innerTls = seen.innerTls ?? []
  const isDirect = outerTls.endedBy === 'server'
  const isUpgraded = upgrades.some(({ status }) => status === 'ok')
  const verdict = isDirect ? 'direct' : isUpgraded ? 'upgrade' : 'none'
  const code = faultOf(seen, outerTls, verdict)
  const facts = {
    schema: 'underpass/doctor/1',
    ok: code === undefined,
    origin: reach.settings.origin.key,
    verdict,
    ...(code !== undefined && { code }),
    exitStatus: code === undefined ? 0 : exitStatusOf(code),
    dns: seen.dns,
    proxy: seen.proxy,
    tcp: seen.tcp,
    outerTls,
    ping: seen.ping ?? skipped('not reached'),
    upgrades,
    innerTls,
    idle: seen.idle ?? [],
  } as const
  const vendors = guessVendors({ ...facts, heads: asked.map(({ head }) => head), answers: seen.answers })
  const report = { ...facts, vendors }
  return { ...report, advice: advise(report) }
}

/** The first thing that stands in the way of a tunnel. */
function faultOf(
  { tcp, ping, innerTls = [], upgrades = [] }: Seen,
  outerTls: OuterTlsFinding,
  verdict: DoctorReport['verdict'],
): DoctorReport['code'] {
  if (tcp.code !== undefined) return tcp.code
  if (outerTls.status === 'fail' || outerTls.endedBy === 'inspection') {
    if (outerTls.code !== undefined) return outerTls.code
  }
  if (verdict === 'none') return upgrades[0]?.finding.code ?? ping?.code ?? 'ERR_DETECT_INCONCLUSIVE'
  return innerTls.length > 0 && innerTls.every(({ status }) => status === 'fail')
    ? innerTls[0]!.code
    : undefined
}

async function probeDns(host: string): Promise<DnsFinding> {
  if (isIP(host) !== 0) return { status: 'skipped', summary: 'the origin is an address', addresses: [host] }
  const begun = performance.now()
  try {
    const found = await lookup(host, { all: true })
    const addresses = found.map(({ address }) => address)
    const ms = tenths(performance.now() - begun)
    return { status: 'ok', summary: `${host} is ${addresses.join(', ')}`, addresses, ms }
  } catch (cause) {
    const { code, hint } = failure('ERR_DIAL_DNS', host, { cause })
    return {
      status: 'fail',
      summary: `${host} has no address here`,
      code,
      evidence: [hint],
      addresses: [],
      ms: tenths(performance.now() - begun),
    }
  }
}

/** What the platform told about a proxy on the way out. */
function proxySeen(events: Awaited<ReturnType<typeof openTcp>>['events']): Finding | undefined {
  const step = events.find(({ event }) => event.type === 'step' && event.name === 'proxy')?.event
  if (step?.type !== 'step') return undefined
  return { status: 'ok', summary: `through the proxy ${step.facts.proxy}` }
}

/** Custom headers may be credentials: for a verified peer only. */
async function headersFor(
  reach: Reach,
  outerTls: OuterTlsFinding,
): Promise<ReadonlyArray<readonly [string, string]>> {
  const { headers, origin } = reach.settings
  if (headers === undefined || (origin.secure && outerTls.tls?.verified !== true)) return []
  const { headerList } = await import('../../dial/settings.js')
  if (typeof headers !== 'function') return headerList(headers)
  const outcome = await outcomeOf(async () =>
    headerList(await headers({ url: `${origin.key}/`, attempt: 1, protocol: 'websocket' })),
  )
  if (outcome instanceof TunnelError) throw outcome
  return outcome
}

function skipped(summary: string): { readonly status: 'skipped'; readonly summary: string } {
  return { status: 'skipped', summary }
}
