// The HTTP proxy between node's own client and node's own server, HTTP/1.1 and HTTP/2 behind tunnels in memory.
import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  request,
} from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { connect, Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { duplex } from '../../src/duplex/index.js'
import { failure } from '../../src/errors.js'
import {
  createHttpProxy,
  type HttpProxy,
  type HttpProxyEvent,
  type HttpProxyOptions,
} from '../../src/proxy/index.js'
import { tunnelSocket } from '../../src/stream/index.js'
import { fakeDialer } from './support.js'

const ends: Array<() => unknown> = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface HttpWorld {
  readonly proxy: HttpProxy
  readonly port: number
  readonly events: HttpProxyEvent[]
  /** Tunnels dialed. */
  readonly dials: () => number
}

async function http(
  serve: RequestListener,
  options: Partial<HttpProxyOptions> & {
    readonly h2?: boolean
    readonly upgrade?: (socket: import('node:stream').Duplex) => void
  } = {},
): Promise<HttpWorld> {
  const { h2 = false, upgrade, ...rest } = options
  const server = h2 ? createHttp2Server(serve as never) : createServer(serve)
  if (upgrade !== undefined)
    server.on('upgrade', (_request: unknown, socket: import('node:stream').Duplex) => upgrade(socket))
  const dialer = fakeDialer((wire) => {
    const far = duplex(tunnelSocket(wire, undefined))
    far.on('error', () => {})
    server.emit('connection', far)
  })
  const events: HttpProxyEvent[] = []
  const proxy = await createHttpProxy({
    dialer,
    listen: { host: '127.0.0.1', port: 0 },
    target: { alpn: [h2 ? 'h2' : 'http/1.1'] },
    host: 'app.internal',
    onEvent: (event) => void events.push(event),
    ...rest,
  })
  ends.push(() => proxy.close())
  return { proxy, port: proxy.listening.port!, events, dials: () => dialer.asked.length }
}

interface Got {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly trailers: NodeJS.Dict<string>
}

async function get(
  port: number,
  path = '/',
  options: { method?: string; headers?: OutgoingHttpHeaders; body?: string | Buffer } = {},
): Promise<Got> {
  const sent = request({
    port,
    host: '127.0.0.1',
    path,
    method: options.method ?? 'GET',
    headers: options.headers,
    agent: false,
  })
  sent.end(options.body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk
  return { status: response.statusCode!, headers: response.headers, body, trailers: response.trailers }
}

const told: RequestListener = (request, response) => {
  response.setHeader('x-kept', 'yes')
  response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers }))
}

describe.each([[false], [true]])('with HTTP/2 behind it: %s', (h2) => {
  it('asks the service under its own name, end-to-end fields only', async () => {
    const { port } = await http(told, { h2 })
    const { status, headers, body } = await get(port, '/a?b=c', {
      headers: {
        connection: 'x-one-hop',
        'x-one-hop': '1',
        'x-forwarded-for': '10.9.9.9',
        forwarded: 'for=10.9.9.9',
        'proxy-authorization': 'Basic x',
        te: 'gzip',
        'x-kept': 'yes',
      },
    })
    expect(status).toBe(200)
    expect(headers['x-kept']).toBe('yes')
    const seen = JSON.parse(body)
    expect(seen).toMatchObject({ method: 'GET', url: '/a?b=c', headers: { 'x-kept': 'yes' } })
    expect(seen.headers.host ?? seen.headers[':authority']).toBe('app.internal')
    for (const name of ['x-one-hop', 'x-forwarded-for', 'forwarded', 'proxy-authorization', 'te'])
      expect(seen.headers).not.toHaveProperty(name)
  })

  it('streams content both ways, and passes trailers', async () => {
    const { port } = await http(
      (request, response) => {
        response.setHeader('trailer', 'x-sum')
        let bytes = 0
        request.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          response.write(chunk)
        })
        request.on('end', () => {
          response.addTrailers({ 'x-sum': String(bytes) })
          response.end()
        })
      },
      { h2 },
    )
    const body = 'x'.repeat(3_000_000)
    const got = await get(port, '/', { method: 'POST', body })
    expect(got.body.length).toBe(body.length)
    expect(got.trailers['x-sum']).toBe(String(body.length))
  })

  it('keeps its connections, and makes new ones for a new certificate', async () => {
    const { port, dials, proxy } = await http(told, { h2 })
    for (let i = 0; i < 5; i++) expect((await get(port)).status).toBe(200)
    expect(dials()).toBe(1)
    proxy.renew()
    expect((await get(port)).status).toBe(200)
    expect(dials()).toBe(2)
  })

  it('ends its request when the client goes away', async () => {
    let aborted = () => {}
    const gone = new Promise<void>((resolve) => {
      aborted = resolve
    })
    const { port } = await http(
      (_request, response) => {
        response.write('first')
        response.on('close', () => aborted())
      },
      { h2 },
    )
    const sent = request({ port, host: '127.0.0.1', agent: false })
    sent.end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    response.on('error', () => {})
    await once(response, 'data')
    sent.destroy()
    await gone
  })

  it('cuts an answer that the service cut', async () => {
    const { port } = await http(
      (_request, response) => {
        response.writeHead(200, { 'content-length': '100' })
        response.write('half')
        setImmediate(() =>
          h2
            ? (response as never as { stream: { close(code: number): void } }).stream.close(2)
            : response.destroy(),
        )
      },
      { h2 },
    )
    await expect(get(port)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('answers 504 for a service that does not', async () => {
    const { port, events } = await http(() => {}, { h2, timeouts: { answer: 50 } })
    const { status, headers } = await get(port)
    expect([status, headers['underpass-error']]).toEqual([504, 'ERR_TIMEOUT'])
    expect(events.find((event) => event.type === 'refused')).toMatchObject({ status: 504 })
  })
})

describe('the HTTP proxy', () => {
  it.each([
    ['its own address', { host: '127.0.0.1:1234' }, 200],
    ['localhost', { host: 'LocalHost' }, 200],
    ['a name that is allowed', { host: 'app.test:80' }, 200],
    ['another name', { host: 'evil.example' }, 403],
    ['a name that only begins so', { host: 'localhost.evil.example' }, 403],
    ['a Host that is none', { host: 'a b' }, 400],
    ['a page from here', { origin: 'http://localhost:3000' }, 200],
    ['a page from elsewhere', { origin: 'https://evil.example' }, 403],
    ['a page from nowhere', { origin: 'null' }, 403],
    ['a script of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
    ['a link on another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 200],
  ])('with %s', async (_, headers, status) => {
    const { port, dials } = await http(told, { allowHosts: ['App.Test'] })
    const got = await get(port, '/', { headers })
    expect(got.status).toBe(status)
    if (status !== 200) {
      expect(got.headers['underpass-error']).toBe(status === 403 ? 'ERR_LOCAL_DENIED' : 'ERR_LOCAL_REQUEST')
      expect(dials()).toBe(0)
    }
  })

  it('says which name was used, where it is not just this machine’s', async () => {
    const { port } = await http(told, { allowHosts: ['app.test'] })
    const seen = async (headers: OutgoingHttpHeaders) =>
      JSON.parse((await get(port, '/', { headers })).body).headers['x-forwarded-host']
    expect(await seen({ host: 'app.test:8080', 'x-forwarded-host': 'forged' })).toBe('app.test:8080')
    expect(await seen({ host: 'localhost', 'x-forwarded-host': 'forged' })).toBeUndefined()
  })

  it('is no forward proxy', async () => {
    const { port } = await http(told)
    expect((await get(port, 'http://evil.example/', { headers: { host: 'localhost' } })).status).toBe(403)
    const here = await get(port, 'http://localhost/path?x', { headers: { host: 'evil.example' } })
    expect(JSON.parse(here.body).url).toBe('/path?x')
    const socket = connect(port, '127.0.0.1')
    socket.write('CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 400 /)
    socket.destroy()
  })

  it.each([
    [
      'both lengths',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    ],
    ['a bare LF in a field', 'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\nb\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : localhost\r\n\r\n'],
    ['no HTTP at all', 'hello\r\n\r\n'],
    [
      'a coding that nobody takes off',
      'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('refuses a request with %s', async (_, bytes) => {
    const { port, dials, events } = await http(told)
    const socket = connect(port, '127.0.0.1')
    socket.write(bytes)
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 400 [\s\S]*ERR_LOCAL_REQUEST/)
    expect(events[0]).toMatchObject({ type: 'refused', error: { code: 'ERR_LOCAL_REQUEST' } })
    expect(dials()).toBe(0)
    socket.destroy()
  })

  it('tells a person why, in a page without script', async () => {
    const dialer = fakeDialer(() => {
      throw failure('ERR_UPGRADE_UNAVAILABLE', '503 <b>')
    })
    const { port } = await http(told, { dialer })
    const page = await get(port, '/', { headers: { accept: 'text/html' } })
    expect(page.status).toBe(502)
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    expect(page.body).toContain('ERR_UPGRADE_UNAVAILABLE')
    expect(page.body).not.toContain('<b>')
    expect((await get(port)).headers['content-type']).toMatch(/^text\/plain/)
  })

  it('names a service that does not speak HTTP', async () => {
    const dialer = fakeDialer((wire) => {
      wire.start({ data() {}, end() {}, fail() {} })
      void wire.write([Buffer.from('220 smtp ready\r\n')])
    })
    const { port } = await http(told, { dialer })
    const { status, headers } = await get(port, '/', { method: 'POST', body: 'x' })
    expect([status, headers['underpass-error']]).toEqual([502, 'ERR_LOCAL_SERVICE'])
  })

  it('asks again where a kept connection had ended, but nothing with content', async () => {
    let asked = 0
    const serve: RequestListener = (request, response) => {
      asked++
      if (asked === 2) request.socket.destroy()
      else response.end('fine')
    }
    const { port } = await http(serve)
    await get(port)
    expect((await get(port)).body).toBe('fine')
    expect(asked).toBe(3)
    asked = 1
    expect((await get(port, '/', { method: 'POST', body: 'x' })).status).toBe(502)
    expect(asked).toBe(2)
  })

  it('bounds its connections: further requests wait', async () => {
    let open = 0
    let most = 0
    const { port, dials } = await http(
      (_request, response) => {
        most = Math.max(most, ++open)
        setImmediate(() => {
          open--
          response.end('x')
        })
      },
      { limits: { connections: 2 } },
    )
    const answers = await Promise.all(Array.from({ length: 10 }, () => get(port)))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(most).toBeLessThanOrEqual(2)
    expect(dials()).toBeLessThanOrEqual(2)
  })

  it('bounds its requests', async () => {
    const { port } = await http(() => {}, { limits: { requests: 1 } })
    const waiting = get(port).catch(() => {})
    await expect.poll(async () => (await get(port)).status).toBe(503)
    await ends.pop()!()
    await waiting
  })

  it('passes an upgrade through, both ways', async () => {
    const { port, events } = await http(told, {
      upgrade(socket) {
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nfirst',
        )
        socket.pipe(socket)
      },
    })
    const sent = request({
      port,
      host: '127.0.0.1',
      headers: { connection: 'Upgrade', upgrade: 'websocket' },
      agent: false,
    })
    sent.end()
    const [response, socket, head] = (await once(sent, 'upgrade')) as [
      IncomingMessage,
      import('node:net').Socket,
      Buffer,
    ]
    expect(response.headers['sec-websocket-accept']).toBe('x')
    let text = head.toString()
    socket.write('second')
    while (text !== 'firstsecond') text += String((await once(socket, 'data'))[0])
    expect(events).toContainEqual({ type: 'upgraded', protocol: 'websocket' })
    socket.destroy()
  })

  it('passes a refused upgrade through, and takes none from another site', async () => {
    const { port } = await http((_request, response) => response.writeHead(426).end('no'))
    const headers = { connection: 'Upgrade', upgrade: 'websocket' }
    const refused = await get(port, '/', { headers })
    expect([refused.status, refused.body]).toEqual([426, 'no'])
    const other = await get(port, '/', { headers: { ...headers, origin: 'https://evil.example' } })
    expect([other.status, other.headers['underpass-error']]).toEqual([403, 'ERR_LOCAL_DENIED'])
  })

  it('waits for the answer to an upgrade no longer than for any other', async () => {
    const { port } = await http(told, { upgrade: () => {}, timeouts: { answer: 50 } })
    const { status, headers } = await get(port, '/', {
      headers: { connection: 'Upgrade', upgrade: 'websocket' },
    })
    expect([status, headers['underpass-error']]).toEqual([504, 'ERR_TIMEOUT'])
  })

  it.each([
    ['ends', (socket: Socket) => socket.end()],
    ['is cut', (socket: Socket) => socket.resetAndDestroy()],
  ])('lets the service go when the client %s before its upgrade is answered', async (_, leave) => {
    let asked = (_socket: import('node:stream').Duplex) => {}
    const service = new Promise<import('node:stream').Duplex>((resolve) => {
      asked = resolve
    })
    const { port } = await http(told, { upgrade: (socket) => asked(socket) })
    const client = connect(port, '127.0.0.1')
    client.on('error', () => {})
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    const far = await service
    // However it ends, it ends.
    const gone = new Promise((resolve) => far.once('close', resolve))
    far.on('error', () => {}).resume()
    leave(client)
    await gone
  })

  it('counts an upgraded connection as a request for as long as it is open', async () => {
    const { port } = await http(told, {
      upgrade: (socket) =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
      limits: { requests: 1 },
    })
    const client = connect(port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    await once(client, 'data')
    const { status, headers } = await get(port)
    expect([status, headers['underpass-error']]).toEqual([503, 'ERR_LOCAL_LIMIT'])
    client.destroy()
  })

  it('drops what a service did not read of a request that it answered, and serves the next', async () => {
    const { port } = await http((request, response) => {
      if (request.method === 'GET') return void response.end('next')
      response.writeHead(413, { connection: 'close' }).end()
    })
    const client = connect(port, '127.0.0.1')
    const body = Buffer.alloc(8 << 20)
    client.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`)
    client.write(body)
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    let text = ''
    for await (const chunk of client.setEncoding('latin1')) text += chunk
    expect(text).toMatch(/^HTTP\/1\.1 413 .*HTTP\/1\.1 200 .*next/s)
  })

  it('rests on one connection of HTTP/2 as often as it likes', async () => {
    const warnings: string[] = []
    const hear = ({ name }: Error) => void warnings.push(name)
    process.on('warning', hear)
    const { port, dials } = await http(told, { h2: true })
    for (let i = 0; i < 15; i++) expect((await get(port)).status).toBe(200)
    process.off('warning', hear)
    expect(warnings).toEqual([])
    expect(dials()).toBe(1)
  })

  it('outlives what it cannot accept', async () => {
    const servers: Server[] = []
    const { listen } = Server.prototype
    const spy = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...given) {
      servers.push(this)
      return listen.apply(this, given as never)
    })
    const { port, events } = await http(told)
    spy.mockRestore()
    for (const server of servers) server.emit('error', new Error('accept EMFILE'))
    expect(events).toMatchObject([{ type: 'refused', error: { code: 'ERR_LOCAL_LIMIT' } }])
    expect((await get(port)).status).toBe(200)
  })

  it.each([
    ['h2c with content', false, 'h2c', 'abc'],
    ['h2c without content', false, 'h2c', undefined],
    ['h2c, and HTTP/2 behind it', true, 'h2c', 'abc'],
    ['another protocol with content', false, 'websocket', 'abc'],
  ])('ignores an upgrade that cannot be meant: %s', async (_, h2, upgrade, body) => {
    const echo: RequestListener = (request, response) => void request.pipe(response)
    const { port, events } = await http(echo, { h2, upgrade: () => {}, timeouts: { answer: 500 } })
    const got = await get(port, '/', {
      method: 'POST',
      headers: {
        connection: 'Upgrade, HTTP2-Settings',
        upgrade,
        'http2-settings': 'AAMAAABkAAQCAAAAAAIAAAAA',
      },
      ...(body && { body }),
    })
    expect([got.status, got.body]).toEqual([200, body ?? ''])
    expect(events).toMatchObject([{ type: 'request', status: 200 }])
  })

  it('names a service that switches protocols unasked, in time', async () => {
    const dialer = fakeDialer((wire) => {
      const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
      wire.start({ data: () => void wire.write([Buffer.from(switching)]), end() {}, fail() {} })
    })
    const { port } = await http(told, { dialer })
    const { status, headers } = await get(port)
    expect([status, headers['underpass-error']]).toEqual([502, 'ERR_LOCAL_SERVICE'])
  })

  it.each([
    [
      'an upgrade',
      'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'],
    [
      'an upgrade that the service refuses',
      'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    ],
  ])('waits for a client that was refused %s and stays no longer than it takes to read', async (_, bytes) => {
    const { port, proxy } = await http(told, { limits: { requests: 1 } })
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    client.on('error', () => {})
    client.write(bytes)
    let text = ''
    client.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    await once(client, 'end')
    expect(text).toMatch(/^HTTP\/1\.1 (?:200|400|403) /)
    // It keeps its side open.
    await expect.poll(async () => (await get(port)).status, { timeout: 4_000 }).toBe(200)
    await proxy.close()
  })

  it('has no upgrade over HTTP/2', async () => {
    const { port } = await http(told, { h2: true })
    const { status, headers } = await get(port, '/', {
      headers: { connection: 'Upgrade', upgrade: 'websocket' },
    })
    expect([status, headers['underpass-error']]).toEqual([501, 'ERR_UNSUPPORTED_PLATFORM'])
  })

  it('waits for requests under way when it closes', async () => {
    let finish = () => {}
    const asked = new Promise<void>((resolve) => {
      void http((_request, response) => {
        finish = () => response.end('done')
        resolve()
      }).then(async ({ port, proxy }) => {
        answer = get(port)
        closing = asked.then(() => proxy.close({ drain: 60_000 }))
      })
    })
    let answer: Promise<Got> | undefined
    let closing: Promise<void> | undefined
    await asked
    finish()
    expect((await answer!).body).toBe('done')
    await closing
  })

  it('is for this machine, unless that was decided', async () => {
    await expect(http(told, { listen: { host: '0.0.0.0', port: 0 } })).rejects.toMatchObject({
      code: 'ERR_LOCAL_LISTEN',
    })
  })
})
