// What a soak says in the end: sums, ends by what explains them, slopes of memory and descriptors, and a verdict with its
// reasons.
import type { ClientWeight, End } from './client.js'
import { type Counts, type Disturbance, explain } from './disturbances.js'
import type { GatewayWeight } from './gateway.js'
import type { Weight } from './processes.js'
import { type Point, slope } from './slope.js'

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

export interface Trend {
  readonly samples: number
  readonly minutes: number
  readonly heapBytesPerMinute: number
  readonly heapMean: number
  readonly externalBytesPerMinute: number
  readonly descriptorsPerMinute: number
  readonly descriptorsMean: number
  /** Before the first tunnel and after the last. */
  readonly descriptors: readonly [number, number]
  readonly heap: readonly [number, number]
}

export interface SoakReport {
  readonly schema: 'underpass/soak/1'
  readonly minutes: number
  readonly tunnels: {
    readonly wanted: number
    readonly most: number
    readonly opened: number
    readonly openingSeconds: number
    readonly endingSeconds: number
    /** How many were opened against each certificate of the gateway, in order. */
    readonly byServerCertificate: readonly number[]
  }
  readonly bytes: { readonly sent: number; readonly received: number }
  readonly checksumErrors: number
  readonly ends: {
    /** Both sides finished, every byte came back. */
    readonly clean: number
    readonly explained: Counts
    readonly explainedTotal: number
    readonly unexplained: Counts[string]
    readonly unexplainedTotal: number
    /** The first of them, whole. */
    readonly riddles: readonly End[]
    /** As the gateways counted them, killed ones up to their death. */
    readonly byGateway: Counts[string]
  }
  readonly refusedByGateway: Counts[string]
  readonly disturbances: ReadonlyArray<{
    readonly what: string
    readonly seconds: number
    readonly tunnelsOpen: number
  }>
  readonly trends: Readonly<Record<string, Trend>>
  readonly verdict: 'pass' | 'fail'
  readonly reasons: readonly string[]
}

export interface Facts {
  readonly minutes: number
  readonly tunnels: number
  readonly opening: number
  readonly ending: number
}

/** In less, tunnels that age and fill up again look like growth; then what is left at the end alone is judged. */
const leastQuietMinutes = 3
/** Of the tunnels wanted: with fewer open, a slope would be that of their number. */
const steady = 0.98
const mebibyte = 1024 * 1024

export function soakReport(ledger: Ledger, facts: Facts): SoakReport {
  const before = ledger.before!
  const after = ledger.after!
  const { clients } = after
  const sum = (pick: (client: ClientWeight) => number) =>
    clients.reduce((total, each) => total + pick(each), 0)
  const ends = explain(
    clients.flatMap((client) => client.ends),
    ledger.disturbances,
  )
  const openIn = (sample: Sample) => sample.clients.reduce((all, { open }) => all + open, 0)
  const quiet = ledger.samples.filter(
    (sample) => sample.quiet && sample.process === after.process && openIn(sample) >= steady * facts.tunnels,
  )
  const trends: Record<string, Trend> = {
    gateway: trend(quiet, before, after, (sample) => sample.gateway),
    echo: trend(quiet, before, after, (sample) => sample.echo),
  }
  clients.forEach((_, at) => {
    trends[`client ${at + 1}`] = trend(quiet, before, after, (sample) => sample.clients[at]!)
  })
  const servers = merge(clients.map((client) => client.servers))
  const checksumErrors = sum((client) => client.checksumErrors)
  const unexplainedTotal = total(ends.unexplained)
  const most = Math.max(
    0,
    ...ledger.samples.map((sample) => sample.clients.reduce((all, { open }) => all + open, 0)),
  )
  const byServerCertificate = Object.values(servers)
  const reasons = [
    ...(checksumErrors > 0 ? [`${checksumErrors} checksum errors`] : []),
    ...(unexplainedTotal > 0 ? [`${unexplainedTotal} unexplained ends`] : []),
    ...(most < 0.95 * facts.tunnels ? [`only ${most} tunnels were open at once`] : []),
    ...(byServerCertificate.length < 2 ? ['no tunnel was opened with the new certificate'] : []),
    ...(after.gateway.tunnels > 0 ? [`the gateway holds ${after.gateway.tunnels} tunnels`] : []),
    ...Object.entries(trends).flatMap(([name, each]) => growth(name, each, facts.tunnels)),
  ]
  return {
    schema: 'underpass/soak/1',
    minutes: facts.minutes,
    tunnels: {
      wanted: facts.tunnels,
      most,
      opened: sum((client) => client.opened),
      openingSeconds: round(facts.opening),
      endingSeconds: round(facts.ending),
      byServerCertificate,
    },
    bytes: { sent: sum((client) => client.sent), received: sum((client) => client.received) },
    checksumErrors,
    ends: {
      clean: sum((client) => client.clean),
      explained: ends.explained,
      explainedTotal: Object.values(ends.explained).reduce((all, each) => all + total(each), 0),
      unexplained: ends.unexplained,
      unexplainedTotal,
      riddles: ends.riddles.slice(0, 20),
      byGateway: merge([...ledger.gatewayEnds, after.gateway].map((each) => each.ended)),
    },
    refusedByGateway: merge([...ledger.gatewayEnds, after.gateway].map((each) => each.refused)),
    disturbances: ledger.disturbances.map(({ what, from, to, open }) => ({
      what,
      seconds: round((to - from) / 1_000),
      tunnelsOpen: open,
    })),
    trends,
    verdict: reasons.length === 0 ? 'pass' : 'fail',
    reasons,
  }
}

function trend(
  quiet: readonly Sample[],
  before: Sample,
  after: Sample,
  pick: (sample: Sample) => Weight,
): Trend {
  const points = (value: (weight: Weight) => number): Point[] =>
    quiet.map((sample) => ({ at: sample.at, value: value(pick(sample)) }))
  const mean = (value: (weight: Weight) => number) =>
    quiet.reduce((all, sample) => all + value(pick(sample)), 0) / Math.max(1, quiet.length)
  return {
    samples: quiet.length,
    minutes: round(((quiet.at(-1)?.at ?? 0) - (quiet[0]?.at ?? 0)) / 60_000),
    heapBytesPerMinute: Math.round(slope(points(({ heap }) => heap))),
    heapMean: Math.round(mean(({ heap }) => heap)),
    externalBytesPerMinute: Math.round(slope(points(({ external }) => external))),
    descriptorsPerMinute: round(slope(points(({ descriptors }) => descriptors))),
    descriptorsMean: round(mean(({ descriptors }) => descriptors)),
    descriptors: [pick(before).descriptors, pick(after).descriptors],
    heap: [pick(before).heap, pick(after).heap],
  }
}

function growth(name: string, each: Trend, tunnels: number): string[] {
  const reasons: string[] = []
  const left = each.descriptors[1] - each.descriptors[0]
  if (left > 8) reasons.push(`${name} keeps ${left} descriptors`)
  if (each.heap[1] - each.heap[0] > 16 * mebibyte + 4_096 * tunnels)
    reasons.push(`${name} keeps ${Math.round((each.heap[1] - each.heap[0]) / mebibyte)} MiB of heap`)
  if (each.minutes < leastQuietMinutes) return reasons
  if (each.descriptorsPerMinute * each.minutes > Math.max(20, 0.03 * tunnels))
    reasons.push(`descriptors of ${name} grow by ${each.descriptorsPerMinute} a minute`)
  if (each.heapBytesPerMinute * each.minutes > Math.max(4 * mebibyte, 0.1 * each.heapMean))
    reasons.push(`heap of ${name} grows by ${each.heapBytesPerMinute} bytes a minute`)
  return reasons
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

function round(value: number): number {
  return Math.round(value * 100) / 100
}
