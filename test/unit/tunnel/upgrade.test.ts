import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { latin1 } from '../../../src/bytes/index.js'
import { failure, UpgradeError } from '../../../src/errors.js'
import { type UpgradeInfo, type UpgradeOptions, upgrade } from '../../../src/tunnel/index.js'
import { counting, joined, type Recorder, recorder, rejected, thrown, waysToArrive } from './recorder.js'

// RFC 6455 §1.3: this nonce makes this Accept.
const NONCE = Buffer.from('the sample nonce')
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

const crypto = {
  random(length: number) {
    expect(length).toBe(16)
    return new Uint8Array(NONCE)
  },
}

function websocket(options: Partial<UpgradeOptions> = {}): UpgradeOptions {
  return { host: 'lb.example.com', protocol: 'websocket', crypto, ...options }
}

function started(options: UpgradeOptions) {
  const layer = upgrade(options)
  const sink = recorder<UpgradeInfo>()
  void layer.start(sink)
  return { layer, sink }
}

function requestOf(options: UpgradeOptions): string {
  return joined(started(options).sink.downs).toString('latin1')
}

async function feed(
  { layer, sink }: ReturnType<typeof started>,
  chunks: readonly Uint8Array[],
): Promise<Recorder<UpgradeInfo>> {
  for (const chunk of chunks) await layer.receive(chunk, sink)
  return sink
}

function answered(options: UpgradeOptions, response: string): Promise<Recorder<UpgradeInfo>> {
  return feed(started(options), [latin1(response)])
}

async function refusedBy(response: string, options: UpgradeOptions = websocket()) {
  const { layer, sink } = started(options)
  const error = await rejected(() => layer.receive(latin1(response), sink))
  expect(error).toBeInstanceOf(UpgradeError)
  expect(sink.calls).toEqual(['down'])
  return error
}

const accepted = (fields: Record<string, string | undefined> = {}): string => {
  const all: Record<string, string | undefined> = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': ACCEPT,
    'Sec-WebSocket-Protocol': 'alpn-ping',
    ...fields,
  }
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}: ${value}\r\n`,
  )
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`
}

describe('the request', () => {
  it('asks for a WebSocket with one subprotocol', () => {
    expect(requestOf(websocket({ host: 'lb.example.com:8443' }))).toBe(
      'GET /webapi/connectionupgrade HTTP/1.1\r\n' +
        'Host: lb.example.com:8443\r\n' +
        'User-Agent: underpass\r\n' +
        'Connection: Upgrade\r\n' +
        'Upgrade: websocket\r\n' +
        `Sec-WebSocket-Key: ${KEY}\r\n` +
        'Sec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Protocol: alpn-ping\r\n' +
        '\r\n',
    )
  })

  it('asks for a legacy upgrade, with what was added', () => {
    expect(
      requestOf({
        host: '[::1]:443',
        path: '/up?a=b',
        protocol: 'alpn-ping',
        teleportHeader: true,
        headers: [
          ['CF-Access-Client-Id', ' id\t'],
          ['X-Twice', '1'],
          ['X-Twice', '\xe9 2'],
          ['user-agent', 'mine'],
        ],
        crypto,
      }),
    ).toBe(
      'GET /up?a=b HTTP/1.1\r\n' +
        'Host: [::1]:443\r\n' +
        'Connection: Upgrade\r\n' +
        'Upgrade: alpn-ping\r\n' +
        'X-Teleport-Upgrade: alpn-ping\r\n' +
        'CF-Access-Client-Id: id\r\n' +
        'X-Twice: 1\r\n' +
        'X-Twice: \xe9 2\r\n' +
        'user-agent: mine\r\n' +
        '\r\n',
    )
    expect(requestOf(websocket({ protocol: 'alpn' }))).toBe(
      'GET /webapi/connectionupgrade HTTP/1.1\r\nHost: lb.example.com\r\nUser-Agent: underpass\r\n' +
        'Connection: Upgrade\r\nUpgrade: alpn\r\n\r\n',
    )
    expect(requestOf(websocket({ subprotocol: 'alpn' }))).toContain('Sec-WebSocket-Protocol: alpn\r\n')
  })

  it('draws a fresh key', () => {
    const fresh = { random: (n: number) => new Uint8Array(randomBytes(n)) }
    const keys = [0, 1].map(() => /Key: (\S+)/.exec(requestOf(websocket({ crypto: fresh })))?.[1])
    expect(keys[0]).not.toBe(keys[1])
    expect(Buffer.from(keys[0]!, 'base64').length).toBe(16)
  })

  it.each([
    ['Host', 'a'],
    ['upgrade', 'websocket'],
    ['CONNECTION', 'close'],
    ['Sec-WebSocket-Key', 'a'],
    ['sec-websocket-extensions', 'permessage-deflate'],
    ['Content-Length', '0'],
    ['Transfer-Encoding', 'chunked'],
    ['X-Teleport-Upgrade', 'alpn'],
    ['TE', 'trailers'],
    ['Trailer', 'a'],
    ['Expect', '100-continue'],
    ['Keep-Alive', 'timeout=5'],
    ['Proxy-Connection', 'close'],
    ['', 'a'],
    ['a b', 'a'],
    ['a:', 'a'],
    ['a\r\nb', 'a'],
    ['X-A', 'a\r\nUpgrade: b'],
    ['X-A', 'a\nb'],
    ['X-A', 'a\rb'],
    ['X-A', 'a\0b'],
    ['X-A', 'a\x7f'],
    ['X-A', '\u2028'],
  ])('refuses the header %j: %j', (name, value) => {
    const error = thrown(() => upgrade(websocket({ headers: [[name, value]], teleportHeader: true })))
    expect(error.code).toBe('ERR_CONFIG_INVALID')
  })

  it('keeps header values out of configuration errors', () => {
    const error = thrown(() => upgrade(websocket({ headers: [['X-Key', 's3cret\n']] })))
    expect(error.message).not.toContain('s3cret')
    const swapped = thrown(() => upgrade(websocket({ headers: [['Bearer s3cret', 'X-Key']] })))
    expect(swapped.message).not.toContain('s3cret')
  })

  it.each(['', 'a b', 'a/b', 'a\r\nb', 'a,b', 'user@a', '\u00e9'])('refuses the host %j', (host) => {
    expect(thrown(() => upgrade(websocket({ host }))).code).toBe('ERR_CONFIG_INVALID')
  })

  it.each(['', 'x', '/a b', '/a\r\n', '/\xe9', '/#a', 'https://a/'])('refuses the path %j', (path) => {
    expect(thrown(() => upgrade(websocket({ path }))).code).toBe('ERR_CONFIG_INVALID')
  })
})

describe('a 101', () => {
  it('opens however it arrives, and what follows rises untouched', async () => {
    const head = accepted({ Server: 'nginx', Via: '1.1 google' })
    for (const tail of ['', '\x82\x01a', '\r\n\0']) {
      const bytes = latin1(head + tail)
      for (const chunks of waysToArrive(bytes)) {
        const sink = await feed(started(websocket()), chunks)
        expect(sink.calls[1]).toBe('open')
        expect(sink.info).toEqual({
          status: 101,
          framing: 'websocket',
          subprotocol: 'alpn-ping',
          server: 'nginx via 1.1 google',
        })
        expect(joined(sink.ups).toString('latin1')).toBe(tail)
        expect(sink.ups.every((chunk) => chunk.length > 0)).toBe(true)
      }
    }
  })

  it('may follow interim responses', async () => {
    const sink = await answered(
      websocket(),
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nLink: a\r\n\r\n${accepted()}`,
    )
    expect(sink.calls).toEqual(['down', 'open'])
  })

  it('may spell and list its tokens otherwise', async () => {
    for (const fields of [
      { Upgrade: 'WebSocket' },
      { Upgrade: 'websocket, WEBSOCKET' },
      { Connection: 'keep-alive,\tUPGRADE' },
      { 'Sec-WebSocket-Extensions': '' },
    ])
      expect((await answered(websocket(), accepted(fields))).calls).toEqual(['down', 'open'])
  })

  it('of a legacy upgrade may lack Connection, and says which framing follows', async () => {
    for (const [protocol, framing] of [
      ['alpn', 'raw'],
      ['alpn-ping', 'ping'],
    ] as const) {
      const sink = await answered(websocket({ protocol }), `HTTP/1.1 101 S\r\nUpgrade: ${protocol}\r\n\r\n`)
      expect(sink.info).toEqual({ status: 101, framing, server: undefined, subprotocol: undefined })
    }
  })

  it.each([
    ['another protocol', { Upgrade: 'alpn-ping' }, 'ERR_UPGRADE_MISMATCH'],
    ['a list with another protocol', { Upgrade: 'websocket, alpn-ping' }, 'ERR_UPGRADE_MISMATCH'],
    ['no Upgrade', { Upgrade: undefined }, 'ERR_UPGRADE_MISMATCH'],
    ['an empty Upgrade', { Upgrade: ',' }, 'ERR_UPGRADE_MISMATCH'],
    ['no Connection', { Connection: undefined }, 'ERR_UPGRADE_MISMATCH'],
    ['another Connection', { Connection: 'close' }, 'ERR_UPGRADE_MISMATCH'],
    ['no Accept', { 'Sec-WebSocket-Accept': undefined }, 'ERR_UPGRADE_MISMATCH'],
    ['a wrong Accept', { 'Sec-WebSocket-Accept': `S${ACCEPT.slice(1)}` }, 'ERR_UPGRADE_MISMATCH'],
    ['a short Accept', { 'Sec-WebSocket-Accept': ACCEPT.slice(1) }, 'ERR_UPGRADE_MISMATCH'],
    ['two Accepts', { 'sec-websocket-accept': ACCEPT }, 'ERR_UPGRADE_MISMATCH'],
    ['an extension', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }, 'ERR_UPGRADE_MISMATCH'],
    ['no subprotocol', { 'Sec-WebSocket-Protocol': undefined }, 'ERR_UPGRADE_SUBPROTOCOL'],
    ['another subprotocol', { 'Sec-WebSocket-Protocol': 'alpn' }, 'ERR_UPGRADE_SUBPROTOCOL'],
    ['a list of subprotocols', { 'Sec-WebSocket-Protocol': 'alpn-ping, alpn' }, 'ERR_UPGRADE_SUBPROTOCOL'],
    ['two subprotocol lines', { 'sec-websocket-protocol': 'alpn-ping' }, 'ERR_UPGRADE_SUBPROTOCOL'],
    ['Transfer-Encoding', { 'Transfer-Encoding': 'chunked' }, 'ERR_UPGRADE_MALFORMED'],
    ['Content-Length', { 'Content-Length': '0' }, 'ERR_UPGRADE_MALFORMED'],
  ])('with %s fails', async (_, fields, code) => {
    for (const chunks of waysToArrive(latin1(accepted(fields)))) {
      const { layer, sink } = started(websocket())
      expect((await rejected(() => feed({ layer, sink }, chunks))).code).toBe(code)
      expect(sink.calls).toEqual(['down'])
    }
  })

  it('of a legacy upgrade that switched to WebSocket fails', async () => {
    expect((await refusedBy(accepted(), websocket({ protocol: 'alpn' }))).code).toBe('ERR_UPGRADE_MISMATCH')
  })
})

describe('any other answer', () => {
  it.each([
    [200, 'ERR_UPGRADE_STRIPPED'],
    [204, 'ERR_UPGRADE_STRIPPED'],
    [301, 'ERR_UPGRADE_REDIRECTED'],
    [302, 'ERR_UPGRADE_REDIRECTED'],
    [308, 'ERR_UPGRADE_REDIRECTED'],
    [400, 'ERR_UPGRADE_BAD_REQUEST'],
    [401, 'ERR_UPGRADE_FORBIDDEN'],
    [403, 'ERR_UPGRADE_FORBIDDEN'],
    [404, 'ERR_UPGRADE_NOT_FOUND'],
    [405, 'ERR_UPGRADE_REJECTED'],
    [407, 'ERR_UPGRADE_REJECTED'],
    [426, 'ERR_UPGRADE_VERSION'],
    [464, 'ERR_UPGRADE_VERSION'],
    [505, 'ERR_UPGRADE_VERSION'],
    [502, 'ERR_UPGRADE_UNAVAILABLE'],
    [503, 'ERR_UPGRADE_UNAVAILABLE'],
    [504, 'ERR_UPGRADE_UNAVAILABLE'],
    [500, 'ERR_UPGRADE_REJECTED'],
    [530, 'ERR_UPGRADE_REJECTED'],
  ])('%d is %s', async (status, code) => {
    const response = `HTTP/1.1 ${status} Text\r\nServer: awselb/2.0\r\n\r\n`
    for (const chunks of waysToArrive(latin1(response))) {
      const { layer, sink } = started(websocket())
      const error = await rejected(() => feed({ layer, sink }, chunks))
      expect(error.code).toBe(code)
      expect(error.evidence).toEqual([`HTTP/1.1 ${status} Text`, 'server: awselb/2.0'])
      expect(sink.calls).toEqual(['down'])
    }
  })

  it('carries as evidence who answered and how the body begins', async () => {
    const error = await refusedBy(
      'HTTP/1.1 403 Forbidden\r\nServer: cloudflare\r\nCF-RAY: 8f1-FRA\r\nVia: 1.1 a\r\nX-Amzn-Trace-Id: Root=1\r\n' +
        'X-Amz-Cf-Id: q\r\nX-Amzn-Oidc-Data: s3cret\r\nSet-Cookie: s3cret\r\nX-Other: o\r\n\r\n' +
        `<html>\n<b>no\x1b[31m</b>${'y'.repeat(5000)}`,
    )
    expect(error.evidence.slice(0, 6)).toEqual([
      'HTTP/1.1 403 Forbidden',
      'server: cloudflare',
      'cf-ray: 8f1-FRA',
      'via: 1.1 a',
      'x-amzn-trace-id: Root=1',
      'x-amz-cf-id: q',
    ])
    expect(error.evidence[6]).toMatch(/^body: <html> <b>no \[31m<\/b>y+$/)
    expect(error.evidence[6]!.length).toBeLessThanOrEqual('body: '.length + 1024)
    expect(error.evidence).toHaveLength(7)
    expect(error.message).toContain('status 403 from cloudflare via 1.1 a')
  })

  it('bounds the evidence', async () => {
    const error = await refusedBy(
      `HTTP/1.1 500 ${'r'.repeat(900)}\r\n${`Via: ${'v'.repeat(900)}\r\n`.repeat(50)}\r\n`,
    )
    expect(error.evidence.join('').length).toBeLessThan(4096)
    expect(error.message.length).toBeLessThan(512)
  })

  it.each([
    ['https://login.example.com/cb?state=s3cret', 'to login.example.com'],
    ['HTTPS://user:s3cret@login.example.com:8443/x', 'to login.example.com:8443'],
    ['//[2001:db8::1]/x', 'to [2001:db8::1]'],
    ['/login?next=s3cret', 'to the same host'],
    ['https://a\x80b\u00e9/s3cret', 'to an unreadable host'],
    [undefined, 'to nowhere'],
  ])('names the host of Location %j only', async (location, detail) => {
    const line = location === undefined ? '' : `Location: ${location}\r\n`
    const error = await refusedBy(`HTTP/1.1 302 Found\r\n${line}\r\n`)
    expect(error.code).toBe('ERR_UPGRADE_REDIRECTED')
    expect(error.message.endsWith(detail)).toBe(true)
    expect(JSON.stringify([error.message, error.evidence])).not.toContain('s3cret')
  })

  it('too large or not HTTP fails by name', async () => {
    expect((await refusedBy(`HTTP/1.1 101 S\r\nA: ${'a'.repeat(70_000)}`)).code).toBe('ERR_UPGRADE_TOO_LARGE')
    expect((await refusedBy(accepted(), websocket({ limits: { httpHead: 40 } }))).code).toBe(
      'ERR_UPGRADE_TOO_LARGE',
    )
    const interim = 'HTTP/1.1 100 C\r\n\r\n'
    expect((await refusedBy(interim.repeat(9))).code).toBe('ERR_UPGRADE_TOO_LARGE')
    expect((await refusedBy(interim.repeat(2), websocket({ limits: { interim: 1 } }))).code).toBe(
      'ERR_UPGRADE_TOO_LARGE',
    )
    expect((await refusedBy('\x15\x03\x03\0\x02\x02\x28')).code).toBe('ERR_UPGRADE_MALFORMED')
  })
})

describe('ends', () => {
  it('before the answer are ERR_UPGRADE_EOF, with their cause', async () => {
    const cause = failure('ERR_STREAM_RESET')
    for (const heard of ['', 'HTTP/1.1 101 S\r\nUpgr']) {
      const { layer, sink } = started(websocket())
      await layer.receive(latin1(heard), sink)
      const error = thrown(() => layer.eof(cause, sink))
      expect(error.code).toBe('ERR_UPGRADE_EOF')
      expect(error.cause).toBe(cause)
    }
    const { layer, sink } = started(websocket())
    expect(thrown(() => layer.eof(undefined, sink)).cause).toBeUndefined()
  })

  it('after it pass, and so do bytes, without a copy', async () => {
    const { layer, sink } = started(websocket())
    await layer.receive(latin1(accepted()), sink)
    const [received, sent] = [counting(5), counting(6)]
    void layer.receive(received, sink)
    void layer.send(sent, sink)
    expect(sink.ups[0]).toBe(received)
    expect(sink.downs[1]).toBe(sent)
    const cause = failure('ERR_STREAM_RESET')
    void layer.eof(cause, sink)
    void layer.end(sink)
    expect(sink.ends).toEqual([cause])
    expect(sink.calls).toEqual(['down', 'open', 'up', 'down', 'eof', 'finish'])
  })

  it('nothing is sent before the 101', () => {
    const { layer, sink } = started(websocket())
    expect(thrown(() => layer.send(counting(1), sink)).code).toBe('ERR_INTERNAL')
    expect(sink.calls).toEqual(['down'])
  })
})

describe('traces', () => {
  it('show heads without credentials', async () => {
    const { layer, sink } = started(
      websocket({
        path: '/up?token=s3cret',
        headers: [
          ['Authorization', 'Bearer s3cret'],
          ['X-Whatever', 's3cret'],
        ],
      }),
    )
    const response = accepted({
      'Set-Cookie': 's3cret',
      'Proxy-Authenticate': 's3cret',
      'Cf-Access-Jwt-Assertion': 's3cret',
      Location: 'https://u:s3cret@h/p?q=s3cret',
      Server: 'nginx',
    })
    await layer.receive(latin1(response), sink)
    expect(sink.traces).toEqual([
      {
        type: 'http',
        direction: 'sent',
        head:
          'GET /up?[redacted] HTTP/1.1\r\nHost: lb.example.com\r\nUser-Agent: underpass\r\nConnection: Upgrade\r\n' +
          `Upgrade: websocket\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n` +
          'Sec-WebSocket-Protocol: alpn-ping\r\nAuthorization: [redacted]\r\nX-Whatever: [redacted]\r\n\r\n',
      },
      {
        type: 'http',
        direction: 'received',
        head: response
          .replace('https://u:s3cret@h/p?q=s3cret', 'https://h/p?[redacted]')
          .replaceAll('s3cret', '[redacted]'),
      },
    ])
    expect(joined(sink.downs).toString()).toContain('Bearer s3cret')
  })

  it('show a refusal too', async () => {
    const { layer, sink } = started(websocket())
    await rejected(() =>
      layer.receive(latin1('HTTP/1.1 403 No\r\nWWW-Authenticate: s3cret\r\n\r\nbody'), sink),
    )
    expect(sink.traces[1]).toEqual({
      type: 'http',
      direction: 'received',
      head: 'HTTP/1.1 403 No\r\nWWW-Authenticate: [redacted]\r\n\r\n',
    })
  })
})
