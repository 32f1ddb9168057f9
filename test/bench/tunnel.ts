// Through HAProxy with WebSocket framing: bytes each way and round trips with TLS inside, ours and node:tls's.
import { serverName } from './credentials.js'
import { startContender } from './processes.js'
import { alternate, type Benchmark, type Row } from './row.js'
import { startLoadBalancer, startStage } from './stage.js'

export const tunnel: Benchmark = {
  name: 'tunnel',
  async run({ rounds, quick, say }) {
    const stage = await startStage()
    const { ca, client } = stage.credentials
    const balancer = await startLoadBalancer(stage)
    try {
      const identity = { certificate: client.chain, privateKey: client.privateKey }
      const setup = { port: balancer.port, serverName, ca, identity }
      const ours = await startContender('underpass tunnel', setup)
      const other = await startContender('node:tls in the tunnel', setup)
      const rows: Row[] = []
      for (const way of ['download', 'upload'] as const) {
        say(way)
        const size = quick ? 8 : 96
        const run = (contender: typeof ours) => async (round: number) => {
          if (round === 0) await contender({ do: way, bytes: size * 1e6 })
          const { wall, cpu } = await contender({ do: way, bytes: size * 1e6 })
          return { speed: size / (wall / 1000), cost: cpu / size }
        }
        const samples = await alternate(rounds, { ours: run(ours), other: run(other) })
        rows.push(
          {
            name: `Tunnel through HAProxy, websocket, ${way}`,
            unit: 'MB/s',
            better: 'more',
            ours: samples.ours.map(({ speed }) => speed),
            against: 'node:tls in the same tunnel',
            yardstick: samples.other.map(({ speed }) => speed),
            bar: { of: 'speed', must: 0.9 },
          },
          {
            name: `Tunnel through HAProxy, websocket, ${way}, CPU`,
            unit: 'ms/MB',
            better: 'less',
            ours: samples.ours.map(({ cost }) => cost),
            against: 'node:tls in the same tunnel',
            yardstick: samples.other.map(({ cost }) => cost),
          },
        )
      }
      say('round trips')
      const count = quick ? 200 : 3000
      const ping = (contender: typeof ours) => async (round: number) => {
        if (round === 0) await contender({ do: 'ping', count, size: 100 })
        return count / ((await contender({ do: 'ping', count, size: 100 })).wall / 1000)
      }
      const pings = await alternate(rounds, { ours: ping(ours), other: ping(other) })
      rows.push({
        name: 'Tunnel through HAProxy, websocket, 100-byte round trips',
        unit: '1/s',
        better: 'more',
        ours: pings.ours,
        against: 'node:tls in the same tunnel',
        yardstick: pings.other,
      })
      return rows
    } finally {
      await balancer.stop()
    }
  },
}
