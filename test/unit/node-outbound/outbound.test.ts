// The way out through scripted proxies: what goes to the proxy, what its answers mean, and that nothing waits for ever.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { TunnelError } from '../../../src/errors.js'
import { createDialer, dangerously, nodePlatform, type Wire } from '../../../src/platform/node/index.js'
import { createAuthority } from '../../support/certificates.js'

const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const close of closers.splice(0).reverse()) await close()
})

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

/** A proxy that answers the bytes it gets by a script: one step for each chunk. */
function proxy(...script: Array<string | Uint8Array | undefined | ((socket: Socket) => void)>) {
  const heard: Buffer[] = []
  const answer = (socket: Socket) => {
    let step = 0
    socket.on('data', (chunk) => {
      heard.push(chunk)
      const said = script[step++]
      if (typeof said === 'function') said(socket)
      else if (said !== undefined) socket.write(typeof said === 'string' ? Buffer.from(said, 'latin1') : said)
    })
  }
  return { heard, answer, port: listening(createServer({ allowHalfOpen: true }, answer)) }
}

interface DialOptions {
  readonly url?: string
  readonly host?: string
  readonly signal?: AbortSignal
  readonly steps?: Array<readonly [string, object]>
  readonly outboundTrust?: string
}

async function dial(outbound: string, options: DialOptions = {}): Promise<Wire> {
  const { host = 'origin.test', signal = new AbortController().signal, steps = [], outboundTrust } = options
  const platform = nodePlatform({ outbound, ...(outboundTrust && { outboundTrust }) })
  const wire = await platform.dialTcp!({ host, port: 443 }, { signal, trace: (...step) => steps.push(step) })
  closers.push(async () => wire.destroy())
  return wire
}

/** Everything that comes, as text, until there are `length` characters. */
function read(wire: Wire, length: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    wire.start({
      data(chunk) {
        text += Buffer.from(chunk).toString('latin1')
        if (text.length >= length) resolve(text)
      },
      end: () => resolve(text),
      fail: reject,
    })
  })
}

const latin1 = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))
const granted = 'HTTP/1.1 200 Connection established\r\n\r\n'

describe('CONNECT', () => {
  it('names the destination, and passes bytes both ways', async () => {
    const { heard, port } = proxy(granted, (socket) => socket.end('pong'))
    const steps: Array<readonly [string, object]> = []
    const wire = await dial(`http://127.0.0.1:${await port}`, { steps })
    expect(String(heard[0])).toBe('CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n')
    expect(steps.map(([name]) => name)).toEqual(['tcp', 'proxy'])
    expect(steps[1]![1]).toEqual({
      proxy: `http://127.0.0.1:${await port}`,
      host: 'origin.test',
      port: 443,
      authenticated: false,
    })
    expect(wire.facts).toMatchObject({ remotePort: await port })
    wire.write([latin1('ping')])
    expect(await read(wire, 5)).toBe('pong')
    expect(String(heard[1])).toBe('ping')
  })

  it('gives Basic credentials to the proxy, and to nobody else', async () => {
    const { heard, port } = proxy(granted)
    const steps: Array<readonly [string, object]> = []
    await dial(`http://al%40ice:s%C3%A9cret@127.0.0.1:${await port}`, { steps })
    const basic = Buffer.from('al@ice:sécret').toString('base64')
    expect(String(heard[0])).toContain(`\r\nProxy-Authorization: Basic ${basic}\r\n`)
    expect(JSON.stringify(steps)).not.toMatch(/cret|ice/)
    expect(steps[1]![1]).toMatchObject({ authenticated: true })
  })

  it('keeps what is glued to the answer, in pieces of any size', async () => {
    const { port } = proxy((socket) => {
      socket.setNoDelay(true)
      const bytes = Buffer.from(`HTTP/1.1 103 Early Hints\r\n\r\n${granted}first words`)
      const send = (at: number) => {
        if (at < bytes.length) socket.write(bytes.subarray(at, at + 7), () => setImmediate(send, at + 7))
      }
      send(0)
    })
    expect(await read(await dial(`http://127.0.0.1:${await port}`), 11)).toBe('first words')
  })

  it('takes any 2xx, and writes IPv6 literals in brackets', async () => {
    const { heard, port } = proxy('HTTP/1.0 204 whatever\r\nContent-Length: 5\r\n\r\nhello')
    expect(await read(await dial(`http://127.0.0.1:${await port}`, { host: '[2001:db8::1]' }), 5)).toBe(
      'hello',
    )
    expect(String(heard[0])).toContain('CONNECT [2001:db8::1]:443 HTTP/1.1\r\n')
  })

  it.each([
    ['407 Proxy Authentication Required', 'ERR_PROXY_AUTH', 'config'],
    ['401 Unauthorized', 'ERR_PROXY_AUTH', 'config'],
    ['403 Filtered', 'ERR_PROXY_DENIED', 'network'],
    ['302 Found', 'ERR_PROXY_DENIED', 'network'],
    ['405 Method Not Allowed', 'ERR_PROXY_DENIED', 'network'],
    ['500 Unable to connect', 'ERR_PROXY_UPSTREAM', 'network'],
    ['502 Bad Gateway', 'ERR_PROXY_UPSTREAM', 'network'],
    ['503 Service Unavailable', 'ERR_PROXY_UPSTREAM', 'network'],
    ['504 Gateway Timeout', 'ERR_PROXY_UPSTREAM', 'network'],
    ['101 Switching Protocols', 'ERR_PROXY_PROTOCOL', 'network'],
  ])('%s is %s', async (status, code, blame) => {
    const { port } = proxy(`HTTP/1.1 ${status}\r\nServer: squid/6\r\nProxy-Authenticate: NTLM\r\n\r\n<html>`)
    const failed = dial(`http://alice:secret@127.0.0.1:${await port}`)
    await expect(failed).rejects.toMatchObject({
      code,
      blame,
      phase: 'proxy',
      evidence: [`HTTP/1.1 ${status}`, 'server: squid/6'],
      hint: expect.stringMatching(/./),
    })
    await expect(failed).rejects.toThrow(`http://127.0.0.1:${await port}`)
    await expect(failed).rejects.not.toThrow(/alice|secret/)
  })

  it('says which credentials it would take', async () => {
    const refusal =
      'HTTP/1.1 407 x\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n'
    const { port } = proxy(refusal)
    await expect(dial(`http://127.0.0.1:${await port}`)).rejects.toThrow(
      '407, none were given, it takes Negotiate, Basic',
    )
  })

  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['TLS', '\x15\x03\x01\x00\x02\x02\x28'],
    ['SOCKS', '\x05\xff'],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`],
    ['many interim answers', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9)],
  ])('is no proxy when the answer is %s', async (_, answer) => {
    const { port } = proxy(answer)
    await expect(dial(`http://127.0.0.1:${await port}`)).rejects.toMatchObject({
      code: 'ERR_PROXY_PROTOCOL',
      phase: 'proxy',
    })
  })

  it('is no proxy when the connection ends instead', async () => {
    const { port } = proxy((socket) => socket.end('HTTP/1.1 200'))
    await expect(dial(`http://127.0.0.1:${await port}`)).rejects.toMatchObject({ code: 'ERR_PROXY_PROTOCOL' })
    const reset = proxy((socket) => socket.resetAndDestroy())
    await expect(dial(`http://127.0.0.1:${await reset.port}`)).rejects.toMatchObject({
      code: 'ERR_PROXY_DIAL',
    })
  })
})

describe('SOCKS5', () => {
  const greeted = new Uint8Array([5, 0])
  const connected = new Uint8Array([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])

  it('gives the name to the proxy', async () => {
    const { heard, port } = proxy(greeted, new Uint8Array([...connected, ...latin1('hi')]))
    const wire = await dial(`socks5h://127.0.0.1:${await port}`)
    expect(heard.map((chunk) => [...chunk])).toEqual([
      [5, 1, 0],
      [5, 1, 0, 3, 11, ...latin1('origin.test'), 1, 187],
    ])
    expect(await read(wire, 2)).toBe('hi')
  })

  it('resolves the name here when the scheme is socks5', async () => {
    const { heard, port } = proxy(greeted, connected)
    await dial(`socks5://127.0.0.1:${await port}`, { host: '127.0.0.1' })
    expect([...heard[1]!]).toEqual([5, 1, 0, 1, 127, 0, 0, 1, 1, 187])
    const steps: Array<readonly [string, object]> = []
    const local = proxy(greeted, connected)
    await dial(`socks5://127.0.0.1:${await local.port}`, { host: 'localhost', steps })
    expect([1, 4]).toContain(local.heard[1]![3])
    expect(steps.map(([name]) => name)).toEqual(['dns', 'tcp', 'proxy'])
    const nowhere = dial(`socks5://127.0.0.1:${await port}`, { host: 'nowhere.invalid' })
    await expect(nowhere).rejects.toMatchObject({ code: 'ERR_DIAL_DNS' })
  })

  it('gives user and password where the proxy asks', async () => {
    const { heard, port } = proxy(new Uint8Array([5, 2]), new Uint8Array([1, 0]), connected)
    await dial(`socks5h://al:p%20w@127.0.0.1:${await port}`)
    expect(heard.slice(0, 2).map((chunk) => [...chunk])).toEqual([
      [5, 2, 0, 2],
      [1, 2, ...latin1('al'), 3, ...latin1('p w')],
    ])
  })

  it('sends IPv6 addresses as such, and reads replies of every form, byte by byte', async () => {
    for (const address of [
      [1, 10, 0, 0, 1],
      [4, ...new Uint8Array(16)],
      [3, 4, ...latin1('host')],
    ]) {
      const reply = new Uint8Array([5, 0, 0, ...address, 0, 80, ...latin1('rest')])
      const { heard, port } = proxy(greeted, (socket) => {
        socket.setNoDelay(true)
        const send = (at: number) => {
          if (at < reply.length) socket.write(reply.subarray(at, at + 1), () => setImmediate(send, at + 1))
        }
        send(0)
      })
      const wire = await dial(`socks5h://127.0.0.1:${await port}`, { host: '[2001:db8::1]' })
      expect([...heard[1]!.subarray(3, 8)]).toEqual([4, 0x20, 0x01, 0x0d, 0xb8])
      expect(await read(wire, 4)).toBe('rest')
    }
  })

  it.each([
    [1, 'ERR_PROXY_UPSTREAM'],
    [2, 'ERR_PROXY_DENIED'],
    [3, 'ERR_PROXY_UPSTREAM'],
    [4, 'ERR_PROXY_UPSTREAM'],
    [5, 'ERR_PROXY_UPSTREAM'],
    [6, 'ERR_PROXY_UPSTREAM'],
    [7, 'ERR_PROXY_PROTOCOL'],
    [8, 'ERR_PROXY_PROTOCOL'],
    [99, 'ERR_PROXY_PROTOCOL'],
  ])('reply %d is %s', async (status, code) => {
    const { port } = proxy(greeted, new Uint8Array([5, status, 0, 1, 0, 0, 0, 0, 0, 0]))
    await expect(dial(`socks5h://127.0.0.1:${await port}`)).rejects.toMatchObject({ code, phase: 'proxy' })
  })

  it.each<[string, string, Array<string | Uint8Array | ((socket: Socket) => void)>, string]>([
    ['no method', '', [new Uint8Array([5, 255])], 'ERR_PROXY_AUTH'],
    ['no method for a password', 'a:b@', [new Uint8Array([5, 255])], 'ERR_PROXY_AUTH'],
    ['a wrong password', 'a:b@', [new Uint8Array([5, 2]), new Uint8Array([1, 1])], 'ERR_PROXY_AUTH'],
    ['a method that was not offered', '', [new Uint8Array([5, 2])], 'ERR_PROXY_PROTOCOL'],
    ['HTTP', '', ['HTTP/1.1 400 Bad Request\r\n\r\n'], 'ERR_PROXY_PROTOCOL'],
    ['SOCKS4', '', [new Uint8Array([0, 91])], 'ERR_PROXY_PROTOCOL'],
    ['an unknown address', '', [greeted, new Uint8Array([5, 0, 0, 9, 0, 0])], 'ERR_PROXY_PROTOCOL'],
    ['an end', '', [(socket) => socket.end()], 'ERR_PROXY_PROTOCOL'],
    ['an end instead of a reply', '', [greeted, (socket) => socket.end()], 'ERR_PROXY_UPSTREAM'],
  ])('%s is an error by name', async (_, credentials, script, code) => {
    const { port } = proxy(...script)
    await expect(dial(`socks5h://${credentials}127.0.0.1:${await port}`)).rejects.toMatchObject({ code })
  })

  it('refuses what it cannot carry before it dials', async () => {
    const { heard, port } = proxy(greeted)
    const url = `127.0.0.1:${await port}`
    for (const [outbound, host] of [
      [`socks5h://${'a'.repeat(256)}:b@${url}`, 'origin.test'],
      [`socks5h://a:${'b'.repeat(256)}@${url}`, 'origin.test'],
      [`socks5h://${url}`, 'x'.repeat(256)],
      [`http://${url}`, 'a\r\nb'],
    ] as const)
      await expect(dial(outbound, { host })).rejects.toMatchObject({ code: 'ERR_PROXY_CONFIG' })
    expect(heard).toEqual([])
  })
})

describe('an https proxy', () => {
  async function secure(...names: string[]) {
    const authority = await createAuthority()
    const { certificate: cert, privateKey: key } = await authority.issue({ names })
    const { heard, answer } = proxy(`${granted}over TLS`)
    const port = await listening(createTlsServer({ cert, key, ALPNProtocols: ['http/1.1'] }, answer))
    return { heard, url: `https://alice:secret@localhost:${port}`, outboundTrust: authority.certificate }
  }

  it('is asked inside TLS', async () => {
    const { heard, url, outboundTrust } = await secure('localhost')
    expect(await read(await dial(url, { outboundTrust }), 8)).toBe('over TLS')
    expect(String(heard[0])).toContain('CONNECT origin.test:443')
  })

  it('must prove who it is before it gets any credentials', async () => {
    const { heard, url, outboundTrust } = await secure('other.test')
    for (const options of [{}, { outboundTrust }])
      await expect(dial(url, options)).rejects.toMatchObject({
        code: 'ERR_PROXY_TLS',
        cause: { code: expect.stringMatching(/^ERR_CERT_/) },
      })
    expect(heard).toEqual([])
    const { port } = proxy('HTTP/1.1 400 Bad Request\r\n\r\n')
    await expect(dial(`https://localhost:${await port}`)).rejects.toMatchObject({ code: 'ERR_PROXY_TLS' })
  })
})

describe('a proxy that is not there, or never answers', () => {
  it('is ERR_PROXY_DIAL', async () => {
    const server = createServer()
    const port = await listening(server)
    await new Promise((resolve) => server.close(resolve))
    await expect(dial(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'ERR_PROXY_DIAL',
      retryable: true,
      cause: { code: 'ERR_DIAL_REFUSED' },
    })
    await expect(dial('http://proxy.invalid:1')).rejects.toMatchObject({
      code: 'ERR_PROXY_DIAL',
      cause: { code: 'ERR_DIAL_DNS' },
    })
  })

  const common = {
    origin: 'https://origin.test',
    trust: dangerously.anyCertificate('nothing is reached here'),
    originTrust: dangerously.anyCertificate('nothing is reached here'),
    alpn: ['echo'],
  }

  it.each(['http', 'socks5h'])('is ERR_TIMEOUT in the phase proxy (%s)', async (scheme) => {
    const silent = proxy()
    await using dialer = createDialer({
      ...common,
      outbound: `${scheme}://127.0.0.1:${await silent.port}`,
      timeouts: { connect: 200 },
    })
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'proxy' })
  })

  it('lets go when it is aborted', async () => {
    const controller = new AbortController()
    let closed: Promise<unknown> | undefined
    const { port } = proxy((socket) => {
      closed = Promise.race([once(socket, 'end'), once(socket, 'close')])
      controller.abort()
    })
    const failed = dial(`http://127.0.0.1:${await port}`, { signal: controller.signal })
    await expect(failed).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await closed
  })

  it('is told to a dialer as what it is, with its own code', async () => {
    const { port } = proxy('HTTP/1.1 403 No\r\n\r\n')
    await using dialer = createDialer({ ...common, outbound: new URL(`http://127.0.0.1:${await port}`) })
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_PROXY_DENIED', phase: 'proxy' })
    expect(() => createDialer({ ...common, outbound: 'gopher://x' })).toThrow(
      expect.objectContaining({ code: 'ERR_PROXY_CONFIG' }) as TunnelError,
    )
  })

  it('is found in the environment, unless the option says none', async () => {
    const { heard, port } = proxy('HTTP/1.1 403 No\r\n\r\n', 'HTTP/1.1 403 No\r\n\r\n')
    for (const name of [
      'https_proxy',
      'http_proxy',
      'HTTP_PROXY',
      'all_proxy',
      'ALL_PROXY',
      'no_proxy',
      'NO_PROXY',
    ])
      vi.stubEnv(name, '')
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${await port}`)
    const origin = 'https://origin.invalid'
    await using dialer = createDialer({ ...common, origin })
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_PROXY_DENIED' })
    expect(heard).toHaveLength(1)
    vi.stubEnv('NO_PROXY', '.invalid')
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_DIAL_DNS' })
    vi.stubEnv('NO_PROXY', '')
    await using direct = createDialer({ ...common, origin, outbound: 'none' })
    await expect(direct.connect()).rejects.toMatchObject({ code: 'ERR_DIAL_DNS' })
    expect(heard).toHaveLength(1)
  })
})
