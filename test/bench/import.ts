// From nothing to the first handshake: a fresh process for each sample, Underpass as it is published.
import { buildPackage } from '../support/build.js'
import { createCredentials } from './credentials.js'
import { startServer, tellOf } from './processes.js'
import { alternate, type Row } from './row.js'

interface Told {
  readonly wall: number
  readonly imported: number
  readonly cpu: number
}

export async function importRows(rounds: number): Promise<Row[]> {
  const { ca, server } = await createCredentials()
  const listen = await startServer()
  const port = await listen({ tls: { cert: server.chain, key: server.privateKey, ALPNProtocols: ['bench'] } })
  const build = await buildPackage(process.cwd())
  const sample = (which: string) => () =>
    tellOf<Told>('first', [which, String(port), build.folder], { BENCH_CA: ca })
  try {
    const samples = await alternate(3 * rounds, {
      underpass: sample('underpass'),
      'node:tls': sample('node:tls'),
    })
    return (['wall', 'cpu', 'imported'] as const).map((what) => ({
      name: `Node ${names[what]} vs node:tls`,
      unit: 'ms',
      better: 'less',
      ours: samples.underpass.map((told) => told[what]),
      against: 'node:tls',
      yardstick: samples['node:tls'].map((told) => told[what]),
      ...(what !== 'imported' && { bar: { of: 'times', must: 2, aim: 1.3 } as const }),
    }))
  } finally {
    await build.remove()
  }
}

const names = {
  wall: 'import + first handshake',
  cpu: 'import + first handshake, CPU',
  imported: 'import alone',
}
