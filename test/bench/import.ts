// From nothing to the first handshake: a fresh process for each sample, Underpass as it is published.
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { main as publishDigests } from '../../scripts/forge-digests.js'
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
  const built = await buildPackage(process.cwd())
  publishDigests([built.folder])
  const joined = join(dirname(built.folder), 'joined')
  await bundlePackage(built.folder, joined)
  const sample =
    (which: string, folder = built.folder) =>
    () =>
      tellOf<Told>('first', [which, String(port), folder], { BENCH_CA: ca })
  try {
    const samples = await alternate(3 * rounds, {
      underpass: sample('underpass'),
      joined: sample('underpass', joined),
      'node:tls': sample('node:tls'),
    })
    const record: Row = {
      name: 'Node import + first handshake, CPU, were the package bundled, vs node:tls',
      unit: 'ms',
      better: 'less',
      ours: samples.joined.map((told) => told.cpu),
      against: 'node:tls',
      yardstick: samples['node:tls'].map((told) => told.cpu),
    }
    const rows = (['wall', 'cpu', 'imported'] as const).map(
      (what): Row => ({
        name: `Node ${names[what]} vs node:tls`,
        unit: 'ms',
        better: 'less',
        ours: samples.underpass.map((told) => told[what]),
        against: 'node:tls',
        yardstick: samples['node:tls'].map((told) => told[what]),
        ...(what !== 'imported' && { bar: { of: 'times', must: 2, aim: 1.3 } as const }),
      }),
    )
    return [...rows, record]
  } finally {
    await built.remove()
  }
}

/** What a bundler would make of the same files: a few chunks that the entry points share. */
async function bundlePackage(from: string, to: string): Promise<void> {
  await build({
    entryPoints: ['index.js', 'platform/node/index.js', 'duplex/index.js'].map((file) => join(from, file)),
    outdir: to,
    outbase: from,
    bundle: true,
    splitting: true,
    minify: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  })
}

const names = {
  wall: 'import + first handshake',
  cpu: 'import + first handshake, CPU',
  imported: 'import alone',
}
