// The agent over raw TCP: the deployed Worker through a real load balancer whose signer only a secret names.
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { describePeer } from '../support/peers.js'
import { type RunningServer, startHaproxy } from '../support/servers/index.js'
import { createStage, innerName, type Stage } from '../support/stage.js'
import { startWeb, type TestService } from './service.js'
import { bundleWorker, type RunningWorker, refusalOf, startWorker, token } from './support.js'

// A machine that others use too is slow with bulk and bundling.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

describePeer('haproxy', 'the agent behind HAProxy', () => {
  let web: TestService
  let stage: Stage
  let balancer: RunningServer
  let worker: RunningWorker

  beforeAll(async () => {
    const [bundle, service] = await Promise.all([bundleWorker(), startWeb()])
    web = service
    stage = await createStage({ 'http/1.1': web.port })
    balancer = await startHaproxy({ upstreamPort: stage.upgradePort, certificate: stage.lbCertificate })
    const alice = await stage.users.issue({ commonName: 'alice', usage: 'client' })
    const target = {
      origin: `https://localhost:${balancer.port}`,
      doors: ['http'],
      serverName: innerName,
      alpn: 'http/1.1',
      trust: 'HOST_CA',
      certificate: 'AGENT_CERTIFICATE',
      privateKey: 'AGENT_KEY',
    }
    worker = await startWorker(bundle, {
      TOKENS: JSON.stringify({ tester: token }),
      WEB_CA: stage.web.certificate,
      HOST_CA: stage.host.certificate,
      AGENT_CERTIFICATE: alice.chain,
      AGENT_KEY: alice.privateKey,
      TARGETS: {
        trusted: { ...target, transport: 'tcp', originTrust: 'WEB_CA' },
        untrusted: { ...target, transport: 'tcp', originTrust: 'HOST_CA' },
        unknown: { ...target, transport: 'auto' },
      },
    })
  })
  afterAll(async () => {
    await worker?.[Symbol.asyncDispose]()
    await balancer?.stop()
    await stage?.[Symbol.asyncDispose]()
    await web?.[Symbol.asyncDispose]()
  })

  const get = (path: string) =>
    fetch(`${worker.url}/agent/${path}`, { headers: { Authorization: `Bearer ${token}` } })

  it('carries requests, one after the other', async () => {
    for (const path of ['a', 'b']) {
      const answer = await get(`trusted/${path}`)
      expect(answer.status).toBe(200)
      expect(await answer.json()).toMatchObject({ url: `/${path}`, headers: { host: innerName } })
    }
  })

  it('refuses a load balancer that somebody else signed', async () => {
    expect(await refusalOf(await get('untrusted/'))).toEqual({ status: 502, code: 'ERR_CERT_UNTRUSTED' })
  })

  it('refuses one that the platform does not know', async () => {
    expect(await refusalOf(await get('unknown/'))).toEqual({ status: 502, code: 'ERR_DIAL_FAILED' })
  })
})
