// What a soak says in the end: sums, ends by what explains them, slopes of memory and descriptors, and a verdict with its
// reasons.
import type { ClientWeight, End } from './client.js'
import { type Counts, type Disturbance, explain } from './disturbances.js'
import type { Evidence, Witnesses } from './evidence.js'
import type { GatewayWeight } from './gateway.js'
import type { Weight } from './processes.js'
import { complaints, rounded, type Trend, trend } from './trends.js'

export interface Sample {
  readonly at: number
  /** The gateway's process: another one after it was killed. */
  readonly process: number
  readonly gateway: GatewayWeight
  readonly echo: Weight
  readonly clients: readonly ClientWeight[]
}

export interface Ledger {
  readonly samples: Array<Sample & { readonly quiet: boolean }>
  readonly disturbances: Disturbance[]
  /** What each gateway that was killed had told last. */
  readonly gatewayEnds: GatewayWeight[]
  before: Sample | undefined
  after: Sample | undefined
}

export interface SoakReport {
  readonly schema: 'underpass/soak/2'
  readonly verdict: 'pass' | 'fail'
  readonly reasons: readonly string[]
  readonly minutes: number
  readonly versions: Readonly<Record<string, string>>
  /** Whether gateway and clients had a minute for each deadline, or their defaults. */
  readonly patient: boolean
  readonly pace: Pace
  readonly machine: Machine
  readonly tunnels: {
    readonly wanted: number
    readonly peak: number
    readonly opened: number
    readonly openingSeconds: number
    readonly endingSeconds: number
    /** How many were opened against each certificate of the gateway. */
    readonly byServerCertificate: readonly number[]
  }
  readonly bytes: { readonly sent: number; readonly received: number }
  readonly checksumErrors: number
  readonly ends: {
    /** Both sides finished, every byte came back. */
    readonly clean: number
    readonly explained: Counts
    readonly explainedTotal: number
    readonly unexplainedCodes: Counts[string]
    readonly unexplainedTotal: number
    /** As the gateways counted them, killed ones up to their death. */
    readonly byGateway: Counts[string]
    /** Not in order for the gateway although it was for the client. */
    readonly onlyAtGateway: Counts[string]
  }
  /** Twenty of them, of every kind, with all that is known of them. */
  readonly unexplained: readonly Evidence[]
  readonly refusedByGateway: Counts[string]
  readonly disturbances: ReadonlyArray<{
    readonly what: string
    readonly atMinute: number
    readonly seconds: number
    readonly tunnelsOpen: number
  }>
  readonly trends: Readonly<Record<string, Trend>>
}

export interface Pace {
  readonly tunnelsReplacedPerSecond: number
  readonly bytesPerSecondEachWay: number
  /** Means, milliseconds: how long a tunnel lives, and rests between its bursts. */
  readonly life: number
  readonly pause: number
}

export interface Machine {
  readonly cores: number
  /** Share of all cores that was busy, whoever used it: in the run, and in its quiet part. */
  readonly busy: number
  readonly busyWhileQuiet: number
  /** 1, 5 and 15 minutes, at the end. */
  readonly loadAverage: readonly number[]
  /** The longest that the event loop of each process was late, milliseconds. */
  readonly latest: Readonly<Record<string, number>>
}

export interface Facts {
  readonly minutes: number
  readonly tunnels: number
  readonly versions: Readonly<Record<string, string>>
  /** Whether gateway and clients had a minute for each deadline, or their defaults. */
  readonly patient: boolean
  readonly pace: Pace
  readonly machine: Omit<Machine, 'latest'>
  readonly opening: number
  readonly ending: number
  /** When the run began, milliseconds since 1970. */
  readonly began: number
}

const mostShown = 20
/** Of the tunnels wanted: with fewer open, a slope would be that of their number. */
const steady = 0.98

export function soakReport(ledger: Ledger, witnesses: Witnesses, facts: Facts): SoakReport {
  const before = ledger.before!
  const after = ledger.after!
  const { clients } = after
  const sum = (pick: (client: ClientWeight) => number) =>
    clients.reduce((total, each) => total + pick(each), 0)
  const ends = explain(witnesses.ends, ledger.disturbances, witnesses.gatewayOn)
  const openIn = (sample: Sample) => sample.clients.reduce((all, { open }) => all + open, 0)
  const quiet = ledger.samples.filter(
    (sample) => sample.quiet && sample.process === after.process && openIn(sample) >= steady * facts.tunnels,
  )
  const trendOf = (pick: (sample: Sample) => Weight) =>
    trend(
      quiet.map((sample) => ({ at: sample.at, weight: pick(sample) })),
      pick(before),
      pick(after),
      facts.tunnels,
    )
  const trends: Record<string, Trend> = {
    gateway: trendOf((sample) => sample.gateway),
    echo: trendOf((sample) => sample.echo),
  }
  clients.forEach((_, at) => {
    trends[`client ${at + 1}`] = trendOf((sample) => sample.clients[at]!)
  })
  const checksumErrors = sum((client) => client.checksumErrors)
  const unexplainedTotal = total(ends.unexplained)
  const peak = Math.max(0, ...ledger.samples.map(openIn))
  const byServerCertificate = Object.values(merge(clients.map((client) => client.servers)))
  const reasons = [
    ...(checksumErrors > 0 ? [`${checksumErrors} checksum errors`] : []),
    ...(unexplainedTotal > 0 ? [`${unexplainedTotal} unexplained ends`] : []),
    ...(peak < 0.95 * facts.tunnels ? [`only ${peak} tunnels were open at once`] : []),
    ...(byServerCertificate.length < 2 ? ['no tunnel was opened with the new certificate'] : []),
    ...(after.gateway.tunnels > 0 ? [`the gateway holds ${after.gateway.tunnels} tunnels`] : []),
    ...Object.entries(trends).flatMap(([name, each]) => complaints(name, each)),
  ]
  return {
    schema: 'underpass/soak/2',
    verdict: reasons.length === 0 ? 'pass' : 'fail',
    reasons,
    minutes: facts.minutes,
    versions: facts.versions,
    patient: facts.patient,
    pace: facts.pace,
    machine: { ...facts.machine, latest: witnesses.latest() },
    tunnels: {
      wanted: facts.tunnels,
      peak,
      opened: sum((client) => client.opened),
      openingSeconds: rounded(facts.opening),
      endingSeconds: rounded(facts.ending),
      byServerCertificate,
    },
    bytes: { sent: sum((client) => client.sent), received: sum((client) => client.received) },
    checksumErrors,
    ends: {
      clean: sum((client) => client.clean),
      explained: ends.explained,
      explainedTotal: Object.values(ends.explained).reduce((all, each) => all + total(each), 0),
      unexplainedCodes: ends.unexplained,
      unexplainedTotal,
      byGateway: merge([...ledger.gatewayEnds, after.gateway].map((each) => each.ended)),
      onlyAtGateway: witnesses.onlyAtGateway(),
    },
    unexplained: mixed(ends.riddles).slice(0, mostShown).map(witnesses.evidence),
    refusedByGateway: merge([...ledger.gatewayEnds, after.gateway].map((each) => each.refused)),
    disturbances: ledger.disturbances.map(({ what, from, to, open }) => ({
      what,
      atMinute: rounded((from - facts.began) / 60_000),
      seconds: rounded((to - from) / 1_000),
      tunnelsOpen: open,
    })),
    trends,
  }
}

/** One of each kind before the second of any, so that no kind hides another. */
function mixed(ends: readonly End[]): End[] {
  const seen: Record<string, number> = {}
  return ends
    .map((end) => {
      const kind = `${end.phase} ${end.code}`
      seen[kind] = (seen[kind] ?? 0) + 1
      return { end, turn: seen[kind] }
    })
    .sort((one, two) => one.turn - two.turn)
    .map(({ end }) => end)
}

function merge(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const merged: Record<string, number> = {}
  for (const each of counts)
    for (const [key, value] of Object.entries(each)) merged[key] = (merged[key] ?? 0) + value
  return merged
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0)
}
