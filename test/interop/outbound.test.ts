// The way out through proxies that we did not write: dialer → tinyproxy (CONNECT) or OpenSSH (SOCKS5) → HAProxy → gateway.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NodeDialerOptions, TimedTraceEvent } from '../../src/platform/node/index.js'
import { type TemporaryFolder, temporaryFolder } from '../support/files.js'
import { describePeer, requireProgram } from '../support/peers.js'
import {
  freePort,
  type RunningServer,
  type ServerProcess,
  startHaproxy,
  startProcess,
  startSshd,
  startTinyproxy,
  type TinyproxyOptions,
} from '../support/servers/index.js'
import { type Service, startEcho } from '../support/services.js'
import { createStage, type Stage } from '../support/stage.js'
import { echoes, sample } from '../support/traffic.js'

describe('on the way out', () => {
  let stage: Stage
  let echo: Service
  beforeAll(async () => {
    echo = await startEcho()
    stage = await createStage({ echo: echo.port })
  })
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]()
    await echo?.stop()
  })

  /** A tunnel through `outbound`, 1 MiB there and back; the steps of the dial. */
  async function carries(port: number, options: Partial<NodeDialerOptions>) {
    const steps: Array<{ name: string; facts: Readonly<Record<string, unknown>> }> = []
    const trace = ({ event }: TimedTraceEvent) => {
      if (event.type === 'step') steps.push(event)
    }
    await using dialer = stage.dialer(port, { trace, timeouts: { connect: 30_000 }, ...options })
    const socket = await dialer.connect({ alpn: ['echo'] })
    const { verdict, tls } = socket.info
    expect(tls).toMatchObject({ alpn: 'echo', clientCertificate: true, peer: { verified: true } })
    await echoes(socket, sample(1024 * 1024))
    await socket.close()
    return { verdict, steps: steps.filter(({ name }) => name === 'proxy') }
  }

  function refused(port: number, outbound: string) {
    const dialer = stage.dialer(port, { outbound, timeouts: { connect: 30_000 } })
    return expect(dialer.connect({ alpn: ['echo'] }).finally(() => dialer.close())).rejects
  }

  describePeer(['tinyproxy', 'haproxy'], 'tinyproxy', () => {
    let balancer: ServerProcess
    beforeAll(async () => {
      balancer = await startHaproxy({ upstreamPort: stage.upgradePort, certificate: stage.lbCertificate })
    })
    afterAll(() => balancer?.stop())

    async function behind(options: TinyproxyOptions, use: (proxy: ServerProcess) => Promise<void>) {
      await using proxy = await startTinyproxy(options)
      await use(proxy)
    }

    it('carries the tunnel, to the load balancer and straight to the gateway', () =>
      behind({}, async (proxy) => {
        const outbound = `http://127.0.0.1:${proxy.port}`
        const through = await carries(balancer.port, { outbound })
        expect(through.verdict).toBe('upgrade')
        expect(through.steps).toEqual([
          expect.objectContaining({
            facts: { proxy: outbound, host: 'localhost', port: balancer.port, authenticated: false },
          }),
        ])
        const straight = await carries(stage.directPort, { outbound, originTrust: stage.host.certificate })
        expect(straight.verdict).toBe('direct')
        expect(proxy.log()).toContain(`CONNECT localhost:${balancer.port}`)
      }))

    it('is given its password, which shows nowhere else', () =>
      behind({ credentials: { user: 'alice', password: 'tinysecret' } }, async (proxy) => {
        const url = (userinfo: string) => `http://${userinfo}127.0.0.1:${proxy.port}`
        const { steps } = await carries(balancer.port, { outbound: url('alice:tinysecret@') })
        expect(JSON.stringify(steps)).not.toContain('tinysecret')
        await refused(balancer.port, url('')).toMatchObject({ code: 'ERR_PROXY_AUTH', phase: 'proxy' })
        await refused(balancer.port, url('alice:wrongsecret@')).toMatchObject({
          code: 'ERR_PROXY_AUTH',
          message: expect.not.stringContaining('wrongsecret'),
        })
      }))

    it('is ERR_PROXY_DENIED where its rules say no', async () => {
      const outbound = (proxy: ServerProcess) => `http://127.0.0.1:${proxy.port}`
      await behind({ denied: ['^localhost$'] }, (proxy) =>
        refused(balancer.port, outbound(proxy)).toMatchObject({ code: 'ERR_PROXY_DENIED', blame: 'network' }),
      )
      await behind({ connectPorts: [443] }, (proxy) =>
        refused(balancer.port, outbound(proxy)).toMatchObject({ code: 'ERR_PROXY_DENIED' }),
      )
    })

    it('is ERR_PROXY_UPSTREAM where it gets no further', () =>
      behind({}, async (proxy) =>
        refused(await freePort(), `http://127.0.0.1:${proxy.port}`).toMatchObject({
          code: 'ERR_PROXY_UPSTREAM',
          retryable: true,
        }),
      ))

    it('is ERR_TIMEOUT in the phase proxy where SOCKS is spoken to it: it waits for a line', () =>
      behind({}, async (proxy) => {
        const outbound = `socks5h://127.0.0.1:${proxy.port}`
        await using dialer = stage.dialer(balancer.port, { outbound, timeouts: { connect: 500 } })
        await expect(dialer.connect({ alpn: ['echo'] })).rejects.toMatchObject({
          code: 'ERR_TIMEOUT',
          phase: 'proxy',
        })
      }))
  })

  describePeer(['openssh', 'ssh', 'haproxy'], 'ssh -D', () => {
    let balancer: ServerProcess
    let sshd: RunningServer
    let socks: ServerProcess
    let folder: TemporaryFolder
    beforeAll(async () => {
      folder = await temporaryFolder('socks')
      balancer = await startHaproxy({ upstreamPort: stage.upgradePort, certificate: stage.lbCertificate })
      const server = await startSshd()
      sshd = server
      const key = await folder.write('key', server.privateKey)
      const port = await freePort()
      socks = await startProcess({
        command: requireProgram('ssh'),
        args: [
          ...['-F', 'none', '-N', '-v', '-D', `127.0.0.1:${port}`, '-i', key, '-p', String(server.port)],
          ...['-o', 'StrictHostKeyChecking=no', '-o', `UserKnownHostsFile=${join(folder.path, 'known')}`],
          ...['-o', 'IdentitiesOnly=yes', '-o', 'ExitOnForwardFailure=yes', '-l', server.user, '127.0.0.1'],
        ],
        port,
      })
    }, 60_000)
    afterAll(async () => {
      for (const each of [socks, sshd, balancer]) await each?.stop()
      await folder?.remove()
    })

    it.each(['socks5', 'socks5h'])('carries the tunnel by %s', async (scheme) => {
      const outbound = `${scheme}://127.0.0.1:${socks.port}`
      const { verdict, steps } = await carries(balancer.port, { outbound })
      expect(verdict).toBe('upgrade')
      const host = steps[0]?.facts.host
      expect(host).toMatch(scheme === 'socks5h' ? /^localhost$/ : /^(127\.0\.0\.1|::1)$/)
    })

    it('is told to be no HTTP proxy', () =>
      refused(balancer.port, `http://127.0.0.1:${socks.port}`).toMatchObject({
        code: 'ERR_PROXY_PROTOCOL',
      }))

    it('is ERR_PROXY_UPSTREAM where it gets no further', async () =>
      refused(await freePort(), `socks5h://127.0.0.1:${socks.port}`).toMatchObject({
        code: 'ERR_PROXY_UPSTREAM',
      }))
  })
})
