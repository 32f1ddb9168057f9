// Many tunnels, slow readers, distance: what does not show in one fast connection.
import type { CrowdOrder, Idle, Rate } from './crowd.js'
import { startDelay } from './delay.js'
import { ask, start } from './processes.js'
import { type Benchmark, type BenchmarkOptions, median, type Row } from './row.js'
import { type Stage, startLoadBalancer, startStage } from './stage.js'

export const scale: Benchmark = {
  name: 'scale',
  async run(options) {
    const stage = await startStage()
    return [
      ...(await steadyConnects(stage, options)),
      ...(await slowReader(stage, options)),
      ...(await distance(stage, options)),
      // Last: the tunnels stay, and their thousand pings a second would count for whoever is measured beside them.
      ...(await idleTunnels(stage, options)),
    ]
  },
}

interface CrowdOptions {
  readonly mode?: 'websocket' | 'auto'
  readonly pingInterval?: number
}

async function crowd(
  stage: Stage,
  origin: string,
  options: CrowdOptions = {},
): Promise<<Answer>(order: CrowdOrder) => Promise<Answer>> {
  const child = await start('crowd', [], ['--expose-gc'])
  const tell = <Answer>(order: CrowdOrder) => ask<Answer>(child, order)
  await tell(orderOf(stage, origin, options))
  return tell
}

function orderOf(
  { credentials: { ca, client } }: Stage,
  origin: string,
  { mode = 'websocket', pingInterval = 30_000 }: CrowdOptions,
): CrowdOrder {
  const identity = { certificate: client.chain, privateKey: client.privateKey }
  return { do: 'be', origin, ca, identity, mode, pingInterval }
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

async function steadyConnects(stage: Stage, { quick, say }: BenchmarkOptions): Promise<Row[]> {
  const perSecond = 200
  const seconds = quick ? 3 : 60
  say(`${perSecond} connects a second for ${seconds} s`)
  const tell = await crowd(stage, `http://127.0.0.1:${stage.gatewayPort}`)
  // The engine's caches first, as in a process that has run for a while.
  await tell<Rate>({ do: 'rate', perSecond: 50, seconds: 2 })
  const { durations, failures } = await tell<Rate>({ do: 'rate', perSecond, seconds })
  const sorted = [...durations].sort((a, b) => a - b)
  const percentile = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
  return [
    {
      name: `${perSecond} connects a second, ${seconds} s: failures`,
      unit: 'connects',
      better: 'less',
      ours: [failures.length],
      bar: { of: 'value', must: 0 },
      ...(failures.length > 0 && { note: failures[0]! }),
    },
    {
      name: `${perSecond} connects a second, ${seconds} s: p99 vs p50`,
      unit: 'ms',
      better: 'less',
      ours: [percentile(0.99)],
      against: 'p50',
      yardstick: [percentile(0.5)],
      bar: { of: 'times', must: 10 },
      note: 'client, gateway and service on the same cores',
    },
  ]
}

async function slowReader(stage: Stage, { quick, say }: BenchmarkOptions): Promise<Row[]> {
  const bytes = quick ? 2 ** 26 : 2 ** 30
  say(`${bytes / 2 ** 20} MiB to a slow reader`)
  const tell = await crowd(stage, `http://127.0.0.1:${stage.gatewayPort}`)
  const { rss, before } = await tell<{ rss: number; before: number }>({ do: 'slow', bytes, perSecond: 60e6 })
  return [
    {
      name: `${bytes / 2 ** 20} MiB to a reader of 60 MB/s`,
      unit: 'MB RSS',
      better: 'less',
      ours: [rss / 1e6],
      bar: { of: 'value', must: 100 },
      note: `${(before / 1e6).toFixed(0)} MB when it began`,
    },
  ]
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
        const { wall, info } = await tell<{ wall: number; info: { connections: number } }>({ do: 'connect' })
        walls.push(wall)
        trips.push(Math.floor(wall / ROUND_TRIP) + info.connections)
        connections.push(info.connections)
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
