// From nothing to the first handshake: a fresh process for each sample, Underpass as it is published.
import { copyFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { buildPackage } from '../support/build.js'
import { createCredentials } from './credentials.js'
import { bundled, startServer, tellOf } from './processes.js'
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
  const folder = dirname(built.folder)
  const program = join(folder, 'first.mjs')
  copyFileSync(await bundled('first'), program)
  const roots = join(folder, 'roots.pem')
  writeFileSync(roots, ca)
  const sample = (which: string, env: NodeJS.ProcessEnv) => () =>
    tellOf<Told>(program, [which, String(port)], { ...env, BENCH_CA: ca })
  const plain = plainEnvironment()
  const withRoots = { ...plain, NODE_EXTRA_CA_CERTS: roots }
  try {
    const samples = await alternate(3 * rounds, {
      underpass: sample('underpass', plain),
      'node:tls': sample('node:tls', plain),
      'underpass, roots': sample('underpass', withRoots),
      'node:tls, roots': sample('node:tls', withRoots),
    })
    const row = (what: keyof Told, roots: boolean): Row => ({
      name: `Node ${names[what]}${roots ? ', all roots read before' : ''} vs node:tls`,
      unit: 'ms',
      better: 'less',
      ours: samples[roots ? 'underpass, roots' : 'underpass'].map((told) => told[what]),
      against: 'node:tls',
      yardstick: samples[roots ? 'node:tls, roots' : 'node:tls'].map((told) => told[what]),
      ...(what !== 'imported' && !roots && { bar: { of: 'times', must: 2, aim: 1.3 } as const }),
    })
    return [row('wall', false), row('cpu', false), row('imported', false), row('cpu', true)]
  } finally {
    await built.remove()
  }
}

/**
 * The environment without what turns Node's own settings: most of all NODE_EXTRA_CA_CERTS, for which Node reads all its roots
 * before it runs the first line. That is most of what the first handshake of node:tls costs where it is not set.
 */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(NODE_|SSL_|OPENSSL_)/.test(name)),
  )
}

const names = {
  wall: 'import + first handshake',
  cpu: 'import + first handshake, CPU',
  imported: 'import alone',
}
