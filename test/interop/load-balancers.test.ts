// Real load balancers in front of the gateway: every mode through each of them, and detection counted in connections.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DialerOptions } from '../../src/platform/node/index.js'
import { type CountingRelay, startCountingRelay } from '../support/counting-relay.js'
import { describePeer } from '../support/peers.js'
import {
  type LoadBalancerOptions,
  type ServerProcess,
  startHaproxy,
  startNginx,
} from '../support/servers/index.js'
import { type Service, startCounter, startEcho } from '../support/services.js'
import { createStage, innerName, type Stage } from '../support/stage.js'
import { echoes, readAll, sample } from '../support/traffic.js'

const mebibyte = 1024 * 1024

const balancers = [
  { peer: 'haproxy', start: startHaproxy, extraConnections: 0 },
  { peer: 'nginx', start: startNginx, extraConnections: 1 },
] as const

describe('through a load balancer', () => {
  let stage: Stage
  let echo: Service
  let counter: Service
  beforeAll(async () => {
    ;[echo, counter] = await Promise.all([startEcho(), startCounter()])
    stage = await createStage({ echo: echo.port, counter: counter.port })
  })
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]()
    await Promise.all([echo, counter].map((service) => service?.stop()))
  })

  for (const { peer, start, extraConnections } of balancers) {
    describePeer(peer, peer, () => {
      const world = setUp((options) => start(options), {})

      it.each(['websocket', 'alpn-ping', 'alpn'] as const)(
        'carries mutual TLS and 1 MiB both ways as %s',
        async (mode) => {
          await using dialer = world.dialer({ mode })
          const socket = await dialer.connect({ alpn: ['echo'] })
          expect(socket.info).toMatchObject({
            verdict: 'upgrade',
            framing: { websocket: 'websocket', 'alpn-ping': 'ping', alpn: 'raw' }[mode],
            innerPing: false,
            connections: 1,
            tls: { version: 'TLSv1.3', alpn: 'echo', serverName: innerName, clientCertificate: true },
          })
          expect(socket.info.tls.peer.verified).toBe(true)
          await echoes(socket, sample(mebibyte))
          await socket.close()
        },
      )

      it('carries pings inside TLS when the protocol says so', async () => {
        await using dialer = world.dialer({ mode: 'websocket' })
        const socket = await dialer.connect({ alpn: ['echo-ping', 'echo'] })
        expect(socket.info).toMatchObject({ innerPing: true, tls: { alpn: 'echo-ping' } })
        await echoes(socket, sample(mebibyte))
        await socket.close()
      })

      it(`finds out that an upgrade is needed with ${extraConnections} connections more than the tunnel's own`, async () => {
        const before = world.relay.connections
        await using dialer = world.dialer({})
        const socket = await dialer.connect({ alpn: ['echo'] })
        expect(socket.info).toMatchObject({ verdict: 'upgrade', connections: 1 + extraConnections })
        expect(world.relay.connections - before).toBe(1 + extraConnections)
        await echoes(socket, sample(1000))
        await socket.close()

        // The verdict is remembered: the second tunnel costs one connection everywhere.
        const again = await dialer.connect({ alpn: ['echo'] })
        expect(world.relay.connections - before).toBe(2 + extraConnections)
        await again.close()
      })

      it('half-closes inside the tunnel, whatever the load balancer makes of a FIN', async () => {
        await using dialer = world.dialer({})
        const socket = await dialer.connect({ alpn: ['counter'] })
        const writer = socket.writable.getWriter()
        await writer.write(sample(100_000))
        await writer.close()
        expect(new TextDecoder().decode(await readAll(socket.readable))).toBe('100000 bytes')
        await socket.closed
      })

      it('names a missing client certificate', async () => {
        await using dialer = world.dialer({ identity: undefined })
        const failed = await outcome(async () => {
          const socket = await dialer.connect({ alpn: ['echo'] })
          // TLS 1.3 clients finish before the server has seen their certificate (RFC 8446 §4.4.2.4 by way of §2).
          await readAll(socket.readable)
        })
        expect(failed).toBe('ERR_TLS_ALERT_CERTIFICATE_REQUIRED')
      })
    })

    describePeer(peer, `${peer}, websocket only`, () => {
      const world = setUp((options) => start(options), { webSocketOnly: true })

      it.each(['alpn', 'alpn-ping'] as const)(
        'lets %s through as a plain request, and that is named',
        async (mode) => {
          // The gateway answers a request without Upgrade as Teleport does, with 404; any web application with a page.
          await using dialer = world.dialer({ mode })
          expect(await outcome(() => dialer.connect({ alpn: ['echo'] }))).toBe('ERR_UPGRADE_NOT_FOUND')
          const page = createServer((_, response) => response.end('<html>'))
          page.listen(0, '127.0.0.1')
          await once(page, 'listening')
          const upstreamPort = (page.address() as AddressInfo).port
          await using balancer = await start({
            upstreamPort,
            certificate: stage.lbCertificate,
            webSocketOnly: true,
          })
          await using other = stage.dialer(balancer.port, { mode })
          expect(await outcome(() => other.connect({ alpn: ['echo'] }))).toBe('ERR_UPGRADE_STRIPPED')
          page.close()
        },
      )

      it.each([
        { mode: 'websocket' },
        { mode: 'auto' },
        { mode: ['alpn', 'websocket'] },
      ] satisfies Partial<DialerOptions>[])('passes $mode', async (options) => {
        await using dialer = world.dialer(options)
        const socket = await dialer.connect({ alpn: ['echo'] })
        expect(socket.info).toMatchObject({ verdict: 'upgrade', framing: 'websocket' })
        await echoes(socket, sample(mebibyte))
        await socket.close()
      })
    })

    describePeer(peer, `${peer} with an idle limit of a second`, () => {
      const world = setUp((options) => start(options), { idle: 1 })

      it('cuts a silent tunnel, and the cut is told from an end', async () => {
        await using dialer = world.dialer({ mode: 'alpn', keepAlive: false })
        const socket = await dialer.connect({ alpn: ['echo'] })
        expect(await outcome(() => readAll(socket.readable))).toBe('ERR_TLS_TRUNCATED')
      })

      it.each(['websocket', 'alpn-ping'] as const)('keeps a silent tunnel that pings as %s', async (mode) => {
        await using dialer = world.dialer({ mode, keepAlive: { interval: 200, timeout: 10_000 } })
        const socket = await dialer.connect({ alpn: ['echo'] })
        await new Promise((resolve) => setTimeout(resolve, 2500))
        await echoes(socket, sample(1000))
        await socket.close()
      })
    })
  }

  describe('no load balancer', () => {
    it('is found out on the tunnel itself', async () => {
      await using relay = await startCountingRelay(stage.directPort)
      await using dialer = stage.dialer(relay.port, { serverName: 'localhost' })
      const socket = await dialer.connect({ alpn: ['echo'] })
      expect(socket.info).toMatchObject({ verdict: 'direct', framing: 'none', connections: 1 })
      expect(relay.connections).toBe(1)
      await echoes(socket, sample(mebibyte))
      await socket.close()
    })

    it('costs one connection more where the inner server name is not the origin’s: the probe names the origin', async () => {
      await using relay = await startCountingRelay(stage.directPort)
      await using dialer = stage.dialer(relay.port)
      const socket = await dialer.connect({ alpn: ['echo'] })
      expect(socket.info).toMatchObject({ verdict: 'direct', connections: 2, tls: { serverName: innerName } })
      expect(relay.connections).toBe(2)
      await echoes(socket, sample(1000))
      await socket.close()
    })
  })

  interface World {
    readonly relay: CountingRelay
    dialer(options: Partial<DialerOptions>): ReturnType<Stage['dialer']>
  }

  /** A load balancer for the tests of one describe, behind a relay that counts its connections. */
  function setUp(
    start: (options: LoadBalancerOptions) => Promise<ServerProcess>,
    options: Partial<LoadBalancerOptions>,
  ): World {
    let balancer: ServerProcess
    let relay: CountingRelay
    beforeAll(async () => {
      balancer = await start({
        upstreamPort: stage.upgradePort,
        certificate: stage.lbCertificate,
        ...options,
      })
      relay = await startCountingRelay(balancer.port)
    })
    afterAll(async () => {
      await relay?.stop()
      await balancer?.stop()
    })
    return {
      get relay() {
        return relay
      },
      dialer: (more) => stage.dialer(relay.port, more),
    }
  }
})

async function outcome(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
    return 'fulfilled'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}
