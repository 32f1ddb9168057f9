// The ways from a route to its service: TLS forwarded whole, HTTP with headers that say who asks, and the PROXY protocol,
// read by a real HAProxy. And the routes by prefix that such services need.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { Route } from '../../src/gateway/index.js'
import { temporaryFolder } from '../support/files.js'
import { describePeer, requireProgram } from '../support/peers.js'
import { freePort, startProcess } from '../support/servers/index.js'
import {
  closeAll,
  codeOf,
  credentials,
  eventOf,
  innerTls,
  onClose,
  outer,
  readAll,
  startGateway,
  startService,
  ways,
} from '../unit/gateway/clients.js'

afterEach(closeAll)

async function gatewayWith(routes: readonly Route[]) {
  return startGateway({ port: 1 }, { routes })
}

describe.each(ways)('a route that forwards TLS, over %s', (way) => {
  it('passes every byte on: the service shows its certificate and asks for the client’s', async () => {
    const { server, clientCa } = await credentials()
    let resolve!: (text: string) => void
    const seen = new Promise<string>((settle) => {
      resolve = settle
    })
    const service = createTlsServer(
      {
        cert: server.certificate,
        key: server.privateKey,
        ca: clientCa,
        requestCert: true,
        ALPNProtocols: ['teleport-auth@a.b'],
      },
      (secure: TLSSocket) => {
        secure.on('error', () => {})
        resolve(`${secure.alpnProtocol} ${secure.servername} ${secure.getPeerCertificate().subject.CN}`)
        secure.pipe(secure)
      },
    ).listen(0, '127.0.0.1')
    onClose(() => service.close())
    await once(service, 'listening')
    const ports = await gatewayWith([
      {
        name: 'auth',
        alpn: 'teleport-auth@*',
        tls: 'forward',
        connect: { port: (service.address() as AddressInfo).port },
        client: 'left-to-the-service',
      },
    ])
    const secure = await innerTls(await outer(way, ports), { ALPNProtocols: ['teleport-auth@a.b'] })
    secure.end('all of it')
    expect((await readAll(secure)).toString()).toBe('all of it')
    expect(await seen).toBe('teleport-auth@a.b proxy.example.test alice')
    expect(await eventOf(ports.events, 'opened')).toMatchObject({
      route: 'auth',
      version: 'forwarded',
      client: undefined,
      serverName: 'proxy.example.test',
    })
    expect((await eventOf(ports.events, 'closed')).error).toBeUndefined()
  })
})

describe('routes by pattern', () => {
  it('let the server name of a purpose win over its protocol, and the longer prefix over the shorter', async () => {
    const { clientCa } = await credentials()
    const say = async (text: string) => ({ port: (await startService((socket) => socket.end(text))).port })
    const client = { trust: clientCa }
    const ports = await gatewayWith([
      { name: 'any', alpn: 'x*', connect: await say('any'), client },
      { name: 'longer', alpn: 'x-long*', connect: await say('longer'), client },
      { name: 'exact', alpn: 'x-longest', connect: await say('exact'), client },
      { name: 'kube', alpn: '*', serverName: 'kube.*', connect: await say('kube'), client },
    ])
    const reach = async (alpn: string, servername = 'proxy.example.test') => {
      const options = { ALPNProtocols: [alpn], servername, checkServerIdentity: () => undefined }
      return (await readAll(await innerTls(await outer('direct', ports), options))).toString()
    }
    expect(await reach('x-y')).toBe('any')
    expect(await reach('x-long-y')).toBe('longer')
    expect(await reach('x-longest')).toBe('exact')
    expect(await reach('x-longest', 'kube.proxy.example.test')).toBe('kube')
    expect(await reach('h2', 'kube.proxy.example.test')).toBe('kube')
    expect(await codeOf(reach('h2'))).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME')
  })

  it('admit the pinned key and no other of the same authority', async () => {
    const { clientCa, alice } = await credentials()
    const { X509Certificate } = await import('node:crypto')
    const spki = new X509Certificate(alice.cert).publicKey.export({ type: 'spki', format: 'der' })
    const hash = createHash('sha256').update(spki)
    const pin = hash.copy().digest('base64')
    const other = hash.update('x').digest('hex')
    const service = await startService()
    const route = { connect: { port: service.port } }
    const ports = await gatewayWith([
      { ...route, name: 'hers', alpn: 'hers', client: { trust: clientCa, pins: [other, `sha256/${pin}`] } },
      { ...route, name: 'not', alpn: 'not', client: { trust: clientCa, pins: [other] } },
    ])
    const secure = await innerTls(await outer('direct', ports), { ALPNProtocols: ['hers'] })
    secure.end('x')
    expect((await readAll(secure)).toString()).toBe('x')
    await readAll(await innerTls(await outer('direct', ports), { ALPNProtocols: ['not'] }))
    expect((await eventOf(ports.events, 'refused')).error).toMatchObject({
      code: 'ERR_GATEWAY_DENIED',
      detail: expect.stringContaining('pins'),
    })
  })
})

describe('a service that is HTTP', () => {
  async function startWeb(serve: (request: IncomingMessage, response: ServerResponse) => void) {
    const server = createHttpServer(serve).listen(0, '127.0.0.1')
    onClose(() => {
      server.close()
      server.closeAllConnections()
    })
    await once(server, 'listening')
    return { server, port: (server.address() as AddressInfo).port }
  }

  async function behind(port: number, http: Exclude<Route['connect']['http'], undefined> = true) {
    const { clientCa } = await credentials()
    return gatewayWith([
      { name: 'web', alpn: 'http/1.1', connect: { port, http }, client: { trust: clientCa } },
    ])
  }

  async function ask(ports: { upgrade: number; direct: number }, lines: readonly string[], body = '') {
    const secure = await innerTls(await outer('websocket', ports), { ALPNProtocols: ['http/1.1'] })
    secure.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`)
    return (await readAll(secure)).toString()
  }

  it('hears who asks from the gateway alone', async () => {
    const { port } = await startWeb((request, response) => response.end(JSON.stringify(request.headers)))
    const ports = await behind(port, {
      identityHeaders: ['x-forwarded-for', 'forwarded', 'x-forwarded-client-cert', 'client-cert'],
    })
    const answer = await ask(ports, [
      'GET / HTTP/1.1',
      'Host: app.example.test',
      'X-Forwarded-For: 203.0.113.7',
      'x_forwarded_for: 203.0.113.7',
      'X-Forwarded-Client-Cert: Hash=00;Subject="CN=root"',
      'Client-Cert: :AAAA:',
      'Forwarded: for=203.0.113.7',
      'X-Real-IP: 203.0.113.7',
      'X.Real.IP: 203.0.113.7',
      'X-Forwarded-User: 203.0.113.7',
      'X-Forwarded-Host: 203.0.113.7',
      'X-Remote-User: 203.0.113.7',
      'X-SSL-Client-S-DN: 203.0.113.7',
      'X-Amzn-Mtls-Clientcert: 203.0.113.7',
      'CF-Connecting-IP: 203.0.113.7',
      'X-Own: kept',
      'X-Hop: dropped',
      'Connection: x-hop',
    ])
    const headers = JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)) as Record<
      string,
      string
    >
    const { alice } = await credentials()
    const { X509Certificate } = await import('node:crypto')
    const certificate = new X509Certificate(alice.cert)
    expect(headers).toMatchObject({
      host: 'app.example.test',
      'x-own': 'kept',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'https',
      forwarded: 'for=127.0.0.1;proto=https',
      'x-forwarded-client-cert': `Hash=${certificate.fingerprint256.replaceAll(':', '').toLowerCase()};Subject="CN=alice";DNS="alice.example.test"`,
      'client-cert': `:${certificate.raw.toString('base64')}:`,
    })
    expect(answer).not.toContain('203.0.113.7')
    expect(headers).not.toHaveProperty('x-hop')
  })

  it('gets bodies whole, both ways, and several requests on one connection', async () => {
    const { port } = await startWeb((request, response) => request.pipe(response))
    const ports = await behind(port)
    const secure = await innerTls(await outer('alpn-ping', ports), { ALPNProtocols: ['http/1.1'] })
    const body = Buffer.alloc(3_000_000, 'body')
    secure.write(`POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`)
    secure.write(body)
    secure.end(
      'POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nxyz\r\n0\r\n\r\n',
    )
    const answer = await readAll(secure)
    expect(answer.includes(body.subarray(0, 60_000))).toBe(true)
    expect(answer.length).toBeGreaterThan(body.length)
    expect(answer.subarray(-200).toString()).toContain('xyz')
    const closed = await eventOf(ports.events, 'closed')
    expect(closed.error).toBeUndefined()
    expect(closed.bytesToClient).toBe(answer.length)
  })

  it.each(['GET', 'POST'])('is asked as ever by who offers h2c with a %s', async (method) => {
    const { server, port } = await startWeb((request, response) => request.pipe(response))
    server.on('upgrade', (_, socket) => socket.destroy())
    const ports = await behind(port)
    const secure = await innerTls(await outer('direct', ports), { ALPNProtocols: ['http/1.1'] })
    const content = method === 'POST' ? 'Content-Length: 3\r\n\r\nabc' : '\r\n'
    secure.end(
      `${method} / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n${content}`,
    )
    expect((await readAll(secure)).toString()).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('is answered for with 502 when it changes protocols unasked', async () => {
    const service = await startService((socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    })
    const ports = await behind(service.port)
    expect(await ask(ports, ['GET / HTTP/1.1', 'Host: x'])).toMatch(/^HTTP\/1\.1 502 /)
  })

  it('may change protocols', async () => {
    const { server, port } = await startWeb(() => {})
    server.on('upgrade', (request: IncomingMessage, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\nX-Cert: ${request.headers['x-forwarded-client-cert'] !== undefined}\r\n\r\n`,
      )
      socket.pipe(socket)
    })
    const ports = await behind(port)
    const secure = await innerTls(await outer('direct', ports), { ALPNProtocols: ['http/1.1'] })
    secure.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    const [head] = (await once(secure, 'data')) as [Buffer]
    expect(head.toString()).toMatch(/^HTTP\/1\.1 101 .*x-cert: true.*Upgrade: websocket/s)
    secure.end('through')
    expect((await readAll(secure)).toString()).toBe('through')
  })

  it('is answered for with 502 when it is down, and that is counted', async () => {
    const ports = await behind(1)
    expect(await ask(ports, ['GET / HTTP/1.1', 'Host: x'])).toMatch(/^HTTP\/1\.1 502 /)
    expect(await eventOf(ports.events, 'refused')).toMatchObject({
      route: 'web',
      error: { code: 'ERR_GATEWAY_CONNECT' },
    })
  })

  it.each([
    [
      'in chunks',
      ['Transfer-Encoding: chunked'],
      (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
    ],
    ['of a length that Connection names', ['Connection: content-length'], (text: string) => text],
  ])('reads what a GET carries %s as content, never as a second request', async (_, lines, framed) => {
    const seen: string[] = []
    const { port } = await startWeb(async (request, response) => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      seen.push(`${request.method} ${request.url} ${Buffer.concat(parts).length}`)
      response.end('answered')
    })
    const ports = await behind(port)
    const hidden = 'GET /hidden HTTP/1.1\r\nHost: x\r\nX-Forwarded-Client-Cert: Subject="CN=root"\r\n\r\n'
    const length = lines[0]!.startsWith('Connection') ? [`Content-Length: ${hidden.length}`] : []
    const secure = await innerTls(await outer('direct', ports), { ALPNProtocols: ['http/1.1'] })
    secure.write(
      `GET /seen HTTP/1.1\r\nHost: x\r\n${[...lines, ...length].join('\r\n')}\r\n\r\n${framed(hidden)}`,
    )
    secure.end('GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await readAll(secure)
    expect(seen).toEqual([`GET /seen ${hidden.length}`, 'GET /last 0'])
  })

  it('hears of an absolute target what it says, and the Host that the route gives it', async () => {
    const { port } = await startWeb(({ url, headers }, response) => response.end(`<${headers.host} ${url}>`))
    const target = ['GET http://other.example.test/path?q HTTP/1.1', 'Host: app.example.test']
    expect(await ask(await behind(port), target)).toContain('<other.example.test /path?q>')
    const named = await behind(port, { host: 'app.internal' })
    expect(await ask(named, target)).toContain('<app.internal /path?q>')
  })

  it.each([
    ['a coding that nobody takes off', 501, 'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    [
      'an upgrade with content',
      400,
      'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nGET /',
    ],
  ])('is spared %s', async (_, status, rest) => {
    let requests = 0
    const { server, port } = await startWeb((_, response) => {
      requests++
      response.end()
    })
    server.on('upgrade', (_, socket) => {
      requests++
      socket.destroy()
    })
    const ports = await behind(port)
    const secure = await innerTls(await outer('direct', ports), { ALPNProtocols: ['http/1.1'] })
    secure.end(`POST / HTTP/1.1\r\nHost: x\r\n${rest}`)
    expect((await readAll(secure)).toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(requests).toBe(0)
  })

  it('keeps no connection that a route left behind', async () => {
    let sockets = 0
    const { server, port } = await startWeb((_, response) => response.end())
    // The service itself would keep it for ever.
    server.keepAliveTimeout = 0
    const gone = new Promise<void>((resolve) =>
      server.on('connection', (socket) => {
        sockets++
        socket.once('close', () => --sockets === 0 && resolve())
      }),
    )
    const { server: identity } = await credentials()
    const ports = await behind(port)
    await ask(ports, ['GET / HTTP/1.1', 'Host: x'])
    expect(sockets).toBe(1)
    ports.gateway.reload({
      identity,
      routes: [
        {
          name: 'web',
          alpn: 'http/1.1',
          connect: { port, http: true },
          client: 'anyone-without-a-certificate',
        },
      ],
    })
    await gone
  })

  it.each([
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a path that no request may have', 'GET /\xff\x01 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n'],
  ])('never sees a request with %s', async (_, text) => {
    let requests = 0
    const { port } = await startWeb((_, response) => {
      requests++
      response.end()
    })
    const ports = await behind(port)
    const secure = await innerTls(await outer('direct', ports), { ALPNProtocols: ['http/1.1'] })
    secure.write(text, 'latin1')
    expect((await readAll(secure)).toString()).toMatch(/^HTTP\/1\.1 400 /)
    expect(requests).toBe(0)
  })
})

describePeer('haproxy', 'the PROXY protocol, read by HAProxy', () => {
  it('says the client, its protocol, its server name, and its common name', async () => {
    const { clientCa } = await credentials()
    const folder = await temporaryFolder('proxy-protocol')
    const port = await freePort()
    // It answers with what it understood, so that the tunnel itself is the proof.
    const config = await folder.write(
      'haproxy.cfg',
      `defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend fe
  bind 127.0.0.1:${port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[fc_pp_authority] %[fc_pp_unique_id]"
`,
    )
    const haproxy = await startProcess({
      command: requireProgram('haproxy'),
      args: ['-db', '-f', config],
      port,
      cleanup: folder.remove,
    })
    onClose(() => haproxy.stop())
    const ports = await startGateway(
      { port: 1 },
      {
        listen: { upgrade: { port: 0, forwardedFor: true }, direct: { port: 0 } },
        routes: [
          { name: 'pp', alpn: 'echo', connect: { port, proxyProtocol: 'v2' }, client: { trust: clientCa } },
        ],
      },
    )
    const secure = await innerTls(await outer('direct', ports))
    const request = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
    secure.write(request)
    expect((await readAll(secure)).toString()).toMatch(/\r\n\r\n127\.0\.0\.1 proxy\.example\.test $/)
    // The header is ours, not the client's.
    expect((await eventOf(ports.events, 'closed')).bytesFromClient).toBe(request.length)
  })
})
