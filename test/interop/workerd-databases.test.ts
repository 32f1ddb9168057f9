// pg and postgres inside a Worker, over raw TCP through HAProxy and the gateway to a real PostgreSQL.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describePeer } from '../support/peers.js'
import { type RunningServer, startHaproxy, startPostgres } from '../support/servers/index.js'
import { createStage, innerName, type Stage } from '../support/stage.js'
import { bundleByWrangler, startWorkerd, type Workerd } from '../support/workerd.js'

const module = join(import.meta.dirname, 'workerd-databases-worker.ts')

describePeer(['haproxy', 'postgresql'], 'PostgreSQL from a Worker, over HAProxy and the gateway', () => {
  let database: RunningServer
  let stage: Stage
  let balancer: RunningServer
  let worker: Workerd
  let identity: { certificate: string; privateKey: string }

  beforeAll(async () => {
    const [started, script] = await Promise.all([startPostgres(), bundleByWrangler(module)])
    database = started
    stage = await createStage({ postgres: database.port })
    const { chain, privateKey } = await stage.users.issue({ commonName: 'alice', usage: 'client' })
    identity = { certificate: chain, privateKey }
    balancer = await startHaproxy({ upstreamPort: stage.upgradePort, certificate: stage.lbCertificate })
    const authorities = stage.web.certificate
    worker = await startWorkerd({ script, nodejsCompat: true, authorities })
  })
  afterAll(async () => {
    await worker?.[Symbol.asyncDispose]()
    await balancer?.stop()
    await stage?.[Symbol.asyncDispose]()
    await database?.stop()
  })

  it.each([
    ['pg', 'an outer TLS of ours', true],
    ['pg', "the runtime's outer TLS", false],
    ['postgres', 'an outer TLS of ours', true],
    ['postgres', "the runtime's outer TLS", false],
  ] as const)('%s under %s', async (driver, _, ours) => {
    const dialer = {
      origin: `https://localhost:${balancer.port}`,
      ...(ours && { originTrust: stage.web.certificate }),
      transport: 'tcp',
      trust: stage.host.certificate,
      identity,
      serverName: innerName,
      alpn: ['postgres'],
    }
    expect(await worker.call({ driver, dialer })).toEqual({
      sums: [2, 4, 6, 8],
      large: [2 ** 20, 2 ** 20, 2 ** 20, 2 ** 20],
      failed: '22012',
    })
  })
})
