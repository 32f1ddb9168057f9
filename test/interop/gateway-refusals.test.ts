// Who is turned away and how it looks from outside: HTTP statuses, TLS alerts, and what never happens, which is a
// connection to the service behind the route.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { createAuthority } from '../support/certificates.js'
import {
  bodyOf,
  closeAll,
  codeOf,
  credentials,
  dialRaw,
  eventOf,
  innerTls,
  openWebSocket,
  outer,
  readAll,
  readExactly,
  request,
  startGateway,
  startService,
  upgradeLines,
  ways,
} from '../unit/gateway/clients.js'

afterEach(closeAll)

describe('the HTTP door', () => {
  it.each([
    ['an unknown path', ['GET /other HTTP/1.1', 'Host: x', 'Upgrade: alpn'], 404, 'not found'],
    [
      'another method',
      ['POST /webapi/connectionupgrade HTTP/1.1', 'Host: x', 'Upgrade: alpn'],
      405,
      'only GET',
    ],
    ['another method for ping', ['POST /webapi/ping HTTP/1.1', 'Host: x'], 405, 'only GET'],
    ['no upgrade', upgradeLines(), 404, 'unsupported upgrade types'],
    [
      'an unknown upgrade',
      upgradeLines('Upgrade: h2c', 'Connection: Upgrade'),
      404,
      'unsupported upgrade types',
    ],
    [
      'HTTP/1.0',
      ['GET /webapi/connectionupgrade HTTP/1.0', 'Upgrade: alpn', 'Connection: Upgrade'],
      404,
      'unsupported upgrade types',
    ],
    [
      'a WebSocket without a key',
      upgradeLines('Upgrade: websocket', 'Connection: Upgrade'),
      400,
      'Sec-WebSocket-Key',
    ],
    [
      'another WebSocket version',
      upgradeLines(
        'Upgrade: websocket',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version: 8.5',
      ),
      400,
      'Sec-WebSocket-Version',
    ],
    ['no HTTP', ['hello'], 400, 'Bad Request'],
    ['a head over the limit', upgradeLines(`X-Filler: ${'x'.repeat(20_000)}`), 431, 'Too Large'],
  ])('refuses %s', async (_, lines, status, message) => {
    const ports = await startGateway(await startService())
    const answer = await request(ports.upgrade, lines)
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toBe('application/json')
    const { error } = JSON.parse(await bodyOf(answer.socket)) as { error: { message: string } }
    expect(error.message).toContain(message)
    const refused = await eventOf(ports.events, 'refused')
    expect(refused).toMatchObject({ door: 'upgrade', address: '127.0.0.1' })
    expect(refused.error.code).toBe('ERR_GATEWAY_UPGRADE')
    if (status === 405) expect(answer.headers.allow).toBe('GET')
  })

  it('answers ping with what it can do', async () => {
    const ports = await startGateway(await startService())
    const answer = await request(ports.upgrade, ['GET /webapi/ping HTTP/1.1', 'Host: x', 'Connection: close'])
    expect(answer.status).toBe(200)
    expect(JSON.parse(await bodyOf(answer.socket))).toMatchObject({
      name: 'underpass',
      proxy: { tls_routing_enabled: true },
      upgrade: {
        path: '/webapi/connectionupgrade',
        types: ['websocket', 'alpn-ping', 'alpn'],
        subprotocols: ['alpn-ping', 'alpn'],
      },
    })
  })

  it('gives up on a request head that dribbles in', async () => {
    const ports = await startGateway(await startService(), { timeouts: { request: 100 } })
    const socket = await dialRaw(ports.upgrade)
    socket.write('GET /webapi/connectionupgrade HTTP/1.1\r\nHost:')
    expect(await bodyOf(socket)).toMatch(/^HTTP\/1\.1 408 /)
    expect((await eventOf(ports.events, 'refused')).error.code).toBe('ERR_GATEWAY_UPGRADE')
  })

  it('gives up on a connection that says nothing', async () => {
    const ports = await startGateway(await startService(), { timeouts: { request: 100 } })
    await bodyOf(await dialRaw(ports.upgrade))
    expect(ports.events.filter(({ type }) => type === 'opened')).toEqual([])
  })
})

describe.each(ways)('inner TLS over %s', (way) => {
  it('sends alert 120 when no route has the protocol', async () => {
    const service = await startService()
    const ports = await startGateway(service)
    const stream = await outer(way, ports)
    expect(await codeOf(innerTls(stream, { ALPNProtocols: ['other', 'more'] }))).toBe(
      'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    )
    const refused = await eventOf(ports.events, 'refused')
    expect(refused).toMatchObject({ alpn: ['other', 'more'], serverName: 'proxy.example.test' })
    expect(refused.error.code).toBe('ERR_GATEWAY_NO_ROUTE')
    expect(service.count()).toBe(0)
  })

  it('requires a client certificate', async () => {
    const service = await startService()
    const ports = await startGateway(service)
    const secure = await innerTls(await outer(way, ports), { cert: undefined, key: undefined })
    const [error] = (await errorOf(secure)) as [Error & { code: string }]
    // RFC 8446 §4.4.2.4: certificate_required (116), after the client's handshake is done.
    expect(error.code).toBe('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')
    const refused = await eventOf(ports.events, 'refused')
    expect(refused.error.code).toBe('ERR_GATEWAY_DENIED')
    expect(refused.route).toBe('echo')
    expect(service.count()).toBe(0)
  })

  it('refuses a certificate of another authority', async () => {
    const { mallory } = await credentials()
    const service = await startService()
    const ports = await startGateway(service)
    const secure = await innerTls(await outer(way, ports), mallory)
    await readAll(secure)
    const refused = await eventOf(ports.events, 'refused')
    expect(refused.error.code).toBe('ERR_GATEWAY_DENIED')
    expect(refused.error.message).toContain('UNABLE_TO')
    expect(service.count()).toBe(0)
  })

  it('gives up on a ClientHello that does not come', async () => {
    const ports = await startGateway(await startService(), { timeouts: { handshake: 50 } })
    const stream = await outer(way, ports)
    stream.write(Buffer.of(22, 3))
    stream.resume()
    const refused = await eventOf(ports.events, 'refused')
    expect(refused.error).toMatchObject({ code: 'ERR_TIMEOUT', phase: 'handshake' })
  })

  it('drops the client when the service is down', async () => {
    const service = await startService()
    const ports = await startGateway({ port: await closedPort() })
    const secure = await innerTls(await outer(way, ports))
    await readAll(secure)
    const refused = await eventOf(ports.events, 'refused')
    expect(refused.error.code).toBe('ERR_GATEWAY_CONNECT')
    expect(service.count()).toBe(0)
  })
})

describe('the policy of a route', () => {
  it('admits only the clients it allows', async () => {
    const { clientCa } = await credentials()
    const service = await startService()
    const route = { name: 'echo', alpn: 'echo', connect: { port: service.port } }
    const ports = await startGateway(service, {
      routes: [
        { ...route, client: { trust: clientCa, allow: [{ commonName: 'bob' }, { dns: /b.*/ }] } },
        {
          ...route,
          name: 'echo 2',
          alpn: 'echo-2',
          client: { trust: clientCa, allow: [{ commonName: 'alice' }] },
        },
      ],
    })
    const denied = await innerTls(await outer('alpn', ports))
    await readAll(denied)
    expect((await eventOf(ports.events, 'refused')).error.code).toBe('ERR_GATEWAY_DENIED')
    expect(service.count()).toBe(0)
    const admitted = await innerTls(await outer('alpn', ports), { ALPNProtocols: ['echo-2'] })
    admitted.end('hello')
    expect((await readAll(admitted)).toString()).toBe('hello')
  })

  it('lets no session of one route in at another', async () => {
    const { clientCa } = await credentials()
    const otherCa = await createAuthority()
    const service = await startService()
    const route = { connect: { port: service.port } }
    const ports = await startGateway(service, {
      routes: [
        { ...route, name: 'echo', alpn: 'echo', client: { trust: clientCa } },
        { ...route, name: 'strict', alpn: 'strict', client: { trust: otherCa.certificate } },
      ],
    })
    const first = await innerTls(await outer('alpn', ports))
    const session = once(first, 'session')
    first.write('x')
    const [ticket] = (await session) as [Buffer]
    const again = await innerTls(await outer('alpn', ports), { session: ticket })
    expect(again.isSessionReused()).toBe(true)
    again.end('y')
    expect((await readAll(again)).toString()).toBe('y')
    const across = await innerTls(await outer('alpn', ports), { session: ticket, ALPNProtocols: ['strict'] })
    expect(across.isSessionReused()).toBe(false)
    await readAll(across)
    expect((await eventOf(ports.events, 'refused')).error.code).toBe('ERR_GATEWAY_DENIED')
  })

  it('lets anyone in where the route says so in words', async () => {
    const service = await startService()
    const ports = await startGateway(service, {
      routes: [
        {
          name: 'open',
          alpn: 'echo',
          connect: { port: service.port },
          client: 'anyone-without-a-certificate',
        },
      ],
    })
    const secure = await innerTls(await outer('direct', ports), { cert: undefined, key: undefined })
    secure.end('hello')
    expect((await readAll(secure)).toString()).toBe('hello')
    expect((await eventOf(ports.events, 'opened')).client).toBeUndefined()
  })

  it('refuses a server name that no route has with alert 112', async () => {
    const { clientCa } = await credentials()
    const service = await startService()
    const ports = await startGateway(service, {
      routes: [
        {
          name: 'echo',
          alpn: 'echo',
          serverName: ['proxy.example.test', '*.apps.example.test'],
          connect: { port: service.port },
          client: { trust: clientCa },
        },
      ],
    })
    const stream = await outer('direct', ports)
    expect(await codeOf(innerTls(stream, { servername: 'a.b.apps.example.test' }))).toBe(
      'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
    )
    expect((await eventOf(ports.events, 'refused')).error).toMatchObject({
      code: 'ERR_GATEWAY_NO_ROUTE',
      alert: 'unrecognized_name',
    })
  })

  it('shows the identity of the server name', async () => {
    const authority = await createAuthority()
    const special = await authority.issue({ names: ['special.example.test'], usage: 'server' })
    const ports = await startGateway(await startService(), {
      identities: { '*.example.test': { certificate: special.chain, privateKey: special.privateKey } },
    })
    const secure = await innerTls(await outer('direct', ports), {
      servername: 'special.example.test',
      ca: authority.certificate,
    })
    expect(secure.getPeerCertificate().subject.CN).toBe('special.example.test')
  })

  it('answers what is no TLS with alert 70', async () => {
    const ports = await startGateway(await startService())
    const socket = await dialRaw(ports.direct)
    socket.write('GET / HTTP/1.1\r\n\r\n')
    expect([...(await readExactly(socket, 7))]).toEqual([21, 3, 3, 0, 2, 2, 70])
    expect((await eventOf(ports.events, 'refused')).error.code).toBe('ERR_TLS_NOT_TLS')
  })
})

describe('the limits', () => {
  it('drop who has waited longest over the total', async () => {
    const ports = await startGateway(await startService(), { limits: { connections: 2 } })
    const waiting = await dialRaw(ports.upgrade)
    const halfOpen = await dialRaw(ports.direct)
    await until(() => ports.gateway.stats().tunnels === 1 && ports.gateway.stats().connections === 2)
    const honest = await innerTls(await outer('direct', ports))
    await until(() => ports.gateway.stats().halfOpen === 1)
    expect(await bodyOf(waiting)).toBe('')
    const second = await innerTls(await outer('direct', ports))
    expect(await bodyOf(halfOpen)).toBe('')
    await until(() => ports.gateway.stats().halfOpen === 0 && ports.gateway.stats().connections === 2)
    const refused = ports.events.filter((event) => event.type === 'refused')
    expect(refused.map(({ error }) => error.code)).toEqual(['ERR_GATEWAY_LIMIT', 'ERR_GATEWAY_LIMIT'])
    // Both places are taken by tunnels in use: nobody makes room for a third.
    expect(await bodyOf(await dialRaw(ports.direct))).toBe('')
    for (const secure of [honest, second]) {
      secure.end('x')
      expect((await readAll(secure)).toString()).toBe('x')
    }
  })

  it('drop the oldest of too many handshakes', async () => {
    const ports = await startGateway(await startService(), { limits: { halfOpen: 1 } })
    const slow = await dialRaw(ports.direct)
    await until(() => ports.gateway.stats().halfOpen === 1)
    const secure = await innerTls(await outer('websocket', ports))
    expect(await bodyOf(slow)).toBe('')
    expect((await eventOf(ports.events, 'refused')).error).toMatchObject({ code: 'ERR_GATEWAY_LIMIT' })
    await until(() => ports.gateway.stats().halfOpen === 0)
    secure.end('x')
    expect((await readAll(secure)).toString()).toBe('x')
  })

  it('turn away tunnels over what an address may have', async () => {
    const ports = await startGateway(await startService(), {
      listen: { upgrade: { port: 0, forwardedFor: true } },
      limits: { connectionsPerAddress: 1 },
    })
    const from = (address: string) =>
      request(ports.upgrade, upgradeLines('Upgrade: alpn', `X-Forwarded-For: 203.0.113.9, ${address}`))
    const first = await from('192.0.2.1')
    expect(first.status).toBe(101)
    expect((await from('192.0.2.1')).status).toBe(503)
    expect((await from('[2001:db8::1]:4711')).status).toBe(101)
    const refused = await eventOf(ports.events, 'refused')
    expect(refused).toMatchObject({ address: '192.0.2.1' })
    expect(refused.error.code).toBe('ERR_GATEWAY_LIMIT')
    first.socket.destroy()
    await until(() => ports.events.filter(({ type }) => type === 'refused').length === 2)
    expect((await from('192.0.2.1')).status).toBe(101)
  })

  it('bound the ClientHello', async () => {
    const ports = await startGateway(await startService(), { limits: { clientHello: 2_000 } })
    const socket = await dialRaw(ports.direct)
    socket.write(Buffer.concat([Buffer.of(22, 3, 1, 0x10, 0), Buffer.alloc(4_000, 1)]))
    await bodyOf(socket)
    expect((await eventOf(ports.events, 'refused')).error.code).toBe('ERR_GATEWAY_LIMIT')
  })

  it('do not let a WebSocket in without its goodbye', async () => {
    const ports = await startGateway(await startService())
    const ws = openWebSocket(ports.upgrade)
    await once(ws, 'open')
    ws.send(Buffer.from('no TLS at all'))
    const [code] = await once(ws, 'close')
    expect(code).toBe(1008)
  })
})

function errorOf(secure: TLSSocket): Promise<unknown[]> {
  secure.resume()
  return once(secure, 'error')
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}
