// One hundred bytes there and back, one after the other.
import { createCredentials, serverName } from './credentials.js'
import { startContender, startServer } from './processes.js'
import { alternate, type Benchmark, chosen, type Row } from './row.js'

const SIZE = 100

const all: Readonly<Record<string, number>> = {
  underpass: 10_000,
  'node:tls': 10_000,
  plain: 10_000,
  'lemon-tls': 5_000,
  subtls: 2_000,
  reclaim: 500,
}

export const pingpong: Benchmark = {
  name: 'pingpong',
  async run(options) {
    const { rounds, quick, say } = options
    const contenders = chosen(all, options)
    const { ca, server } = await createCredentials()
    const listen = await startServer()
    const port = await listen({
      tls: {
        cert: server.chain,
        key: server.privateKey,
        ciphers: 'TLS_AES_128_GCM_SHA256',
        minVersion: 'TLSv1.3',
      },
    })
    const plainPort = await listen({})
    say('round trips')
    const peers = Object.fromEntries(
      await Promise.all(
        Object.keys(contenders).map(async (name) => {
          const to = name === 'plain' ? plainPort : port
          return [name, await startContender(name, { port: to, serverName, ca })] as const
        }),
      ),
    )
    const samples = await alternate(
      rounds,
      Object.fromEntries(
        Object.entries(contenders).map(([name, full]) => [
          name,
          async (round: number) => {
            const count = quick ? full / 10 : full
            if (round === 0) await peers[name]!({ do: 'ping', count, size: SIZE })
            const { wall, cpu } = await peers[name]!({ do: 'ping', count, size: SIZE })
            return { speed: count / (wall / 1000), cost: (1000 * cpu) / count }
          },
        ]),
      ),
    )
    return Object.keys(contenders)
      .filter((name) => name !== 'underpass')
      .flatMap((against): Row[] => {
        const bar =
          against === 'node:tls'
            ? ({ of: 'speed', must: 0.8, aim: 1 } as const)
            : against === 'plain'
              ? undefined
              : ({ of: 'speed', must: 1 } as const)
        const common = { against, ...(bar && { bar }) }
        return [
          {
            name: `Node ${SIZE}-byte round trips vs ${against}`,
            unit: '1/s',
            better: 'more',
            ours: samples.underpass!.map((sample) => sample.speed),
            yardstick: samples[against]!.map((sample) => sample.speed),
            ...common,
          },
          {
            name: `Node ${SIZE}-byte round trips, CPU vs ${against}`,
            unit: 'µs',
            better: 'less',
            ours: samples.underpass!.map((sample) => sample.cost),
            yardstick: samples[against]!.map((sample) => sample.cost),
            ...common,
          },
        ]
      })
  },
}
