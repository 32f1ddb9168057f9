// Every way into the gateway with clients we did not write: each upgrade type and the direct door, each carrying inner
// TLS by node:tls with a client certificate.
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import {
  closeAll,
  dialRaw,
  eventOf,
  innerTls,
  openWebSocket,
  outer,
  PingFramed,
  readAll,
  readExactly,
  request,
  startGateway,
  startService,
  upgradeLines,
  ways,
} from '../unit/gateway/clients.js'

afterEach(closeAll)

describe.each(ways)('over %s', (way) => {
  it('carries bytes both ways and passes both ends on', async () => {
    const service = await startService()
    const ports = await startGateway(service)
    const secure = await innerTls(await outer(way, ports))
    expect(secure.alpnProtocol).toBe('echo')
    const sent = Buffer.alloc(300_000, 'abcdefghij')
    secure.end(sent)
    expect((await readAll(secure)).equals(sent)).toBe(true)
    const closed = await eventOf(ports.events, 'closed')
    expect(closed).toMatchObject({
      route: 'echo',
      bytesFromClient: 300_000,
      bytesToClient: 300_000,
      error: undefined,
    })
  })

  it('names the client, the route and the protocol when it opens', async () => {
    const ports = await startGateway(await startService())
    await innerTls(await outer(way, ports))
    expect(await eventOf(ports.events, 'opened')).toMatchObject({
      door: way === 'direct' ? 'direct' : 'upgrade',
      framing: { websocket: 'websocket', alpn: 'raw', 'alpn-ping': 'ping', direct: 'raw' }[way],
      route: 'echo',
      alpn: 'echo',
      serverName: 'proxy.example.test',
      version: 'TLSv1.3',
      resumed: false,
      client: { commonName: 'alice' },
    })
  })

  it('goes on reading after the service has finished', async () => {
    const received: Buffer[] = []
    let end!: () => void
    const ended = new Promise<void>((resolve) => (end = resolve))
    const service = await startService((socket) => {
      socket.end('first and last')
      socket.on('data', (chunk) => received.push(chunk))
      socket.on('end', end)
    })
    const ports = await startGateway(service)
    const secure = await innerTls(await outer(way, ports))
    expect((await readToEnd(secure)).toString()).toBe('first and last')
    secure.write('still talking, ')
    secure.end('done')
    // The gateway may have told its end before the service has read it.
    await Promise.all([ended, eventOf(ports.events, 'closed')])
    expect(Buffer.concat(received).toString()).toBe('still talking, done')
  })

  it('frames a -ping protocol inside TLS and pings in it', async () => {
    const ports = await startGateway(await startService(), { pingInterval: 20 })
    const secure = await innerTls(await outer(way, ports), { ALPNProtocols: ['echo-ping', 'echo'] })
    expect(secure.alpnProtocol).toBe('echo-ping')
    const framed = new PingFramed(secure)
    await once(framed, 'ping')
    framed.write('through two framings')
    expect((await readExactly(framed, 20)).toString()).toBe('through two framings')
    secure.end()
    expect(await eventOf(ports.events, 'closed')).toMatchObject({ error: undefined })
  })

  it('speaks TLS 1.2 as well', async () => {
    const ports = await startGateway(await startService())
    const secure = await innerTls(await outer(way, ports), { maxVersion: 'TLSv1.2' })
    expect(secure.getProtocol()).toBe('TLSv1.2')
    secure.end('hello')
    expect((await readAll(secure)).toString()).toBe('hello')
  })
})

describe('the upgrade request', () => {
  const accepted: ReadonlyArray<[string, string[], string]> = [
    ['alpn', ['Upgrade: alpn', 'Connection: Upgrade'], 'alpn'],
    ['alpn-ping', ['Upgrade: alpn-ping', 'Connection: Upgrade'], 'alpn-ping'],
    ['without a Connection header', ['Upgrade: alpn'], 'alpn'],
    ['with a Connection header that says something else', ['Upgrade: alpn', 'Connection: close'], 'alpn'],
    ['several lines', ['Upgrade: alpn', 'Upgrade: alpn-ping', 'Connection: Upgrade'], 'alpn-ping'],
    ['one joined line', ['Upgrade: h2c, alpn, alpn-ping', 'Connection: Upgrade'], 'alpn-ping'],
    ['only X-Teleport-Upgrade', ['X-Teleport-Upgrade: alpn-ping'], 'alpn-ping'],
    ['both headers', ['Upgrade: alpn', 'X-Teleport-Upgrade: alpn', 'Connection: Upgrade'], 'alpn'],
  ]

  it.each(accepted)('is answered 101: %s', async (_, lines, type) => {
    const ports = await startGateway(await startService())
    const { head, socket } = await request(ports.upgrade, upgradeLines(...lines))
    expect(head.split('\r\n')).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'Connection: Upgrade',
      `Upgrade: ${type}`,
      `X-Teleport-Upgrade: ${type}`,
    ])
    const secure = await innerTls(type === 'alpn' ? socket : new PingFramed(socket))
    secure.end('x')
    expect((await readAll(secure)).toString()).toBe('x')
  })

  const webSocketHeaders = ['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13']

  it.each([
    ['two lines', ['Upgrade: websocket', 'Upgrade: alpn-ping', 'X-Teleport-Upgrade: alpn-ping']],
    ['two lines, the other first', ['Upgrade: alpn', 'Upgrade: websocket']],
    ['one joined line', ['Upgrade: websocket, alpn']],
  ])('prefers websocket: %s', async (_, lines) => {
    const ports = await startGateway(await startService())
    const { status, headers } = await request(
      ports.upgrade,
      upgradeLines(...lines, 'Connection: Upgrade', 'Sec-WebSocket-Protocol: alpn', ...webSocketHeaders),
    )
    expect(status).toBe(101)
    expect(headers).toMatchObject({
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-protocol': 'alpn',
      // RFC 6455 §1.3: the answer to the sample nonce.
      'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    })
    expect(headers).not.toHaveProperty('sec-websocket-extensions')
  })

  it('keeps the bytes glued behind it', async () => {
    const ports = await startGateway(await startService())
    const hello = await clientHelloBytes()
    const { status, socket } = await request(
      ports.upgrade,
      upgradeLines('Upgrade: alpn', 'Connection: Upgrade'),
      hello,
    )
    expect(status).toBe(101)
    // A ServerHello can only come if the ClientHello was kept.
    const answer = await readExactly(socket, 6)
    expect([answer[0], answer[5]]).toEqual([22, 2])
  })

  it('is refused, or keeps them, where Connection is missing and the client did not wait', async () => {
    const ports = await startGateway(await startService())
    const { status, socket } = await request(
      ports.upgrade,
      upgradeLines('Upgrade: alpn'),
      await clientHelloBytes(),
    )
    // From Node 26 on its parser decides alone where a request ends, and reads the ClientHello as another one.
    expect(status).toBe(Number.parseInt(process.versions.node, 10) < 26 ? 101 : 400)
    if (status === 101) expect((await readExactly(socket, 6))[5]).toBe(2)
  })

  it('may be the second request of a kept connection', async () => {
    const ports = await startGateway(await startService())
    const first = await request(ports.upgrade, ['GET /webapi/ping HTTP/1.1', 'Host: x'])
    expect(first.status).toBe(200)
    await readExactly(first.socket, Number(first.headers['content-length']))
    first.socket.write(`${upgradeLines('Upgrade: alpn').join('\r\n')}\r\n\r\n`)
    const answer = (await readExactly(first.socket, 12)).toString('latin1')
    expect(answer).toMatch(/^HTTP\/1\.1 101/)
  })
})

describe('the WebSocket', () => {
  it('is pinged with the payload that Teleport sends', async () => {
    const ports = await startGateway(await startService(), { pingInterval: 20 })
    const ws = openWebSocket(ports.upgrade, ['alpn-ping'])
    const [payload] = (await once(ws, 'ping')) as [Buffer]
    expect(payload.toString()).toBe('teleport')
    expect(ws.protocol).toBe('alpn-ping')
    expect(ws.extensions).toBe('')
  })

  it('survives many pings that are answered', async () => {
    const ports = await startGateway(await startService(), { pingInterval: 5 })
    const ws = openWebSocket(ports.upgrade)
    for (let i = 0; i < 10; i++) await once(ws, 'ping')
    expect(ws.readyState).toBe(ws.OPEN)
  })

  it('is dropped when pings stay unanswered', async () => {
    const ports = await startGateway(await startService(), { pingInterval: 10 })
    const ws = openWebSocket(ports.upgrade, ['alpn-ping'], { autoPong: false })
    await once(ws, 'close')
    const refused = await eventOf(ports.events, 'refused')
    expect(refused.error.code).toBe('ERR_PING_TIMEOUT')
  })

  it('takes text for a mistake', async () => {
    const ports = await startGateway(await startService())
    const ws = openWebSocket(ports.upgrade)
    await once(ws, 'open')
    ws.send('text')
    const [code] = await once(ws, 'close')
    expect(code).toBe(1003)
    expect((await eventOf(ports.events, 'refused')).error.code).toBe('ERR_WS_TEXT')
  })

  it('refuses a message over the limit', async () => {
    const ports = await startGateway(await startService(), { limits: { frame: 1_000 } })
    const ws = openWebSocket(ports.upgrade)
    await once(ws, 'open')
    ws.send(Buffer.alloc(1_001))
    const [code] = await once(ws, 'close')
    expect(code).toBe(1009)
    expect((await eventOf(ports.events, 'refused')).error.code).toBe('ERR_WS_TOO_LARGE')
  })

  it.each([[[]], [['chat']]])('is closed with 1003 when it offers the subprotocols %j', async (offered) => {
    const ports = await startGateway(await startService())
    const { status, headers, socket } = await request(
      ports.upgrade,
      upgradeLines(
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version: 13',
        ...offered.map((name) => `Sec-WebSocket-Protocol: ${name}`),
      ),
    )
    expect(status).toBe(101)
    expect(headers).not.toHaveProperty('sec-websocket-protocol')
    expect([...(await readExactly(socket, 4))]).toEqual([0x88, 2, 1003 >> 8, 1003 & 255])
  })
})

/** A real ClientHello, taken from node:tls. */
async function clientHelloBytes(): Promise<Buffer> {
  const service = await startService(() => {})
  const socket = await dialRaw(service.port)
  void innerTls(socket).catch(() => {})
  while (service.sockets.length === 0) await new Promise((resolve) => setImmediate(resolve))
  return readExactly(service.sockets[0]!, 100)
}

/** Until the peer's close_notify, without ending our own side. */
async function readToEnd(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk) => chunks.push(chunk))
  await once(stream, 'end')
  return Buffer.concat(chunks)
}
