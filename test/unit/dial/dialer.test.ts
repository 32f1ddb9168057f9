import { describe, expect, it } from 'vitest'
import type { Timeouts } from '../../../src/dial/options.js'
import type { ErrorCode, Phase } from '../../../src/errors.js'
import {
  type DialerOptions,
  dangerously,
  dialerOn,
  type HeadersRequest,
  webcrypto,
} from '../../../src/index.js'
import { memoryPlatform } from '../../../src/platform/memory/index.js'
import { takeWire } from '../../../src/stream/index.js'
import { identity, type ScriptedConnection, scripted } from './scripted.js'

const inner = { alpn: 'app' }
const anything = dangerously.anyCertificate('no TLS is reached here')

describe('many dials under way', () => {
  it('make no runtime warn of a leak, and end with the dialer', async () => {
    const warnings: string[] = []
    const hear = ({ name }: Error) => void warnings.push(name)
    process.on('warning', hear)
    const dialer = dialerOn(
      memoryPlatform({ crypto: webcrypto(globalThis.crypto), now: () => 0, serve: () => {} }),
      { origin: 'http://lb.test', trust: anything, alpn: ['app'] },
    )
    const dials = Array.from({ length: 30 }, () => dialer.connect())
    await new Promise((resolve) => setImmediate(resolve))
    await dialer.close()
    for (const dial of dials) await expect(dial).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', hear)
    expect(warnings).toEqual([])
  })
})

describe('a list of modes', () => {
  it('is tried in order, each a fresh request on a fresh connection', async () => {
    const world = scripted(
      [
        { upgrade: { fail: 'ERR_UPGRADE_BAD_REQUEST' } },
        { upgrade: { fail: 'ERR_UPGRADE_UNAVAILABLE' } },
        { inner },
      ],
      { mode: ['alpn', 'alpn-ping', 'websocket'] },
    )
    const { info } = await world.dialer.connect()
    expect(info).toMatchObject({ framing: 'websocket', connections: 3 })
    expect(world.upgrades.map(({ protocol }) => protocol)).toEqual(['alpn', 'alpn-ping', 'websocket'])
    expect(world.steps('attempt').map(({ mode }) => mode)).toEqual(['alpn', 'alpn-ping', 'websocket'])
    expect(world.open).toBe(1)
    await world.dialer.close()
  })

  it('goes from direct to an upgrade when the peer is no server of ours', async () => {
    const world = scripted([{ outer: {} }, { inner }], { mode: ['direct', 'websocket'] })
    const { info } = await world.dialer.connect()
    expect(info).toMatchObject({ verdict: 'upgrade', connections: 2 })
    expect(world.tls[0]?.options.alpnPolicy).toBe('required')
    await world.dialer.close()
  })

  it.each<[ErrorCode, ScriptedConnection]>([
    ['ERR_CERT_UNTRUSTED', { outer: { fail: 'ERR_CERT_UNTRUSTED' } }],
    ['ERR_CERT_NAME_MISMATCH', { inner: { fail: 'ERR_CERT_NAME_MISMATCH' } }],
    ['ERR_TLS_ALERT', { inner: { fail: 'ERR_TLS_ALERT' } }],
  ])('stops at %s', async (code, connection) => {
    const world = scripted([connection, { inner }], { mode: ['websocket', 'alpn'] })
    await expect(world.dialer.connect()).rejects.toMatchObject({ code })
    expect(world.connections).toBe(1)
    expect(world.open).toBe(0)
  })

  it('reports all refusals', async () => {
    const world = scripted(
      [{ upgrade: { fail: 'ERR_UPGRADE_STRIPPED' } }, { upgrade: { fail: 'ERR_UPGRADE_FORBIDDEN' } }],
      { mode: ['alpn', 'websocket'] },
    )
    await expect(world.dialer.connect()).rejects.toMatchObject({
      code: 'ERR_UPGRADE_FORBIDDEN',
      evidence: [expect.stringContaining('alpn: '), expect.stringContaining('websocket: ')],
    })
  })

  it.each<[ErrorCode]>([['ERR_STREAM_RESET'], ['ERR_TLS_TRUNCATED']])(
    'takes a connection lost to %s for a refusal',
    async (code) => {
      const world = scripted([{ upgrade: { fail: code } }, { inner }], { mode: ['alpn', 'websocket'] })
      expect((await world.dialer.connect()).info.connections).toBe(2)
      await world.dialer.close()
    },
  )

  it('chooses the framing by the answer', async () => {
    const ping = scripted([{ inner }], { mode: 'alpn-ping' })
    expect((await ping.dialer.connect()).info.framing).toBe('ping')
    expect(ping.pushed).toEqual(['ping'])
    await ping.dialer.close()
    const raw = scripted([{ inner }], { mode: 'alpn' })
    expect((await raw.dialer.connect()).info.framing).toBe('raw')
    expect(raw.pushed).toEqual([])
    await raw.dialer.close()
  })
})

describe('by itself', () => {
  it('the older token is tried after an answer that a server of old gives', async () => {
    const world = scripted([{ outer: {}, upgrade: { fail: 'ERR_UPGRADE_NOT_FOUND' } }, { inner }])
    const { info } = await world.dialer.connect()
    expect(info).toMatchObject({ framing: 'ping', connections: 2 })
    expect(world.upgrades.map(({ protocol }) => protocol)).toEqual(['websocket', 'alpn-ping'])
    await world.dialer.close()
  })

  it('but not after a login wall', async () => {
    const world = scripted([{ outer: {}, upgrade: { fail: 'ERR_UPGRADE_REDIRECTED' } }, { inner }])
    await expect(world.dialer.connect()).rejects.toMatchObject({ code: 'ERR_UPGRADE_REDIRECTED' })
    expect(world.connections).toBe(1)
  })
})

describe('ping framing inside', () => {
  it.each<[ScriptedConnection, string[]]>([
    [{ outer: {}, inner: { alpn: 'app-ping' } }, ['websocket', 'ping']],
    [{ outer: { alpn: 'app-ping' } }, ['ping']],
    [{ outer: {}, inner: { alpn: 'app' } }, ['websocket']],
  ])('follows the negotiated name', async (connection, pushed) => {
    const world = scripted([connection], { alpn: ['app', 'app-ping'] })
    const { info } = await world.dialer.connect()
    expect(world.pushed).toEqual(pushed)
    expect(info.innerPing).toBe(pushed.at(-1) === 'ping')
    expect(world.tls[0]?.options.alpn).toEqual(['app-ping', 'app'])
    await world.dialer.close()
  })
})

describe('headers', () => {
  it('are asked for before every attempt', async () => {
    const asked: HeadersRequest[] = []
    const world = scripted([{ upgrade: { fail: 'ERR_UPGRADE_BAD_REQUEST' } }, { inner }], {
      mode: ['alpn', 'websocket'],
      host: 'other.test',
      headers: async (request) => {
        asked.push(request)
        return { authorization: `token ${request.attempt}` }
      },
    })
    await world.dialer.connect()
    const url = 'https://lb.test/webapi/connectionupgrade'
    expect(asked).toEqual([
      { url, attempt: 1, protocol: 'alpn' },
      { url, attempt: 2, protocol: 'websocket' },
    ])
    expect(world.upgrades.map(({ headers, host }) => [headers, host])).toEqual([
      [[['authorization', 'token 1']], 'other.test'],
      [[['authorization', 'token 2']], 'other.test'],
    ])
    expect(JSON.stringify(world.trace)).not.toContain('token')
    await world.dialer.close()
  })

  it('that cannot be had are the caller’s error, within the upgrade’s deadline', async () => {
    const throwing = scripted([{}], {
      mode: 'websocket',
      headers: () => {
        throw new Error('no token')
      },
    })
    await expect(throwing.dialer.connect()).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
    expect(throwing.open).toBe(0)
    const hanging = scripted([{}], {
      mode: 'websocket',
      headers: () => new Promise(() => {}),
      timeouts: { upgrade: 10 },
    })
    await expect(hanging.dialer.connect()).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'upgrade' })
    expect(hanging.open).toBe(0)
  })
})

const silences: ReadonlyArray<[Phase, ScriptedConnection, Partial<Timeouts>]> = [
  ['dial', { tcp: 'silence' }, { connect: 10 }],
  ['upgrade', { upgrade: 'silence' }, { upgrade: 10 }],
  ['handshake', { inner: 'silence' }, { handshake: 10 }],
]

describe('a phase that does not end', () => {
  it.each(silences)('%s times out by its name and frees the wire', async (phase, connection, timeouts) => {
    const world = scripted([connection], { mode: 'websocket', timeouts })
    await expect(world.dialer.connect()).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      phase,
      retryable: true,
    })
    expect(world.open).toBe(0)
  })

  it('outer-tls times out by its name', async () => {
    const world = scripted([{ outer: 'silence' }], { mode: 'websocket', timeouts: { handshake: 10 } })
    await expect(world.dialer.connect()).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'outer-tls' })
    expect(world.open).toBe(0)
  })

  it.each<[Phase, ScriptedConnection]>([
    ...silences.map(([phase, connection]) => [phase, connection] as [Phase, ScriptedConnection]),
    ['outer-tls', { outer: 'silence' }],
  ])('%s is aborted at once and frees the wire', async (phase, connection) => {
    const world = scripted([connection], {
      mode: 'websocket',
      timeouts: { connect: 0, upgrade: 0, handshake: 0 },
    })
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const dialing = world.dialer.connect({ signal: controller.signal })
    setTimeout(() => controller.abort(reason), 10)
    await expect(dialing).rejects.toMatchObject({ code: 'ERR_ABORTED', phase, cause: reason })
    expect(world.open).toBe(0)
  })

  it('refuses a signal that is aborted already, without dialing', async () => {
    const world = scripted([{ inner }])
    await expect(world.dialer.connect({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    })
    expect(world.connections).toBe(0)
  })

  it('leaves an open tunnel alone when the signal of its dial aborts later', async () => {
    const world = scripted([{ outer: {}, inner }])
    const controller = new AbortController()
    await world.dialer.connect({ signal: controller.signal })
    controller.abort()
    expect(world.open).toBe(1)
    await world.dialer.close()
  })
})

describe('retries', () => {
  it('dial again after a failure that may pass', async () => {
    const world = scripted([{ tcp: { fail: 'ERR_DIAL_REFUSED' } }, { outer: {}, inner }], {
      retry: { retries: 1, delay: 1 },
    })
    const { info } = await world.dialer.connect()
    expect(info.connections).toBe(2)
    expect(world.steps('retry')).toMatchObject([{ attempt: 1, code: 'ERR_DIAL_REFUSED' }])
    await world.dialer.close()
  })

  it('are aborted in their pause', async () => {
    const world = scripted([{ tcp: { fail: 'ERR_DIAL_REFUSED' } }], {
      retry: { retries: 1, delay: 2 ** 30, maxDelay: 2 ** 30 },
    })
    const dialing = world.dialer.connect()
    setTimeout(() => void world.dialer.close(), 10)
    await expect(dialing).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect(world.connections).toBe(1)
  })
})

describe('identities', () => {
  it('may be a function, asked on every connect()', async () => {
    let asked = 0
    const world = scripted([{ outer: {}, inner }, { inner }], {
      identity: () => {
        asked++
        return identity as never
      },
    })
    await world.dialer.connect()
    await world.dialer.connect()
    expect(asked).toBe(2)
    expect(world.tls.filter(({ place }) => place === 'inner').map((tls) => tls.identity)).toEqual([
      identity,
      identity,
    ])
    await world.dialer.close()
  })

  it('that cannot be had stop the dial before it begins', async () => {
    const world = scripted([{ outer: {}, inner }], {
      identity: () => {
        throw new Error('the vault is sealed')
      },
    })
    await expect(world.dialer.connect()).rejects.toMatchObject({ code: 'ERR_CONFIG_IDENTITY' })
    expect(world.connections).toBe(0)
  })
})

describe('what one dial waits for', () => {
  it('is its own limit, not that of the dial that finds out for both', async () => {
    const dialer = dialerOn(
      memoryPlatform({ crypto: webcrypto(globalThis.crypto), now: () => 0, serve: () => {} }),
      { origin: 'https://lb.test', trust: anything, originTrust: anything, alpn: ['app'] },
    )
    const first = dialer.connect({ timeouts: { connect: 0, handshake: 0 } })
    const second = dialer.connect({ timeouts: { connect: 20, handshake: 20 } })
    await expect(second).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'detect' })
    await dialer.close()
    await expect(first).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })

  it('is long where the limits are the longest', async () => {
    const longest = 2 ** 31 - 1
    const dialer = dialerOn(
      memoryPlatform({ crypto: webcrypto(globalThis.crypto), now: () => 0, serve: () => {} }),
      {
        origin: 'https://lb.test',
        trust: anything,
        originTrust: anything,
        alpn: ['app'],
        timeouts: { connect: longest, handshake: longest },
      },
    )
    const dials = Promise.allSettled([dialer.connect(), dialer.connect()])
    await new Promise((resolve) => setTimeout(resolve, 20))
    await dialer.close()
    expect(await dials).toMatchObject([
      { reason: { code: 'ERR_ABORTED' } },
      { reason: { code: 'ERR_ABORTED' } },
    ])
  })

  it('is no identity for ever', async () => {
    const world = scripted([{ outer: {}, inner }], {
      identity: () => new Promise(() => {}),
      timeouts: { handshake: 20 },
    })
    await expect(world.dialer.connect()).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'config' })
    expect(world.connections).toBe(0)
  })
})

describe('what the caller hands in and what throws', () => {
  const broken = () => {
    throw new Error('no space left on device')
  }

  it('is no failure of the dial: a trace', async () => {
    const world = scripted([{ outer: {}, inner }])
    const socket = await world.dialer.connect({ trace: broken })
    expect(socket.info.verdict).toBe('upgrade')
    await world.dialer.close()
    expect(world.open).toBe(0)
  })

  it('is no failure of the dial: a cache of verdicts', async () => {
    const world = scripted([{ outer: {}, inner }], { verdicts: { get: broken, set: broken, drop: broken } })
    const socket = await world.dialer.connect()
    expect(socket.info.verdict).toBe('upgrade')
    await world.dialer.close()
    expect(world.open).toBe(0)
  })
})

describe('the end of a dialer', () => {
  it('aborts dials under way, ends open tunnels, and refuses new ones', async () => {
    const world = scripted([{ outer: {}, inner }, { tcp: 'silence' }])
    const socket = await world.dialer.connect()
    const dialing = world.dialer.connect()
    const settled = Promise.allSettled([dialing])
    await world.dialer.close()
    expect((await settled)[0]).toMatchObject({ status: 'rejected', reason: { code: 'ERR_ABORTED' } })
    await socket.closed
    expect(world.open).toBe(0)
    await expect(world.dialer.connect()).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await world.dialer.close()
  })

  it('is told to who took the wire of a tunnel', async () => {
    const world = scripted([{ outer: {}, inner }])
    const wire = (await world.dialer.connect())[takeWire]()
    const failed = new Promise((resolve) => wire.start({ data: () => {}, end: () => {}, fail: resolve }))
    await world.dialer.close()
    expect(await failed).toMatchObject({ code: 'ERR_ABORTED' })
    expect(world.open).toBe(0)
  })

  it('comes with its signal, at once', async () => {
    const controller = new AbortController()
    const world = scripted([{ outer: {}, inner }], { signal: controller.signal })
    const socket = await world.dialer.connect()
    controller.abort()
    await expect(socket.closed).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect(world.open).toBe(0)
    await world.dialer.close()
  })

  it('is what `await using` does', async () => {
    const world = scripted([{ outer: {}, inner }])
    {
      await using dialer = world.dialer
      await dialer.connect()
    }
    expect(world.open).toBe(0)
  })
})

describe('an open tunnel', () => {
  it('fails by name when it is idle for too long', async () => {
    const world = scripted([{ outer: {}, inner }], { timeouts: { idle: 10 } })
    const socket = await world.dialer.connect()
    await expect(socket.closed).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'stream' })
    expect(world.open).toBe(0)
  })

  it('fails by name when the peer is silent for longer than the keep-alive allows', async () => {
    const world = scripted([{ outer: {}, inner }], { keepAlive: { interval: 5, timeout: 15 } })
    const socket = await world.dialer.connect()
    await expect(socket.closed).rejects.toMatchObject({ code: 'ERR_PING_TIMEOUT' })
  })

  it('is not taken for dead in silence where nothing has pings', async () => {
    const world = scripted([{ inner }], {
      mode: 'alpn',
      keepAlive: { interval: 5, timeout: 15 },
      timeouts: { idle: 60 },
    })
    const socket = await world.dialer.connect()
    await expect(socket.closed).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'stream' })
  })

  it('knows what each phase took', async () => {
    let now = 0
    const world = scripted([{ outer: {}, inner }], { clock: () => now++ })
    const { info } = await world.dialer.connect()
    const { tcp, outerTls, upgrade, innerTls, total } = info.timings
    for (const part of [tcp, outerTls, upgrade, innerTls]) expect(part).toBeGreaterThan(0)
    expect(total).toBeGreaterThanOrEqual((tcp ?? 0) + (outerTls ?? 0) + (upgrade ?? 0) + (innerTls ?? 0))
    await world.dialer.close()
  })
})

describe('options', () => {
  const make = (options: Partial<DialerOptions>) => () => scripted([], options)

  it.each<[ErrorCode, Partial<DialerOptions>]>([
    ['ERR_CONFIG_TRUST', { trust: 'no PEM' }],
    ['ERR_CONFIG_TRUST', { originTrust: [] }],
    ['ERR_CONFIG_INVALID', { path: 'no-slash' }],
    ['ERR_CONFIG_INVALID', { host: 'two words' }],
    ['ERR_CONFIG_INVALID', { headers: { host: 'a' } }],
    ['ERR_CONFIG_INVALID', { headers: { a: 'b\r\nc: d' } }],
    ['ERR_CONFIG_INVALID', { origin: 'http://lb.test', mode: 'direct' }],
  ])('are refused when the dialer is made: %s', (code, options) => {
    expect(make(options)).toThrow(expect.objectContaining({ code }))
  })

  it('need a protocol by the time of connect()', async () => {
    const world = scripted([], { alpn: [] })
    await expect(world.dialer.connect()).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
    expect(world.connections).toBe(0)
  })

  it('need an `originTrust` where the platform tells no roots', () => {
    const crypto = webcrypto(globalThis.crypto)
    const platform = memoryPlatform({ crypto, now: () => 0, serve: () => {} })
    const options = { origin: 'https://lb.test', trust: anything, alpn: ['a'] }
    expect(() => dialerOn(platform, options)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_TRUST' }))
    expect(() => dialerOn(platform, { ...options, origin: 'http://lb.test' })).not.toThrow()
  })

  it('take an override in Teleport’s grammar, which loses against a mode', async () => {
    const forced = scripted([{ inner }], { override: 'lb.test:443=yes' })
    const { info } = await forced.dialer.connect()
    expect(info.evidence[0]).toContain('override')
    expect(forced.tls[0]?.options.alpn).toEqual([])
    await forced.dialer.close()
    const direct = scripted([{ outer: { alpn: 'app' } }], { override: 'lb.test=no' })
    expect((await direct.dialer.connect()).info.verdict).toBe('direct')
    expect(direct.tls[0]?.options.alpnPolicy).toBe('required')
    await direct.dialer.close()
    const mode = scripted([{ inner }], { override: 'no' })
    expect((await mode.dialer.connect({ mode: 'websocket' })).info.verdict).toBe('upgrade')
    await mode.dialer.close()
  })

  it('http: origins have no outer TLS', async () => {
    const world = scripted([{ inner }], { origin: 'http://lb.test:8080' })
    const { info } = await world.dialer.connect()
    expect(info).toMatchObject({ verdict: 'upgrade', connections: 1, framing: 'websocket' })
    expect(info.outerTls).toBeUndefined()
    expect(world.tls.map(({ place }) => place)).toEqual(['inner'])
    expect(world.upgrades[0]?.host).toBe('lb.test:8080')
    await world.dialer.close()
  })
})

describe('a runtime with WebSockets only', () => {
  const crypto = webcrypto(globalThis.crypto)
  const options = { origin: 'https://lb.test', trust: anything, alpn: ['app'] }

  it('always upgrades, offers exactly one subprotocol, and passes headers on', async () => {
    const requests: unknown[] = []
    const platform = memoryPlatform({
      crypto,
      now: () => 0,
      serveWebSocket: (wire, request) => {
        requests.push(request)
        wire.start({ data: () => wire.destroy(), end: () => {}, fail: () => {} })
        return 'alpn-ping'
      },
    })
    const dialer = dialerOn(platform, { ...options, headers: { a: 'b' }, timeouts: { handshake: 10_000 } })
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_STREAM_RESET', phase: 'handshake' })
    expect(requests).toEqual([
      { url: 'wss://lb.test/webapi/connectionupgrade', subprotocols: ['alpn-ping'], headers: [['a', 'b']] },
    ])
    expect(await dialer.detect()).toMatchObject({ verdict: 'upgrade', connections: 0 })
    await dialer.close()
  })

  it('refuses a server that chose no subprotocol', async () => {
    const platform = memoryPlatform({ crypto, now: () => 0, serveWebSocket: () => '' })
    const dialer = dialerOn(platform, options)
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_UPGRADE_SUBPROTOCOL' })
    await dialer.close()
  })

  it.each<[Partial<DialerOptions>, string]>([
    [{}, 'this runtime cannot see ALPN: always upgrade'],
    [{ mode: ['direct', 'websocket'] }, 'mode direct, websocket was asked for'],
  ])('takes %j for an upgrade', async (given, sentence) => {
    const trace: string[] = []
    const platform = memoryPlatform({ crypto, now: () => 0, serveWebSocket: () => '' })
    const dialer = dialerOn(platform, {
      ...options,
      ...given,
      trace: ({ event }) => {
        if (event.type === 'step') trace.push(event.name, ...Object.values(event.facts).map(String))
      },
    })
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_UPGRADE_SUBPROTOCOL' })
    expect(trace).toEqual(expect.arrayContaining([sentence, 'attempt', 'websocket']))
    await dialer.close()
  })

  it.each<[string, Partial<DialerOptions>]>([
    ['a path that is none', { path: 'no-slash' }],
    ['a header of the upgrade itself', { headers: { Host: 'a' } }],
    ['two headers in one', { headers: { a: 'b\r\nc: d' } }],
    ['direct over http', { origin: 'http://lb.test', mode: ['direct', 'websocket'] }],
  ])('refuses %s when the dialer is made', (_, given) => {
    const platform = memoryPlatform({ crypto, now: () => 0, serveWebSocket: () => 'alpn-ping' })
    expect(() => dialerOn(platform, { ...options, ...given })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }),
    )
  })

  it('refuses a header that a function gives when it gives it', async () => {
    const platform = memoryPlatform({ crypto, now: () => 0, serveWebSocket: () => 'alpn-ping' })
    const dialer = dialerOn(platform, { ...options, headers: () => ({ a: 'b\r\nc: d' }) })
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
    await dialer.close()
  })

  it.each<Partial<DialerOptions>>([{ mode: 'direct' }, { mode: 'alpn-ping' }])('cannot do %j', (given) => {
    const platform = memoryPlatform({ crypto, now: () => 0, serveWebSocket: () => 'alpn-ping' })
    expect(() => dialerOn(platform, { ...options, ...given })).toThrow(
      expect.objectContaining({ code: 'ERR_UNSUPPORTED_PLATFORM' }),
    )
  })

  it.each<Partial<DialerOptions>>([{ host: 'other.test' }, { compat: ['zero-mask'] }])(
    'does not pretend to do %j',
    async (given) => {
      const platform = memoryPlatform({ crypto, now: () => 0, serveWebSocket: () => 'alpn-ping' })
      const dialer = dialerOn(platform, { ...options, ...given })
      await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PLATFORM' })
      await dialer.close()
    },
  )
})
