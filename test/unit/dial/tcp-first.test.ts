// Raw TCP and the runtime's WebSocket in turn: which failures let the second have its turn, and what is remembered.
import { beforeAll, describe, expect, it } from 'vitest'
import { type VerdictCache, verdictCache } from '../../../src/dial/cache.js'
import { dialerBy } from '../../../src/dial/dialer.js'
import type { DialerOptions } from '../../../src/dial/options.js'
import { overTcpFirst, overTcpLater } from '../../../src/dial/tcp-first.js'
import { type ErrorCode, failure, type TunnelError } from '../../../src/errors.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import type { Platform } from '../../../src/platform/platform.js'
import { createAuthority } from '../../support/certificates.js'

let trust: string

beforeAll(async () => {
  trust = (await createAuthority()).certificate
})

const key = 'https://lb.test'

interface World {
  /** Transports asked for, in order. */
  readonly dials: string[]
  readonly refused: VerdictCache
  /** Connects, and fails as told. */
  connect(options?: Partial<DialerOptions>): Promise<TunnelError>
}

function worldOf(codes: { tcp: ErrorCode; tls?: ErrorCode; webSocket: ErrorCode }): World {
  const dials: string[] = []
  const refused = verdictCache({ clock: () => 0 })
  const failing = (name: string, code: ErrorCode) => async () => {
    dials.push(name)
    throw failure(code, name, code === 'ERR_UNSUPPORTED_PLATFORM' ? { phase: 'dial' } : {})
  }
  const platform: Platform = {
    name: 'workerd',
    crypto: nodeCrypto,
    now: () => Date.now(),
    dialTcp: failing('tcp', codes.tcp),
    dialTls: failing('tls', codes.tls ?? codes.tcp),
    dialWebSocket: failing('websocket', codes.webSocket),
  }
  return {
    dials,
    refused,
    async connect(options = {}) {
      await using dialer = dialerBy(overTcpFirst(refused), platform, {
        origin: key,
        trust,
        alpn: ['app'],
        ...options,
      })
      return await dialer.connect().then(
        () => expect.unreachable('it connected'),
        (error: TunnelError) => error,
      )
    },
  }
}

describe('raw TCP first', () => {
  it('the WebSocket has its turn where TCP does not open, and the answer is remembered', async () => {
    const world = worldOf({ tcp: 'ERR_DIAL_FAILED', webSocket: 'ERR_UPGRADE_FORBIDDEN' })
    expect((await world.connect()).code).toBe('ERR_UPGRADE_FORBIDDEN')
    expect(world.dials).toEqual(['tls', 'websocket'])
    expect(world.refused.get(key)?.evidence[0]).toMatch(/^raw TCP does not open/)
    await world.connect()
    expect(world.dials).toEqual(['tls', 'websocket', 'websocket'])
  })

  it('where neither opens, TCP is told of with both, and nothing is remembered', async () => {
    const world = worldOf({ tcp: 'ERR_DIAL_REFUSED', webSocket: 'ERR_DIAL_FAILED' })
    const error = await world.connect()
    expect(error.code).toBe('ERR_DIAL_REFUSED')
    expect(error.evidence.join()).toMatch(/raw TCP: .*WebSocket: /)
    expect(world.refused.get(key)).toBeUndefined()
  })

  it('where there is no TCP at all, the WebSocket is told of', async () => {
    const world = worldOf({ tcp: 'ERR_UNSUPPORTED_PLATFORM', webSocket: 'ERR_DIAL_FAILED' })
    expect((await world.connect()).code).toBe('ERR_DIAL_FAILED')
  })

  it('a remembered refusal is forgotten when the WebSocket does not open either', async () => {
    const world = worldOf({ tcp: 'ERR_DIAL_FAILED', webSocket: 'ERR_DIAL_FAILED' })
    world.refused.set(key, { verdict: 'upgrade', evidence: ['earlier'] })
    await world.connect()
    expect(world.dials).toEqual(['websocket'])
    expect(world.refused.get(key)).toBeUndefined()
  })

  it.each<[string, ErrorCode, () => Partial<DialerOptions>]>([
    ['after a timeout', 'ERR_TIMEOUT', () => ({})],
    ['where the caller says who signs the origin', 'ERR_DIAL_FAILED', () => ({ originTrust: trust })],
    ['with a Host of its own', 'ERR_DIAL_FAILED', () => ({ host: 'other.test' })],
    ['with a quirk of framing', 'ERR_DIAL_FAILED', () => ({ compat: ['zero-mask'] })],
    ['for a way that no WebSocket is', 'ERR_DIAL_FAILED', () => ({ mode: 'alpn' })],
  ])('the WebSocket has no turn %s', async (_, code, options) => {
    const world = worldOf({ tcp: code, webSocket: 'ERR_INTERNAL' })
    expect((await world.connect(options())).code).toBe(code)
    expect(world.dials).not.toContain('websocket')
  })

  it('plain http goes by TCP, and directly by the TLS of our own', async () => {
    const world = worldOf({ tcp: 'ERR_TIMEOUT', webSocket: 'ERR_INTERNAL' })
    await world.connect({ origin: 'http://lb.test' })
    await world.connect({ mode: 'direct' })
    expect(world.dials).toEqual(['tcp', 'tcp'])
  })
})

describe('raw TCP, loaded later', () => {
  it.each<[string, Partial<DialerOptions>]>([
    ['a path', { path: 'x' }],
    ['a Host', { host: 'a b' }],
    ['a header', { headers: { Upgrade: 'x' } }],
    ['directly over http', { origin: 'http://lb.test', mode: 'direct' }],
  ])('refuses %s at once', (_, options) => {
    const platform: Platform = { name: 'workerd', crypto: nodeCrypto, now: () => 0 }
    const make = () => dialerBy(overTcpLater, platform, { origin: key, trust, ...options })
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
  })
})
