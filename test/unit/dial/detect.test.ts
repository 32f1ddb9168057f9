import { describe, expect, it } from 'vitest'
import { verdictCache } from '../../../src/dial/cache.js'
import type { ErrorCode, TunnelError } from '../../../src/errors.js'
import type { TunnelInfo, TunnelSocket } from '../../../src/index.js'
import { identity, type ScriptedConnection, scripted, type World, type WorldOptions } from './scripted.js'

async function reach(
  script: readonly ScriptedConnection[],
  options: WorldOptions = {},
): Promise<{ world: World; socket: TunnelSocket<TunnelInfo> }> {
  const world = scripted(script, options)
  const socket = await world.dialer.connect()
  return { world, socket }
}

async function refusal(world: World): Promise<TunnelError> {
  const error = await world.dialer.connect().catch((thrown: TunnelError) => thrown)
  if (!(error instanceof Error)) throw new Error('a tunnel opened')
  // Whatever failed, nothing stays open.
  expect(world.open).toBe(0)
  return error
}

const inner = { alpn: 'app' }

describe('the verdict table', () => {
  it('our ALPN selected: this connection is the tunnel', async () => {
    const { world, socket } = await reach([{ outer: { alpn: 'app' } }], { identity: identity as never })
    expect(socket.info).toMatchObject({
      verdict: 'direct',
      framing: 'none',
      connections: 1,
      innerPing: false,
    })
    expect(socket.info.outerTls).toBeUndefined()
    expect(world.upgrades).toHaveLength(0)
    expect(world.tls[0]?.identity).toBe(identity)
    expect(socket.info.evidence).toHaveLength(1)
    await world.dialer.close()
    expect(world.open).toBe(0)
  })

  it('no ALPN selected: the upgrade goes over this very connection', async () => {
    const { world, socket } = await reach([{ outer: {}, inner }], { identity: identity as never })
    expect(socket.info).toMatchObject({ verdict: 'upgrade', framing: 'websocket', connections: 1 })
    expect(world.connections).toBe(1)
    expect(world.upgrades.map(({ protocol }) => protocol)).toEqual(['websocket'])
    expect(world.pushed).toEqual(['websocket'])
    expect(world.tls.map(({ place, identity: shown }) => [place, shown])).toEqual([
      ['outer', undefined],
      ['inner', identity],
    ])
    await world.dialer.close()
  })

  it('http/1.1 selected: the same, although it was offered', async () => {
    const { world, socket } = await reach([{ outer: { alpn: 'http/1.1' }, inner: { alpn: 'http/1.1' } }], {
      alpn: ['http/1.1'],
      identity: identity as never,
    })
    expect(socket.info).toMatchObject({ verdict: 'upgrade', connections: 1 })
    expect(world.tls[0]?.identity).toBeUndefined()
    await world.dialer.close()
  })

  it('h2 selected: a load balancer too, but a new connection for HTTP/1.1', async () => {
    const { world, socket } = await reach([{ outer: { alpn: 'h2' } }, { inner: { alpn: 'h2' } }], {
      alpn: ['h2'],
      identity: identity as never,
    })
    expect(socket.info).toMatchObject({ verdict: 'upgrade', connections: 2 })
    expect(world.tls[0]?.identity).toBeUndefined()
    expect(world.tls[1]?.options.alpn).toEqual([])
    await world.dialer.close()
  })

  it.each<[ErrorCode]>([['ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL'], ['ERR_TLS_ALPN_UNOFFERED']])(
    '%s: once more without ALPN, then the upgrade',
    async (code) => {
      const { world, socket } = await reach([{ outer: { fail: code } }, { inner }])
      expect(socket.info).toMatchObject({ verdict: 'upgrade', connections: 2 })
      expect(world.tls.map(({ place, options }) => [place, options.alpn])).toEqual([
        ['outer', ['app']],
        ['outer', []],
        ['inner', ['app']],
      ])
      expect(world.open).toBe(1)
      await world.dialer.close()
      expect(world.open).toBe(0)
    },
  )

  it.each<[ErrorCode]>([
    ['ERR_TLS_HANDSHAKE_EOF'],
    ['ERR_STREAM_RESET'],
    ['ERR_DIAL_RESET'],
    ['ERR_TLS_ALERT'],
    ['ERR_TLS_ALERT_HANDSHAKE_FAILURE'],
    ['ERR_TLS_ALERT_UNRECOGNIZED_NAME'],
    ['ERR_TLS_ALERT_PROTOCOL_VERSION'],
  ])('%s: inconclusive, and an upgrade that works decides', async (code) => {
    const { world, socket } = await reach([{ outer: { fail: code } }, { inner }])
    expect(socket.info).toMatchObject({ verdict: 'upgrade', connections: 2 })
    expect(socket.info.evidence[0]).toContain(code)
    expect(world.steps('verdict')).toMatchObject([{ verdict: 'upgrade' }])
    await world.dialer.close()
  })

  it('a silent handshake: inconclusive as well', async () => {
    const { world, socket } = await reach([{ outer: 'silence' }, { inner }], { timeouts: { handshake: 20 } })
    expect(socket.info).toMatchObject({ verdict: 'upgrade', connections: 2 })
    expect(socket.info.evidence[0]).toContain('ERR_TIMEOUT')
    await world.dialer.close()
  })

  it('inconclusive, and the upgrade fails too: both pieces of evidence', async () => {
    const world = scripted([
      { outer: { fail: 'ERR_TLS_HANDSHAKE_EOF' } },
      { upgrade: { fail: 'ERR_UPGRADE_UNAVAILABLE' } },
    ])
    const error = await refusal(world)
    expect(error).toMatchObject({ code: 'ERR_DETECT_INCONCLUSIVE', phase: 'detect' })
    expect(error.evidence[0]).toContain('ERR_TLS_HANDSHAKE_EOF')
    expect(error.evidence.at(-1)).toContain('ERR_UPGRADE_UNAVAILABLE')
    expect(error.cause).toMatchObject({ code: 'ERR_UPGRADE_UNAVAILABLE' })
    expect(world.steps('verdict')).toEqual([])
  })

  it('inconclusive, and the next outer handshake fails too', async () => {
    const world = scripted([
      { outer: { fail: 'ERR_STREAM_RESET' } },
      { outer: { fail: 'ERR_TLS_HANDSHAKE_EOF' } },
    ])
    expect(await refusal(world)).toMatchObject({ code: 'ERR_DETECT_INCONCLUSIVE' })
    expect(world.connections).toBe(2)
  })

  it('inconclusive, the upgrade works, the inner server is wrong: that is the error', async () => {
    const world = scripted([
      { outer: { fail: 'ERR_STREAM_RESET' } },
      { inner: { fail: 'ERR_CERT_UNTRUSTED' } },
    ])
    expect(await refusal(world)).toMatchObject({ code: 'ERR_CERT_UNTRUSTED', phase: 'handshake' })
  })

  it.each<[ErrorCode]>([
    ['ERR_CERT_UNTRUSTED'],
    ['ERR_CERT_EXPIRED'],
    ['ERR_CERT_NAME_MISMATCH'],
    ['ERR_TLS_NOT_TLS'],
    ['ERR_TLS_ALERT_CERTIFICATE_REFUSED'],
    ['ERR_TLS_ALERT_CERTIFICATE_REQUIRED'],
    ['ERR_TLS_SIGNATURE'],
    ['ERR_CRYPTO_UNAVAILABLE'],
  ])('%s of the first handshake is reported as itself', async (code) => {
    const world = scripted([{ outer: { fail: code } }, { inner }])
    expect(await refusal(world)).toMatchObject({ code, phase: 'outer-tls' })
    expect(world.connections).toBe(1)
  })

  it('keeps alert, depth and subject when it tells an error of the outer TLS', async () => {
    const certificate = scripted([
      { outer: { fail: 'ERR_CERT_EXPIRED', with: { depth: 1, subject: 'CN=x' } } },
    ])
    expect(await refusal(certificate)).toMatchObject({
      depth: 1,
      subject: 'CN=x',
      alert: 'certificate_expired',
    })
    const untrusted = await refusal(scripted([{ outer: { fail: 'ERR_CERT_UNTRUSTED' } }]))
    expect(untrusted.hint).toContain('originTrust')
  })

  it.each<[ErrorCode]>([
    ['ERR_DIAL_REFUSED'],
    ['ERR_DIAL_DNS'],
    ['ERR_DIAL_UNREACHABLE'],
    ['ERR_DIAL_RESET'],
  ])('%s of the transport is reported as itself', async (code) => {
    const world = scripted([{ tcp: { fail: code } }])
    expect(await refusal(world)).toMatchObject({ code })
    expect(world.connections).toBe(1)
  })

  it('a silent transport times out as dial', async () => {
    const world = scripted([{ tcp: 'silence' }], { timeouts: { connect: 10 } })
    expect(await refusal(world)).toMatchObject({ code: 'ERR_TIMEOUT', phase: 'dial' })
  })
})

describe('who may vouch', () => {
  const names = (world: World, index: number) =>
    world.tls[index]?.expected.map(({ trust, serverName }) => [
      trust.kind === 'unverified' ? trust.reason : '',
      serverName,
    ])

  it('outside only the origin’s trust, unless our ALPN was selected; inside only `trust`', async () => {
    const upgraded = await reach([{ outer: {}, inner }], { serverName: 'inner.test' })
    expect(names(upgraded.world, 0)).toEqual([['scripted outer', 'lb.test']])
    expect(names(upgraded.world, 1)).toEqual([['scripted inner', 'inner.test']])
    await upgraded.world.dialer.close()

    const direct = await reach([{ outer: { alpn: 'app' } }])
    expect(names(direct.world, 0)).toEqual([
      ['scripted outer', 'lb.test'],
      ['scripted inner', 'lb.test'],
    ])
    await direct.world.dialer.close()

    const web = await reach([{ outer: { alpn: 'http/1.1' }, inner: { alpn: 'http/1.1' } }], {
      alpn: ['http/1.1'],
    })
    expect(names(web.world, 0)).toEqual([['scripted outer', 'lb.test']])
    await web.world.dialer.close()
  })

  it('shows unverified use in every trace', async () => {
    const { world } = await reach([{ outer: {}, inner }])
    expect(world.steps('unverified')).toEqual([
      { option: 'trust', reason: 'scripted inner' },
      { option: 'originTrust', reason: 'scripted outer' },
    ])
    await world.dialer.close()
  })
})

describe('the server name', () => {
  it('of a direct server is sent on a second connection, and at once when the verdict is known', async () => {
    const direct = { outer: { alpn: 'app' } }
    const { world, socket } = await reach([direct, direct, direct], { serverName: 'inner.test' })
    expect(world.tls.map(({ options }) => options.serverName)).toEqual(['lb.test', 'inner.test'])
    expect(socket.info.connections).toBe(2)
    const next = await world.dialer.connect()
    expect(world.tls[2]?.options.serverName).toBe('inner.test')
    expect(next.info.connections).toBe(1)
    await world.dialer.close()
  })

  it('needs no second connection when the certificate is for it too', async () => {
    const { world, socket } = await reach([{ outer: { alpn: 'app', names: ['inner.test', 'lb.test'] } }], {
      serverName: 'inner.test',
    })
    expect(socket.info).toMatchObject({ verdict: 'direct', connections: 1 })
    await world.dialer.close()
  })

  it('goes into the first hello when the origin is an address', async () => {
    const { world, socket } = await reach([{ outer: { alpn: 'app' } }], {
      origin: 'https://127.0.0.1',
      serverName: 'inner.test',
    })
    expect(world.tls.map(({ options }) => options.serverName)).toEqual(['inner.test'])
    expect(socket.info.connections).toBe(1)
    await world.dialer.close()
  })
})

describe('verdicts', () => {
  it('are remembered: the next dial offers no ALPN outside', async () => {
    const { world } = await reach([
      { outer: { fail: 'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL' } },
      { inner },
      { inner },
    ])
    const second = await world.dialer.connect()
    expect(second.info).toMatchObject({ verdict: 'upgrade', connections: 1 })
    expect(second.info.evidence[0]).toContain('remembered')
    expect(world.tls[3]?.options.alpn).toEqual([])
    await world.dialer.close()
  })

  it('expire', async () => {
    let now = 0
    const clock = () => now
    const { world } = await reach([{ outer: {}, inner }, { outer: { alpn: 'app' } }], {
      clock,
      verdicts: verdictCache({ clock, ttl: 1000 }),
    })
    now = 1000
    const second = await world.dialer.connect()
    expect(second.info.verdict).toBe('direct')
    await world.dialer.close()
  })

  it('that said direct are contradicted by the real dial, which goes on as an upgrade', async () => {
    const { world } = await reach([
      { outer: { alpn: 'app' } },
      { outer: { fail: 'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL' } },
      { inner },
      { inner },
    ])
    const second = await world.dialer.connect()
    expect(second.info).toMatchObject({ verdict: 'upgrade', connections: 2 })
    expect(world.steps('verdict-contradicted')).toEqual([
      { origin: 'https://lb.test', before: 'direct', now: 'upgrade' },
    ])
    const third = await world.dialer.connect()
    expect(third.info).toMatchObject({ verdict: 'upgrade', connections: 1 })
    await world.dialer.close()
  })

  it('that said upgrade are dropped when the upgrade is refused, and found out again at once', async () => {
    const { world } = await reach([
      { outer: {}, inner },
      { upgrade: { fail: 'ERR_UPGRADE_NOT_FOUND' } },
      { upgrade: { fail: 'ERR_UPGRADE_NOT_FOUND' } },
      { outer: { alpn: 'app' } },
    ])
    const second = await world.dialer.connect()
    expect(second.info).toMatchObject({ verdict: 'direct', connections: 3 })
    expect(world.steps('verdict-dropped')).toHaveLength(1)
    await world.dialer.close()
  })

  it('stay when only the backend is down', async () => {
    const verdicts = verdictCache({ clock: () => 0 })
    verdicts.set('https://lb.test', { verdict: 'upgrade', evidence: [] })
    const world = scripted([{ upgrade: { fail: 'ERR_UPGRADE_UNAVAILABLE' } }], { verdicts })
    expect(await refusal(world)).toMatchObject({ code: 'ERR_UPGRADE_UNAVAILABLE' })
    expect(verdicts.get('https://lb.test')?.verdict).toBe('upgrade')
    expect(world.connections).toBe(1)
  })

  it('are found by one dial while the others wait', async () => {
    const refused = { outer: { fail: 'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL' } } as const
    const world = scripted([refused, { inner }, { inner }, { inner }])
    const sockets = await Promise.all([1, 2, 3].map(() => world.dialer.connect()))
    expect(sockets.map(({ info }) => info.connections)).toEqual([2, 1, 1])
    expect(world.connections).toBe(4)
    expect(world.steps('waiting')).toHaveLength(2)
    await world.dialer.close()
  })

  it('are not waited for by a dial that is aborted, and a leader that fails lets the others go', async () => {
    const world = scripted([{ outer: 'silence' }, { outer: { alpn: 'app' } }])
    const leader = new AbortController()
    const follower = new AbortController()
    const first = world.dialer.connect({ signal: leader.signal })
    const second = world.dialer.connect({ signal: follower.signal })
    const third = world.dialer.connect()
    follower.abort()
    await expect(second).rejects.toMatchObject({ code: 'ERR_ABORTED', phase: 'detect' })
    leader.abort()
    await expect(first).rejects.toMatchObject({ code: 'ERR_ABORTED', phase: 'outer-tls' })
    expect((await third).info.verdict).toBe('direct')
    await world.dialer.close()
    expect(world.open).toBe(0)
  })
})

describe('detect()', () => {
  it.each<[string, readonly ScriptedConnection[], string, number, number]>([
    ['direct', [{ outer: { alpn: 'app' } }], 'direct', 1, 2],
    ['no ALPN', [{ outer: {} }], 'upgrade', 1, 2],
    ['no ALPN over TLS 1.2', [{ outer: { version: 'TLSv1.2' } }], 'upgrade', 1, 3],
    ['alert 120', [{ outer: { fail: 'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL' } }], 'upgrade', 1, 2],
    ['EOF, then a 101', [{ outer: { fail: 'ERR_TLS_HANDSHAKE_EOF' } }, {}], 'upgrade', 2, 5],
  ])('%s', async (_, script, verdict, connections, roundTrips) => {
    const world = scripted(script)
    const detection = await world.dialer.detect()
    expect(detection).toMatchObject({ verdict, connections, roundTrips })
    expect(detection.evidence.length).toBeGreaterThan(0)
    expect(world.open).toBe(0)
    expect(world.tls.every(({ place }) => place === 'outer')).toBe(true)
    expect(world.steps('verdict')).toMatchObject([{ verdict }])
  })

  it('offers what Teleport offers when no protocol is known', async () => {
    const world = scripted([{ outer: {} }], { alpn: [] })
    await world.dialer.detect()
    expect(world.tls[0]?.options.alpn).toEqual(['teleport-reversetunnel'])
  })

  it('reports real errors, and both pieces of evidence', async () => {
    const real = scripted([{ outer: { fail: 'ERR_CERT_EXPIRED' } }])
    await expect(real.dialer.detect()).rejects.toMatchObject({ code: 'ERR_CERT_EXPIRED' })
    const unclear = scripted([
      { outer: { fail: 'ERR_STREAM_RESET' } },
      { upgrade: { fail: 'ERR_UPGRADE_EOF' } },
    ])
    await expect(unclear.dialer.detect()).rejects.toMatchObject({ code: 'ERR_DETECT_INCONCLUSIVE' })
    expect(unclear.open).toBe(0)
  })

  it('needs no connection where there is nothing to see', async () => {
    const world = scripted([], { origin: 'http://lb.test' })
    expect(await world.dialer.detect()).toMatchObject({ verdict: 'upgrade', connections: 0, roundTrips: 0 })
  })
})
