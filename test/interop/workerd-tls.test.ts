// A Worker's raw TCP to TLS servers of other people: mutual TLS by our client over the socket that workerd gives, with and
// without nodejs_compat, and what the socket itself has to be.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Authority, createAuthority, type Issued } from '../support/certificates.js'
import { describePeer } from '../support/peers.js'
import { startGnutlsServer } from '../support/servers/gnutls.js'
import { startSelfserv } from '../support/servers/nss.js'
import { startOpensslServer } from '../support/servers/openssl.js'
import type { ServerProcess } from '../support/servers/process.js'
import type { TlsSite } from '../support/servers/tls-site.js'
import { bundleModule, startWorkerd, type Workerd } from '../support/workerd.js'
import type { Ask, Told } from './workerd-worker.js'

// A machine that others use too is slow with bulk and bundling.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

const module = join(import.meta.dirname, 'workerd-worker.ts')
const versions = ['TLSv1.3', 'TLSv1.2'] as const

let authority: Authority
let certificate: Issued
let alice: Issued
const workers: Workerd[] = []

beforeAll(async () => {
  authority = await createAuthority()
  certificate = await authority.issue({ names: ['localhost'] })
  alice = await authority.issue({ commonName: 'alice', usage: 'client' })
  const script = await bundleModule(module)
  workers.push(await startWorkerd({ script }), await startWorkerd({ script, nodejsCompat: true }))
})

afterAll(async () => {
  for (const worker of workers) await worker[Symbol.asyncDispose]()
})

const runtimes = [
  ['workerd', 0],
  ['workerd with nodejs_compat', 1],
] as const

function tell(runtime: 0 | 1, ask: Partial<Ask> & { readonly port: number }): Promise<Told> {
  const { port, ...rest } = ask
  const dialer = {
    origin: `https://localhost:${port}`,
    originTrust: authority.certificate,
    trust: authority.certificate,
    identity: { certificate: alice.chain, privateKey: alice.privateKey },
    alpn: ['app'],
    ...rest.dialer,
  }
  return workers[runtime]!.call<Told>({ act: 'tls', ...rest, dialer })
}

function site(version: TlsSite['version']): TlsSite {
  return { name: 'site', certificate, key: 'ecdsa-p256', version, clientAuthorities: authority.certificate }
}

describePeer('openssl', 'openssl s_server', () => {
  describe.each(versions)('%s', (version) => {
    it.each(runtimes)('is mutual in %s', async (_, runtime) => {
      await using server = await startOpensslServer({
        certificate,
        clientAuthority: authority,
        behaviour: 'echo',
        args: [version === 'TLSv1.3' ? '-tls1_3' : '-tls1_2'],
      })
      const told = await tell(runtime, { port: server.port, text: 'drawer\n', answer: 7 })
      expect(told).toMatchObject({ text: 'reward\n', digest: `${version} true true` })
      await server.waitForLog(/CN = alice/)
    })
  })

  it('is found to be the server itself by its ALPN, on one connection', async () => {
    await using server = await startOpensslServer({
      certificate,
      clientAuthority: authority,
      behaviour: 'status',
      alpn: ['app'],
    })
    const told = await tell(0, { act: 'detect', port: server.port })
    expect(told).toMatchObject({ text: 'direct', bytes: 1 })
    expect(told.steps).toContain('tcp')
  })

  it('that wants another client is named', async () => {
    const stranger = await createAuthority()
    await using server = await startOpensslServer({ certificate, clientAuthority: stranger })
    const { error } = await tell(0, { port: server.port, text: 'x\n', answer: 1 })
    expect(error?.code).toMatch(/^ERR_TLS_ALERT/)
  })
})

describePeer('gnutls', 'gnutls-serv', () => {
  serves(
    (version) => startGnutlsServer(site(version)),
    /Subject: CN=alice/,
    { text: 'hello\n', answer: 6 },
    /^hello\n$/,
  )
})

describePeer(['nss', 'openssl'], 'selfserv of NSS', () => {
  // It closes behind its answer.
  const ask = { text: 'GET / HTTP/1.0\r\n\r\n' }
  serves((version) => startSelfserv(site(version)), /subject DN: CN=alice/, ask, /^HTTP\/1\.0 200/)
})

function serves(
  start: (version: TlsSite['version']) => Promise<ServerProcess>,
  seen: RegExp,
  ask: Partial<Ask>,
  answer: RegExp,
): void {
  describe.each(versions)('%s', (version) => {
    it.each(runtimes)('is mutual in %s', async (_, runtime) => {
      await using server = await start(version)
      const told = await tell(runtime, { port: server.port, ...ask })
      expect(told).toMatchObject({
        text: expect.stringMatching(answer),
        digest: `${version} true true`,
      })
      await server.waitForLog(seen)
    })
  })
}

describe('the socket', () => {
  it.each(runtimes)('half-closes, and reads what comes after, in %s', async (_, runtime) => {
    await using service = await listen((socket) => {
      let bytes = 0
      socket.on('data', (chunk) => {
        bytes += chunk.length
      })
      socket.on('end', () => socket.end(`${bytes} bytes`))
    })
    const told = await tell(runtime, {
      act: 'wire',
      text: 'x'.repeat(300_000),
      half: true,
      ...http(service.port),
    })
    expect(told.text).toBe('300000 bytes')
  })

  it('tells a reset from an end', async () => {
    await using ending = await listen((socket) => socket.once('data', () => socket.end('bye')))
    await using resetting = await listen((socket) => socket.once('data', () => socket.resetAndDestroy()))
    expect(await tell(0, { act: 'wire', text: 'x', ...http(ending.port) })).toMatchObject({ text: 'bye' })
    const { error } = await tell(0, { act: 'wire', text: 'x', ...http(resetting.port) })
    expect(error?.code).toBe('ERR_STREAM_RESET')
  })

  it('that does not open is named', async () => {
    const service = await listen(() => {})
    await service[Symbol.asyncDispose]()
    const { error } = await tell(0, { act: 'wire', ...http(service.port) })
    expect(error).toMatchObject({ code: 'ERR_DIAL_FAILED', phase: 'dial' })
  })

  it('opens to IPv6 literals', async () => {
    await using service = await listen((socket) => socket.end('six'), '::1')
    const told = await tell(0, {
      act: 'wire',
      port: 0,
      dialer: { origin: `http://[::1]:${service.port}` } as never,
    })
    expect(told.text).toBe('six')
  })

  it('reads an answer that is not TLS as it comes', async () => {
    await using service = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const { error } = await tell(0, { port: service.port })
    expect(error?.code).toBe('ERR_TLS_NOT_TLS')
  })
})

function http(port: number): { port: number; dialer: Ask['dialer'] } {
  return { port, dialer: { origin: `http://127.0.0.1:${port}` } as Ask['dialer'] }
}

async function listen(
  serve: (socket: Socket) => void,
  host = '127.0.0.1',
): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  server.listen(0, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      if (server.listening) {
        server.close()
        await once(server, 'close')
      }
    },
  }
}
