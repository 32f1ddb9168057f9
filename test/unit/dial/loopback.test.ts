// The dialer of Node with everything real in it, against node:tls and node:http on loopback.
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { DialerOptions, TimedTraceEvent, TunnelSocket } from '../../../src/index.js'
import {
  createDialer,
  type Dialer,
  dangerously,
  memorySessionStore,
  verdictCache,
} from '../../../src/platform/node/index.js'
import { type Authority, createAuthority, type Issued } from '../../support/certificates.js'
import {
  type Balancer,
  type BalancerOptions,
  type InnerServer,
  startBalancer,
  startInner,
  startSilence,
  until,
} from './loopback-servers.js'

let web: Authority
let host: Authority
let front: Issued
let alice: Issued
let inner: InnerServer
let users: Authority
const started: Array<{ stop(): Promise<void> }> = []
const dialers: Dialer[] = []

beforeAll(async () => {
  users = await createAuthority({ name: 'Users' })
  web = await createAuthority({ name: 'Web' })
  host = await createAuthority({ name: 'Host' })
  front = await web.issue({ names: ['localhost'] })
  alice = await users.issue({ usage: 'client', commonName: 'alice' })
  inner = await startInner({
    certificate: await host.issue({ names: ['inner.test', '127.0.0.1'] }),
    users,
    alpn: ['app', 'app-ping'],
  })
})

afterEach(async () => {
  await Promise.all(dialers.splice(0).map((dialer) => dialer.close()))
  await Promise.all(started.splice(0).map((server) => server.stop()))
  inner.clients.length = 0
  inner.serverNames.length = 0
})

afterAll(() => inner.stop())

async function balancer(options: Partial<BalancerOptions> = {}): Promise<Balancer> {
  const server = await startBalancer({ certificate: front, inner, ...options })
  started.push(server)
  return server
}

function dialer(port: number, options: Partial<DialerOptions> = {}): Dialer {
  const made = createDialer({
    origin: `https://localhost:${port}`,
    originTrust: web.certificate,
    trust: host.certificate,
    identity: { certificate: alice.chain, privateKey: alice.privateKey },
    serverName: 'inner.test',
    alpn: ['app'],
    ...options,
  })
  dialers.push(made)
  return made
}

async function echoed(socket: TunnelSocket, text: string): Promise<string> {
  const writer = socket.writable.getWriter()
  await writer.write(new TextEncoder().encode(text))
  await writer.close()
  let heard = ''
  const decoder = new TextDecoder()
  for await (const chunk of socket.readable) heard += decoder.decode(chunk, { stream: true })
  return heard
}

describe('through a load balancer', () => {
  it('that ignores ALPN (HAProxy, ALB): one connection, the identity only inside', async () => {
    const lb = await balancer()
    const socket = await dialer(lb.port).connect()
    expect(socket.info).toMatchObject({
      verdict: 'upgrade',
      framing: 'websocket',
      connections: 1,
      tls: { alpn: 'app', clientCertificate: true },
      outerTls: { clientCertificate: false },
    })
    expect(await echoed(socket, 'hello')).toBe('hello')
    expect(lb.connections).toBe(1)
    expect(lb.clientCertificates).toBe(0)
    expect(inner.clients).toEqual(['alice'])
    expect(inner.serverNames).toEqual(['inner.test'])
  })

  it('resumes both floors where a session store is given, and the identity goes with the session', async () => {
    const lb = await balancer()
    const session = memorySessionStore()
    const seen: unknown[] = []
    for (const options of [{}, {}, { alpn: ['app', 'app-ping'] }]) {
      const socket = await dialer(lb.port, { session, mode: 'websocket', ...options }).connect()
      seen.push([socket.info.outerTls?.resumed, socket.info.tls.resumed])
      await socket.close()
    }
    // Another list of protocols is another peer; outside of the tunnel none are offered.
    expect(seen).toEqual([
      [false, false],
      [true, true],
      [true, false],
    ])
    expect(inner.clients).toEqual(['alice', 'alice', 'alice'])
  })

  it('that refuses unknown ALPN by alert 120 (nginx): one connection more, then none', async () => {
    const lb = await balancer({ alpn: ['h2', 'http/1.1'] })
    const dials = dialer(lb.port)
    const first = await dials.connect()
    expect(first.info.connections).toBe(2)
    expect(first.info.evidence[0]).toContain('120')
    expect(await echoed(first, 'a')).toBe('a')
    const second = await dials.connect()
    expect(second.info.connections).toBe(1)
    expect(await echoed(second, 'b')).toBe('b')
    expect(lb.connections).toBe(3)
    expect(lb.clientCertificates).toBe(0)
  })

  it('that selects http/1.1 because it was offered: one connection, no identity outside', async () => {
    const lb = await balancer({ alpn: ['http/1.1'] })
    const dials = dialer(lb.port, { alpn: ['app', 'http/1.1'] })
    const socket = await dials.connect()
    expect(socket.info).toMatchObject({ verdict: 'upgrade', connections: 1, outerTls: { alpn: 'http/1.1' } })
    expect(lb.clientCertificates).toBe(0)
  })

  it.each(['fin', 'rst'] as const)('whose middlebox ends an unknown ALPN by %s', async (how) => {
    const lb = await balancer({ dislikes: { protocol: 'app', how } })
    const socket = await dialer(lb.port).connect()
    expect(socket.info).toMatchObject({ verdict: 'upgrade', connections: 2 })
    expect(await echoed(socket, 'hello')).toBe('hello')
  })

  it('whose middlebox swallows an unknown ALPN', async () => {
    const lb = await balancer({ dislikes: { protocol: 'app', how: 'silence' } })
    const socket = await dialer(lb.port, { timeouts: { handshake: 300 } }).connect()
    expect(socket.info).toMatchObject({ verdict: 'upgrade', connections: 2 })
  })

  it('that ends both ways: both pieces of evidence', async () => {
    const lb = await balancer({ dislikes: { protocol: 'app', how: 'fin' }, status: 503 })
    const error = await dialer(lb.port)
      .connect()
      .catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_DETECT_INCONCLUSIVE' })
    expect(error.evidence.join('\n')).toMatch(/ERR_TLS_HANDSHAKE_EOF.*503/s)
  })

  it('whose certificate is wrong: that is the error, and nothing is tried after it', async () => {
    const lb = await balancer({ certificate: await host.issue({ names: ['localhost'] }) })
    await expect(dialer(lb.port).connect()).rejects.toMatchObject({
      code: 'ERR_CERT_UNTRUSTED',
      phase: 'outer-tls',
    })
    const other = await balancer({ certificate: await web.issue({ names: ['elsewhere.test'] }) })
    await expect(dialer(other.port, { mode: ['websocket', 'alpn'] }).connect()).rejects.toMatchObject({
      code: 'ERR_CERT_NAME_MISMATCH',
      phase: 'outer-tls',
    })
    expect([lb.connections, other.connections]).toEqual([1, 1])
  })

  it('to a server that `trust` does not vouch for: the web’s authority counts for nothing inside', async () => {
    const lb = await balancer()
    const dials = dialer(lb.port, { trust: web.certificate })
    await expect(dials.connect()).rejects.toMatchObject({ code: 'ERR_CERT_UNTRUSTED', phase: 'handshake' })
  })

  it('that passes WebSocket only: a list goes on after the 200', async () => {
    const lb = await balancer({ tokens: ['websocket'] })
    const socket = await dialer(lb.port, { mode: ['alpn', 'websocket'] }).connect()
    expect(socket.info).toMatchObject({ framing: 'websocket', connections: 2 })
    expect(lb.requests.map(({ token }) => token)).toEqual(['alpn', 'websocket'])
  })

  it('raw, with headers and a path of one’s own', async () => {
    const lb = await balancer()
    const dials = dialer(lb.port, {
      mode: 'alpn',
      host: 'virtual.test',
      path: '/elsewhere',
      headers: ({ attempt, protocol }) => ({ 'x-token': `${protocol} ${attempt}` }),
    })
    const socket = await dials.connect()
    expect(socket.info.framing).toBe('raw')
    expect(await echoed(socket, 'hello')).toBe('hello')
    expect(lb.requests[0]?.headers).toMatchObject({ host: 'virtual.test', 'x-token': 'alpn 1' })
  })

  it('that refuses: the status is the error', async () => {
    const lb = await balancer({ status: 403 })
    await expect(dialer(lb.port).connect()).rejects.toMatchObject({
      code: 'ERR_UPGRADE_FORBIDDEN',
      phase: 'upgrade',
    })
    await until(() => lb.open === 0)
  })

  it('tells keys of both layers, and shows no secret in its trace', async () => {
    const lines: string[] = []
    const trace: TimedTraceEvent[] = []
    const lb = await balancer()
    const dials = dialer(lb.port, {
      keylog: (line) => lines.push(line),
      trace: (event) => trace.push(event),
      headers: { authorization: 'Bearer open-sesame' },
    })
    await dials.connect()
    expect(lines.filter((line) => line.startsWith('CLIENT_TRAFFIC_SECRET_0'))).toHaveLength(2)
    expect(new Set(trace.map(({ layer }) => layer))).toEqual(
      new Set(['dial', '0:tls', '1:upgrade', '2:websocket', '3:tls']),
    )
    expect(JSON.stringify(trace)).not.toContain('open-sesame')
    for (let i = 1; i < trace.length; i++) expect(trace[i]?.at).toBeGreaterThanOrEqual(trace[i - 1]?.at ?? 0)
  })
})

describe('without a load balancer', () => {
  it('the first connection is the tunnel, vouched for by `trust`', async () => {
    const before = inner.connections
    const socket = await dialer(inner.port, { origin: `https://127.0.0.1:${inner.port}` }).connect()
    expect(socket.info).toMatchObject({
      verdict: 'direct',
      framing: 'none',
      connections: 1,
      tls: { alpn: 'app' },
    })
    expect(await echoed(socket, 'hello')).toBe('hello')
    expect(inner.connections - before).toBe(1)
    expect(inner.clients).toEqual(['alice'])
    expect(inner.serverNames).toEqual(['inner.test'])
  })

  it('a server that nobody vouches for is refused', async () => {
    const dials = dialer(inner.port, { origin: `https://127.0.0.1:${inner.port}`, trust: web.certificate })
    await expect(dials.connect()).rejects.toMatchObject({ code: 'ERR_CERT_UNTRUSTED' })
    expect(inner.clients).toEqual([])
  })

  it('detect() closes what it opened', async () => {
    const detection = await dialer(inner.port, { origin: `https://127.0.0.1:${inner.port}` }).detect()
    expect(detection).toMatchObject({ verdict: 'direct', connections: 1, roundTrips: 2 })
    await until(() => inner.open === 0)
  })
})

describe('what is given up', () => {
  it('leaves no socket, whatever phase it was in', async () => {
    const silence = await startSilence()
    started.push(silence)
    const lb = await balancer()
    const dead = await balancer({ inner: { ...inner, carry: () => {} } })
    const origins = [
      `https://localhost:${silence.port}`,
      `http://localhost:${silence.port}`,
      `https://localhost:${dead.port}`,
    ]
    const phases = ['outer-tls', 'upgrade', 'handshake']
    for (const [i, origin] of origins.entries()) {
      const controller = new AbortController()
      const options = { origin, mode: 'websocket', timeouts: { handshake: 0, upgrade: 0 } } as const
      // What each phase says first: a ClientHello, an upgrade request, a ClientHello behind that.
      const first = [['message'], ['http'], ['http', 'message']][i]!
      const trace = ({ event }: TimedTraceEvent) => {
        if (event.type === first[0] && 'direction' in event && event.direction === 'sent') first.shift()
        if (first.length === 0) setImmediate(() => controller.abort())
      }
      const dialing = dialer(lb.port, { ...options, trace }).connect({ signal: controller.signal })
      await expect(dialing).rejects.toMatchObject({ code: 'ERR_ABORTED', phase: phases[i] })
      await until(() => silence.open === 0 && dead.open === 0)
    }
  })

  it('times out by phase', async () => {
    const silence = await startSilence()
    started.push(silence)
    const timeouts = { handshake: 50, upgrade: 50 }
    const outer = dialer(silence.port, { mode: 'websocket', timeouts })
    await expect(outer.connect()).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'outer-tls' })
    const plain = dialer(silence.port, { origin: `http://localhost:${silence.port}`, timeouts })
    await expect(plain.connect()).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'upgrade' })
    await until(() => silence.open === 0)
  })

  it('a refused port is reported as itself', async () => {
    const silence = await startSilence()
    await silence.stop()
    await expect(dialer(silence.port).connect()).rejects.toMatchObject({
      code: 'ERR_DIAL_REFUSED',
      phase: 'dial',
    })
  })

  it('close() ends open tunnels on both sides', async () => {
    const lb = await balancer()
    const dials = dialer(lb.port)
    const socket = await dials.connect()
    await dials.close()
    await until(() => lb.open === 0)
    await expect(socket.closed).resolves.toBeUndefined()
  })
})

describe('a verdict that no longer holds', () => {
  it.each([
    ['has a certificate of its own', () => host, 'inner.test', 'TLSv1.3', undefined],
    ['wants a client certificate', () => web, 'localhost', 'TLSv1.3', undefined],
    ['wants a client certificate in TLS 1.2', () => web, 'localhost', 'TLSv1.2', undefined],
    ['says nothing', () => web, 'localhost', 'TLSv1.3', 'ERR_TIMEOUT'],
  ] as const)(
    'where the server %s instead of a load balancer',
    async (_, issuer, name, maxVersion, first) => {
      const issued = await issuer().issue({ names: [name] })
      const isSilent = first !== undefined
      const server = createTlsServer(
        {
          cert: issued.chain,
          key: issued.privateKey,
          ca: users.certificate,
          requestCert: !isSilent,
          rejectUnauthorized: !isSilent,
          ALPNProtocols: ['app'],
          maxVersion,
        },
        (socket) => void socket.on('error', () => {}).resume(),
      )
      server.on('tlsClientError', () => {})
      await new Promise<void>((resolve) => server.listen(0, resolve))
      const { port } = server.address() as AddressInfo
      const verdicts = verdictCache({ clock: () => 0 })
      verdicts.set(`https://localhost:${port}`, { verdict: 'upgrade', evidence: ['of before'] })
      const dials = dialer(port, {
        verdicts,
        trust: [host.certificate, web.certificate],
        serverName: name,
        timeouts: { upgrade: 50 },
      })
      try {
        if (first !== undefined) await expect(dials.connect()).rejects.toMatchObject({ code: first })
        expect((await dials.connect()).info.verdict).toBe('direct')
        expect(verdicts.get(`https://localhost:${port}`)?.verdict).toBe('direct')
      } finally {
        await dials.close()
        server.close()
      }
    },
  )
})

describe('what a load balancer says after its handshake', () => {
  it('is told as the outer TLS', async () => {
    // In TLS 1.3 a certificate that is missed is asked for when the client takes the handshake for done.
    const made = dialer(inner.port, {
      mode: 'websocket',
      originTrust: host.certificate,
      origin: `https://127.0.0.1:${inner.port}`,
    })
    const error = await made.connect().then(
      () => undefined,
      (thrown) => thrown,
    )
    expect(error).toMatchObject({ code: 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED', phase: 'outer-tls' })
  })
})

describe('a key log that cannot be written', () => {
  it('is the caller’s error', async () => {
    const lb = await balancer()
    const cause = new Error('no space left on device')
    const made = dialer(lb.port, {
      keylog: () => {
        throw cause
      },
    })
    const error = await made.connect().then(
      () => undefined,
      (thrown) => thrown,
    )
    expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID', blame: 'config' })
    await until(() => lb.open === 0)
  })
})

describe('createDialer()', () => {
  it('reads Teleport’s variable unless a mode or an override is given', async () => {
    const lb = await balancer()
    const variable = 'TELEPORT_TLS_ROUTING_CONN_UPGRADE'
    process.env[variable] = `localhost:${lb.port}=yes`
    try {
      const told = await dialer(lb.port).connect()
      expect(told.info.evidence[0]).toContain('override')
      const moded = await dialer(lb.port, { mode: 'websocket' }).connect()
      expect(moded.info.evidence[0]).toContain('mode')
      const overridden = await dialer(lb.port, { override: 'localhost=1;false' }).connect()
      expect(overridden.info.evidence[0]).toContain('override')
    } finally {
      delete process.env[variable]
    }
  })

  it('trusts the roots of the system outside by default, and they do not know the test’s authority', async () => {
    const lb = await balancer()
    const made = createDialer({
      origin: `https://localhost:${lb.port}`,
      trust: dangerously.anyCertificate('a test of the outer trust'),
      alpn: ['app'],
    })
    dialers.push(made)
    await expect(made.connect()).rejects.toMatchObject({ code: 'ERR_CERT_UNTRUSTED', phase: 'outer-tls' })
  })
})
