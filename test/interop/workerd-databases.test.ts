// pg and postgres inside a Worker, over raw TCP through HAProxy and the gateway to a real PostgreSQL.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { describePeer } from '../support/peers.js'
import { type RunningServer, startHaproxy, startPostgres } from '../support/servers/index.js'
import { type Service, startEcho } from '../support/services.js'
import { createStage, innerName, type Stage } from '../support/stage.js'
import { bundleByWrangler, startWorkerd, type Workerd } from '../support/workerd.js'

// wrangler bundles, initdb writes: slow where others work too.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

const module = join(import.meta.dirname, 'workerd-databases-worker.ts')

/** The programs of docs/workers.md, in order. */
const documented = [
  ...readFileSync(join(import.meta.dirname, '../../docs/workers.md'), 'utf8').matchAll(
    /^```ts\n(.*?)^```$/gms,
  ),
].map((match) => match[1]!)

describePeer(['haproxy', 'postgresql'], 'PostgreSQL from a Worker, over HAProxy and the gateway', () => {
  let database: RunningServer
  let stage: Stage
  let balancer: RunningServer
  let echo: Service
  let worker: Workerd
  let identity: { certificate: string; privateKey: string }

  beforeAll(async () => {
    const [started, script] = await Promise.all([
      startPostgres(),
      bundleByWrangler({
        text: `import { answer } from ${JSON.stringify(module)}\nexport default { fetch: answer }`,
      }),
    ])
    database = started
    echo = await startEcho()
    stage = await createStage({ postgres: database.port, echo: echo.port })
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
    await echo?.stop()
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

  it.each([
    [0, '[{"answer":42}]', () => `https://localhost:${balancer.port}`],
    // What fetch() is told to verify by is not the matter here.
    [1, 'hello', () => `http://127.0.0.1:${stage.upgradePort}`],
  ] as const)('program %i of docs/workers.md works as it stands', async (index, answer, origin) => {
    const text = documented[index]!
    await using program = await startWorkerd({
      script: await bundleByWrangler({ text }, index === 0),
      nodejsCompat: index === 0,
      bindings: {
        ORIGIN: origin(),
        ORIGIN_CA: stage.web.certificate,
        HOST_CA: stage.host.certificate,
        CLIENT_CERTIFICATE: identity.certificate,
        CLIENT_KEY: identity.privateKey,
      },
    })
    expect(await program.text()).toBe(answer)
  })
})
