// Bytes each way over one open connection: how many a second, and what each MB costs the client's process.
import { createCredentials, serverName } from './credentials.js'
import { startContender, startServer } from './processes.js'
import { alternate, type Bar, type Benchmark, chosen, type Row } from './row.js'

const MB = 1e6

/** Of node:tls over the same Duplex. */
const speed: Bar = { of: 'speed', must: 0.9, aim: 1 }
const faster: Bar = { of: 'speed', must: 1 }

interface Case {
  readonly suite: string
  readonly name: string
  /** MB for one sample of a contender. */
  readonly contenders: Readonly<Record<string, number>>
}

const cases: readonly Case[] = [
  {
    suite: 'TLS_AES_128_GCM_SHA256',
    name: 'AES-128-GCM',
    contenders: { underpass: 256, 'node:tls': 256, plain: 256, 'lemon-tls': 128, subtls: 64, reclaim: 4 },
  },
  {
    suite: 'TLS_CHACHA20_POLY1305_SHA256',
    name: 'ChaCha20-Poly1305',
    contenders: { underpass: 128, 'node:tls': 128 },
  },
]

export const bulk: Benchmark = {
  name: 'bulk',
  async run(options) {
    const { rounds, quick, say } = options
    const { ca, server } = await createCredentials()
    const listen = await startServer()
    const rows: Row[] = []
    for (const { suite, name, contenders: all } of cases) {
      const contenders = chosen(all, options)
      const tls = {
        cert: server.chain,
        key: server.privateKey,
        ciphers: suite,
        minVersion: 'TLSv1.3' as const,
      }
      const port = await listen({ tls })
      const plainPort = await listen({})
      const peers = Object.fromEntries(
        await Promise.all(
          Object.keys(contenders).map(async (contender) => {
            const to = contender === 'plain' ? plainPort : port
            return [contender, await startContender(contender, { port: to, serverName, ca })] as const
          }),
        ),
      )
      for (const way of ['download', 'upload'] as const) {
        say(`${name} ${way}`)
        const samples = await alternate(
          rounds,
          Object.fromEntries(
            Object.entries(contenders).map(([contender, megabytes]) => [
              contender,
              async (round: number) => {
                const size = quick ? Math.ceil(megabytes / 16) : megabytes
                // The first run of each is for the engine's caches.
                if (round === 0) await peers[contender]!({ do: way, bytes: size * MB })
                const { wall, cpu } = await peers[contender]!({ do: way, bytes: size * MB })
                return { speed: size / (wall / 1000), cost: cpu / size }
              },
            ]),
          ),
        )
        for (const against of Object.keys(contenders)) {
          if (against === 'underpass') continue
          const bar = against === 'node:tls' ? speed : against === 'plain' ? undefined : faster
          const common = { against, ...(bar && { bar }) }
          rows.push(
            {
              name: `Node ${name} ${way} vs ${against}`,
              unit: 'MB/s',
              better: 'more',
              ours: samples.underpass!.map((sample) => sample.speed),
              yardstick: samples[against]!.map((sample) => sample.speed),
              ...common,
            },
            {
              name: `Node ${name} ${way}, CPU vs ${against}`,
              unit: 'ms/MB',
              better: 'less',
              ours: samples.underpass!.map((sample) => sample.cost),
              yardstick: samples[against]!.map((sample) => sample.cost),
              ...common,
            },
          )
        }
      }
    }
    return rows
  },
}
