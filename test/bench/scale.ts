// Many tunnels, slow readers, distance: what does not show in one fast connection.
import { copyFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { buildPackage } from '../support/build.js'
import type { CrowdOrder, Idle, Rate } from './crowd.js'
import type { DialOrder } from './crowd-dials.js'
import { startDelay } from './delay.js'
import { ask, bundled, startFile } from './processes.js'
import { type Benchmark, type BenchmarkOptions, median, type Row } from './row.js'
import { startLoadBalancer, startStage, type Stage as Tunnel } from './stage.js'

interface Stage extends Tunnel {
  /** The crowd's, in a package of the name `underpass`. */
  readonly program: string
}

export const scale: Benchmark = {
  name: 'scale',
  async run(options) {
    options.say('building the package')
    const built = await buildPackage(process.cwd())
    const program = join(dirname(built.folder), 'crowd.mjs')
    copyFileSync(await bundled('crowd'), program)
    try {
      const stage = { ...(await startStage()), program }
      return [
        ...(await steadyConnects(stage, options)),
        ...(await slowReader(stage, options)),
        ...(await distance(stage, options)),
        // Last: the tunnels stay, and their thousand pings a second would count for whoever is measured beside them.
        ...(await idleTunnels(stage, options)),
      ]
    } finally {
      await built.remove()
    }
  },
}

interface CrowdOptions {
  readonly by?: DialOrder['by']
  readonly mode?: 'websocket' | 'auto'
  readonly pingInterval?: number
}

async function crowd(stage: Stage, origin: string, options: CrowdOptions = {}): Promise<Tell> {
  const child = startFile(stage.program, [], ['--expose-gc'])
  const tell = <Answer>(order: CrowdOrder) => ask<Answer>(child, order)
  await tell(orderOf(stage, origin, options))
  return Object.assign(tell, { leave: () => child.disconnect() })
}

interface Tell {
  <Answer>(order: CrowdOrder): Promise<Answer>
  /** The process ends, with all that it has open. */
  leave(): void
}

function orderOf(
  { credentials: { ca, client } }: Stage,
  origin: string,
  { by = 'underpass', mode = 'websocket', pingInterval = 30_000 }: CrowdOptions,
): CrowdOrder {
  const identity = { certificate: client.chain, privateKey: client.privateKey }
  return { do: 'be', by, origin, ca, identity, mode, pingInterval }
}

async function idleTunnels(stage: Stage, { quick, say }: BenchmarkOptions): Promise<Row[]> {
  const count = quick ? 200 : 5000
  say(`${count} idle tunnels`)
  const tell = await crowd(stage, `http://127.0.0.1:${stage.gatewayPort}`, { pingInterval: 5000 })
  await tell({ do: 'connect' })
  const before = await stage.gatewayMemory()
  const idle = await tell<Idle>({ do: 'idle', count, seconds: quick ? 2 : 15 })
  const after = await stage.gatewayMemory()
  const bar = { of: 'value', must: 40, aim: 20 } as const
  const perTunnel = (bytes: number) => bytes / count / 1000
  const note = (from: typeof before, to: typeof after) =>
    `external ${perTunnel(to.external - from.external).toFixed(1)} kB and RSS ${perTunnel(to.rss - from.rss).toFixed(1)} kB a tunnel`
  return [
    {
      name: `${count} idle tunnels, client`,
      unit: 'kB heap a tunnel',
      better: 'less',
      ours: [perTunnel(idle.after.heap - idle.before.heap)],
      bar,
      note: note(idle.before, idle.after),
    },
    {
      name: `${count} idle tunnels, gateway`,
      unit: 'kB heap a tunnel',
      better: 'less',
      ours: [perTunnel(after.heap - before.heap)],
      bar,
      note: note(before, after),
    },
    {
      name: `${count} idle tunnels, each pinged every 5 s: latest ping`,
      unit: 'ms late',
      better: 'less',
      ours: [idle.late],
      bar: { of: 'value', must: 1000 },
    },
  ]
}

const PER_SECOND = 200

async function steadyConnects(stage: Stage, { quick, say }: BenchmarkOptions): Promise<Row[]> {
  const seconds = quick ? 3 : 60
  const short = quick ? 3 : 20
  const ours = await connectsBy(stage, 'underpass', seconds, say)
  const yardstick = await connectsBy(stage, 'ws and node:tls', short, say)
  const name = `${PER_SECOND} connects a second`
  return [
    {
      name: `${name}, ${seconds} s: failures`,
      unit: 'connects',
      better: 'less',
      ours: [ours.failures.length],
      bar: { of: 'value', must: 0 },
      ...(ours.failures.length > 0 && { note: ours.failures[0]! }),
    },
    {
      name: `${name}, ${seconds} s: p99 vs p50`,
      unit: 'ms',
      better: 'less',
      ours: [ours.p99],
      against: 'p50',
      yardstick: [ours.p50],
      bar: { of: 'times', must: 10 },
      note: `client, gateway and service on the same cores, ${busy(ours)}`,
    },
    {
      name: `${name}: p99 over p50`,
      unit: 'times',
      better: 'less',
      ours: [ours.p99 / ours.p50],
      against: 'ws and node:tls',
      yardstick: [yardstick.p99 / yardstick.p50],
      note: `theirs for ${short} s only: p50 ${yardstick.p50.toFixed(1)} ms, p99 ${yardstick.p99.toFixed(0)} ms, ${yardstick.failures.length} failures, ${busy(yardstick)}`,
    },
  ]
}

const busy = ({ busy }: { busy: number }): string => `${Math.round(100 * busy)} % busy`

async function connectsBy(
  stage: Stage,
  by: DialOrder['by'],
  seconds: number,
  say: BenchmarkOptions['say'],
): Promise<{ p50: number; p99: number; busy: number; failures: readonly string[] }> {
  say(`${PER_SECOND} connects a second for ${seconds} s by ${by}`)
  const tell = await crowd(stage, `http://127.0.0.1:${stage.gatewayPort}`, { by })
  // The engine's caches first, as in a process that has run for a while.
  await tell<Rate>({ do: 'rate', perSecond: 50, seconds: 2 })
  const before = coreTimes()
  const { durations, failures } = await tell<Rate>({ do: 'rate', perSecond: PER_SECOND, seconds })
  const after = coreTimes()
  tell.leave()
  const sorted = [...durations].sort((a, b) => a - b)
  const percentile = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
  const busy = 1 - (after.idle - before.idle) / (after.all - before.all)
  return { p50: percentile(0.5), p99: percentile(0.99), busy, failures }
}

/** Milliseconds of all cores since the system began: who waits for a core there shows in p99. */
function coreTimes(): { idle: number; all: number } {
  const sum = { idle: 0, all: 0 }
  for (const { times } of cpus()) {
    sum.idle += times.idle
    for (const time of Object.values(times)) sum.all += time
  }
  return sum
}

async function slowReader(stage: Stage, { quick, say }: BenchmarkOptions): Promise<Row[]> {
  const bytes = quick ? 2 ** 26 : 2 ** 30
  const { chain, privateKey } = stage.credentials.server
  const secure = await stage.listen({ tls: { cert: chain, key: privateKey, ALPNProtocols: ['bench'] } })
  const doors = { underpass: stage.gatewayPort, 'node:tls': secure, plain: await stage.listen({}) }
  const samples: Partial<Record<keyof typeof doors, { rss: number; before: number }>> = {}
  for (const [by, port] of Object.entries(doors) as [keyof typeof doors, number][]) {
    say(`${bytes / 2 ** 20} MiB to a slow reader by ${by}`)
    const tell = await crowd(stage, `http://127.0.0.1:${port}`, { by })
    samples[by] = await tell({ do: 'slow', bytes, perSecond: 60e6 })
    tell.leave()
  }
  const { rss, before } = samples.underpass!
  return (['node:tls', 'plain'] as const).map((against) => {
    const other = samples[against]!
    return {
      name: `${bytes / 2 ** 20} MiB to a reader of 60 MB/s`,
      unit: 'MB RSS',
      better: 'less',
      ours: [rss / 1e6],
      against,
      yardstick: [other.rss / 1e6],
      ...(against === 'node:tls' && { bar: { of: 'value', must: 100 } as const }),
      note: `${(before / 1e6).toFixed(0)} MB when it began, ${against} ${(other.before / 1e6).toFixed(0)}, which has no gateway and no tunnel`,
    }
  })
}

const ROUND_TRIP = 50

/** The relay cannot hold TCP's own handshake back: that round trip is added. */
async function distance(stage: Stage, { quick, rounds, say }: BenchmarkOptions): Promise<Row[]> {
  say('distance')
  const balancer = await startLoadBalancer(stage)
  const relay = await startDelay(balancer.port, ROUND_TRIP / 2)
  try {
    const rows: Row[] = []
    for (const mode of ['auto', 'websocket'] as const) {
      const trips: number[] = []
      const connections: number[] = []
      const walls: number[] = []
      for (let round = 0; round < (quick ? 1 : rounds); round++) {
        // Each time a dialer that knows nothing yet, in a process that has connected before.
        const tell = await crowd(stage, `https://127.0.0.1:${balancer.port}`, { mode })
        await tell({ do: 'connect' })
        await tell(orderOf(stage, `https://127.0.0.1:${relay.port}`, { mode }))
        const dialed = await tell<{ wall: number; connections: number }>({ do: 'connect' })
        walls.push(dialed.wall)
        trips.push(Math.floor(dialed.wall / ROUND_TRIP) + dialed.connections)
        connections.push(dialed.connections)
      }
      rows.push({
        name: `First connect behind a load balancer, mode ${mode}, ${ROUND_TRIP} ms away`,
        unit: 'round trips',
        better: 'less',
        ours: trips,
        bar: { of: 'value', must: 4 },
        note: `TCP, outer TLS, upgrade, inner TLS; ${median(connections)} connection, ${median(walls).toFixed(0)} ms beside TCP's handshake`,
      })
    }
    return rows
  } finally {
    relay.stop()
    await balancer.stop()
  }
}
