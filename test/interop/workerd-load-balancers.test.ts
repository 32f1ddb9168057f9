// A Worker through real load balancers to the gateway, over raw TCP with an outer TLS of ours and of the runtime, and by
// fetch(): every framing, what is on the wire, bulk, a reader that stops, and what an abort frees.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type CapturingRelay, startCapturingRelay } from '../support/capturing-relay.js'
import { startControl } from '../support/control.js'
import { describePeer } from '../support/peers.js'
import { type ServerProcess, startHaproxy, startNginx } from '../support/servers/index.js'
import { type Service, startCounter, startEcho } from '../support/services.js'
import { createStage, innerName, type Stage } from '../support/stage.js'
import { bundleModule, fetchByMiniflare, startWorkerd, type Workerd } from '../support/workerd.js'
import { type Flood, startFlood } from './workerd-flood.js'
import { assertTunnelFrames, headOf } from './workerd-wire.js'
import type { Ask, Told } from './workerd-worker.js'

// A machine that others use too is slow with bulk and bundling.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

const module = join(import.meta.dirname, 'workerd-worker.ts')
const mebibyte = 1024 * 1024
const bulk = 16 * mebibyte
const framings = { websocket: 'websocket', 'alpn-ping': 'ping', alpn: 'raw' } as const

let stage: Stage
let echo: Service
let counter: Service
let flood: Flood
let worker: Workerd
let identity: { certificate: string; privateKey: string }

beforeAll(async () => {
  ;[echo, counter, flood] = await Promise.all([startEcho(), startCounter(), startFlood(64 * mebibyte)])
  stage = await createStage({ echo: echo.port, counter: counter.port, flood: flood.port })
  const { chain, privateKey } = await stage.users.issue({ commonName: 'alice', usage: 'client' })
  identity = { certificate: chain, privateKey }
  worker = await startWorkerd({ script: await bundleModule(module), authorities: stage.web.certificate })
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await stage?.[Symbol.asyncDispose]()
  await Promise.all([echo, counter, flood].map((service) => service?.stop()))
})

/** As `stage.dialer`, inside the Worker. */
function tell(port: number, ask: Partial<Ask>, dialer: Partial<Ask['dialer']> = {}): Promise<Told> {
  return worker.call<Told>({
    act: 'echo',
    size: 1000,
    ...ask,
    dialer: {
      origin: `https://localhost:${port}`,
      originTrust: stage.web.certificate,
      trust: stage.host.certificate,
      identity,
      serverName: innerName,
      alpn: ['echo'],
      ...dialer,
    },
  })
}

for (const [peer, start] of [
  ['haproxy', startHaproxy],
  ['nginx', startNginx],
] as const) {
  describePeer(peer, `a Worker through ${peer}`, () => {
    let balancer: ServerProcess
    let relay: CapturingRelay
    beforeAll(async () => {
      relay = await startCapturingRelay(stage.upgradePort)
      balancer = await start({ upstreamPort: relay.port, certificate: stage.lbCertificate })
    })
    afterAll(async () => {
      await balancer?.stop()
      await relay?.[Symbol.asyncDispose]()
    })

    it.each(['websocket', 'alpn-ping', 'alpn'] as const)('carries 16 MiB both ways as %s', async (mode) => {
      const before = relay.captures.length
      const told = await tell(balancer.port, { size: bulk }, { mode, transport: 'tcp' })
      expect(told.error).toBeUndefined()
      expect(told).toMatchObject({
        bytes: bulk,
        info: {
          verdict: 'upgrade',
          framing: framings[mode],
          connections: 1,
          tls: { version: 'TLSv1.3', alpn: 'echo', serverName: innerName, clientCertificate: true },
          outerTls: { clientCertificate: false },
        },
      })
      const capture = relay.captures[before]!
      const head = headOf(capture.sent())
      expect(head.fields('upgrade')).toEqual([mode])
      expect(head.fields('sec-websocket-protocol')).toEqual(mode === 'websocket' ? ['alpn-ping'] : [])
      expect(head.fields('sec-websocket-extensions')).toEqual([])
      if (mode === 'websocket') assertTunnelFrames(head.rest, { least: bulk })
    })

    it('finds out that it must upgrade, and knows it in the next request', async () => {
      const first = await tell(balancer.port, {})
      expect(first.info).toMatchObject({ verdict: 'upgrade', framing: 'websocket' })
      expect(first.steps).toContain('verdict')
      const second = await tell(balancer.port, {})
      expect(second.info?.connections).toBe(1)
      expect(second.info?.evidence[0]).toMatch(/^remembered: upgrade/)
    })

    it.each(['tcp', 'fetch'] as const)(
      'by %s the platform vouches for the load balancer',
      async (transport) => {
        const before = relay.captures.length
        const told = await tell(
          balancer.port,
          { size: mebibyte },
          { originTrust: undefined as never, transport },
        )
        expect(told.error).toBeUndefined()
        expect(told.info).toMatchObject({
          framing: 'websocket',
          connections: 1,
          tls: { clientCertificate: true },
        })
        expect(told.info?.outerTls).toBeUndefined()
        expect(told.info?.evidence[0]).toMatch(/no ALPN|cannot see ALPN/)
        const head = headOf(relay.captures[before]!.sent())
        expect(head.fields('sec-websocket-protocol')).toEqual(['alpn-ping'])
        assertTunnelFrames(head.rest, { least: mebibyte })
      },
    )

    it.each(['tcp', 'fetch'] as const)('half-closes inside the tunnel over %s', async (transport) => {
      const ask = { act: 'count', size: 100_000 } as const
      const told = await tell(balancer.port, ask, {
        alpn: ['counter'],
        originTrust: undefined as never,
        transport,
      })
      expect(told.text).toBe('100000 bytes')
    })

    it('stops reading when its application does', async () => {
      await using control = await startControl()
      const ask = { act: 'slow', control: control.url } as const
      const telling = tell(balancer.port, ask, { alpn: ['flood'], mode: 'websocket', transport: 'tcp' })
      await control.asked('read')
      // Kernels, load balancer and gateway hold some megabytes; a client that read on would hold the rest.
      expect(await flood.stalled()).toBeLessThan(40 * mebibyte)
      control.release('read')
      const told = await telling
      expect(told).toMatchObject({ bytes: flood.size, digest: flood.digest })
    })
  })
}

describe('a Worker whose load balancer the platform does not know', () => {
  it('is told nothing better than that it does not open', async () => {
    const certificate = await stage.host.issue({ names: ['localhost'] })
    await using balancer = await startTlsEnd({ cert: certificate.chain, key: certificate.privateKey })
    const told = await tell(balancer.port, {}, { originTrust: undefined as never })
    expect(told.error?.code).toBe('ERR_DIAL_FAILED')
    expect(told.steps).toContain('transport')
  })
})

describe('where connect() opens nothing', () => {
  it('goes by fetch(), and remembers', async () => {
    // As at the edge for addresses of its own: sockets are refused, requests are not.
    await using elsewhere = await startWorkerd({
      script: await bundleModule(module),
      outbound: fetchByMiniflare(),
    })
    const ask = {
      act: 'echo',
      size: mebibyte,
      dialer: {
        origin: `http://127.0.0.1:${stage.upgradePort}`,
        trust: stage.host.certificate,
        identity,
        serverName: innerName,
        alpn: ['echo'],
      },
    } as const
    const first = await elsewhere.call<Told>(ask)
    expect(first.error).toBeUndefined()
    expect(first.info).toMatchObject({
      framing: 'websocket',
      connections: 2,
      tls: { clientCertificate: true },
    })
    expect(first.info?.evidence.join()).toMatch(/raw TCP does not open/)
    const second = await elsewhere.call<Told>(ask)
    expect(second.info).toMatchObject({ framing: 'websocket', connections: 1 })
    expect(second.info?.evidence[0]).toMatch(/^remembered: raw TCP does not open/)
    const { error } = await elsewhere.call<Told>({ ...ask, dialer: { ...ask.dialer, transport: 'tcp' } })
    expect(error?.code).toBe('ERR_DIAL_FAILED')
  })
})

describe('an abort frees the socket while the request lives on', () => {
  it.each([
    ['in the outer handshake', 'https', ''],
    ['before the 101', 'http', ''],
    [
      'in the inner handshake',
      'http',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: alpn\r\nConnection: Upgrade\r\n\r\n',
    ],
  ])('%s', async (_, scheme, answer) => {
    await using control = await startControl()
    await using silent = await startSilent(answer)
    const telling = tell(
      silent.port,
      { act: 'abort', control: control.url },
      { origin: `${scheme}://127.0.0.1:${silent.port}`, mode: 'alpn', transport: 'tcp' },
    )
    await Promise.all([silent.spoken, control.asked('abort')])
    control.release('abort')
    await Promise.all([silent.freed, control.asked('freed')])
    control.release('freed')
    expect((await telling).text).toBe('ERR_ABORTED')
  })

  it('and closing the dialer frees an open tunnel', async () => {
    await using control = await startControl()
    const before = stage.events.length
    const telling = tell(
      stage.upgradePort,
      { act: 'hold', control: control.url },
      {
        origin: `http://127.0.0.1:${stage.upgradePort}`,
        transport: 'tcp',
      },
    )
    await control.asked('close')
    control.release('close')
    await control.asked('freed')
    const types = () => stage.events.slice(before).map(({ type }) => type)
    await expect.poll(types, { timeout: 10_000 }).toContain('closed')
    control.release('freed')
    await telling
  })
})

interface Silent extends AsyncDisposable {
  readonly port: number
  /** It was sent something. */
  readonly spoken: Promise<unknown>
  /** Its client is gone. */
  readonly freed: Promise<unknown>
}

/** Answers the first bytes with these, and then nothing ever. */
async function startSilent(answer: string): Promise<Silent> {
  let spoke = () => {}
  let free = () => {}
  const spoken = new Promise<void>((resolve) => {
    spoke = resolve
  })
  const freed = new Promise<void>((resolve) => {
    free = resolve
  })
  // The ClientHello that follows a 101 is what is not answered then.
  const unanswered = answer === '' ? 1 : 2
  let chunks = 0
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('close', free)
    socket.on('data', () => {
      if (++chunks === 1 && answer !== '') socket.write(answer)
      if (chunks === unanswered) spoke()
    })
  })
  return { ...(await listening(server)), spoken, freed }
}

/** Ends TLS and answers nothing. */
async function startTlsEnd(options: TlsOptions): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createTlsServer(options)
  server.on('tlsClientError', () => {})
  return listening(server)
}

async function listening(server: Server): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
