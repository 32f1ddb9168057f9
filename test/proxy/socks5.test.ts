// SOCKS5 (RFC 1928, RFC 1929) as a client's bytes: every boundary, every refusal, and no target without a rule.
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/bytes/index.js'
import type { ConnectOptions, TunnelInfo } from '../../src/dial/index.js'
import { failure } from '../../src/errors.js'
import { memoryPair } from '../../src/platform/memory/index.js'
import type { Rule } from '../../src/proxy/index.js'
import { tunnelSocket } from '../../src/stream/index.js'
import { codeOf, fakeDialer, world } from './support.js'

const rules: readonly Rule[] = [
  { host: 'db.internal', port: 5432, target: { alpn: ['teleport-postgres'] } },
  { host: '*.apps.internal', target: { alpn: ['http/1.1'], serverName: '{host}' } },
  { host: '10.0.0.1', target: { alpn: ['four'] } },
  { host: 'fd00::1', target: { alpn: ['six'] } },
]

const hello = Uint8Array.of(5, 1, 0)

function request(host: string | Uint8Array, port: number, command = 1, kind = 3, reserved = 0): Uint8Array {
  const address = typeof host === 'string' ? Uint8Array.of(host.length, ...utf8(host)) : host
  return Uint8Array.of(5, command, reserved, kind, ...address, port >> 8, port & 255)
}

const start = (options: Partial<Parameters<typeof world>[0]> = {}) =>
  world({ dialer: fakeDialer(), listener: { speaks: 'socks5', rules }, ...options })

describe('a SOCKS5 client that goes away as its tunnel opens', () => {
  it('leaves no tunnel behind', async () => {
    const [near, far] = memoryPair()
    const ended = new Promise((resolve) => far.start({ data() {}, end: resolve, fail: resolve }))
    let leave = () => {}
    // Through in the very moment when nobody wants it any more.
    const dialer = {
      async connect({ signal }: ConnectOptions = {}) {
        const gone = new Promise((resolve) => signal!.addEventListener('abort', resolve))
        leave()
        await gone
        return tunnelSocket(near, {} as TunnelInfo, { closed: Promise.resolve() })
      },
    }
    const { proxy, open, next } = await start({ dialer })
    const client = await open()
    leave = () => client.socket.resetAndDestroy()
    client.write(Uint8Array.of(...hello, ...request('db.internal', 5432)))
    expect(codeOf(await next('refused'))).toBe('ERR_STREAM_RESET')
    await ended
    await proxy.close()
  })
})

describe('a SOCKS5 client', () => {
  const whole = Uint8Array.of(...hello, ...request('db.internal', 5432), ...utf8('payload'))

  it.each(Array.from(whole.keys()).slice(1))('is served with its bytes split at %i', async (at) => {
    const { proxy, open } = await start()
    const client = await open()
    client.write(whole.subarray(0, at))
    await new Promise((resolve) => setImmediate(resolve))
    client.write(whole.subarray(at))
    expect([...(await client.read(12))]).toEqual([5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    expect((await client.read(7)).toString()).toBe('payload')
    client.socket.destroy()
    await proxy.close()
  })

  it.each([
    [
      'a name below a suffix',
      'Shop.Apps.Internal.',
      3,
      { alpn: ['http/1.1'], serverName: 'shop.apps.internal' },
    ],
    ['an IPv4 address', Uint8Array.of(10, 0, 0, 1), 1, { alpn: ['four'] }],
    [
      'an IPv6 address',
      Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
      4,
      { alpn: ['six'] },
    ],
  ])('reaches %s', async (_, host, kind, target) => {
    const dialer = fakeDialer()
    const { proxy, open } = await start({ dialer })
    const client = await open()
    client.write(hello)
    client.write(request(host, 443, 1, kind))
    expect((await client.read(12))[3]).toBe(0)
    expect(dialer.asked[0]).toMatchObject(target)
    client.socket.destroy()
    await proxy.close()
  })

  it.each([
    ['a name without a rule', request('evil.example', 80), 2, 'ERR_LOCAL_DENIED'],
    ['a port without a rule', request('db.internal', 5433), 2, 'ERR_LOCAL_DENIED'],
    ['the suffix itself', request('apps.internal', 80), 2, 'ERR_LOCAL_DENIED'],
    ['BIND', request('db.internal', 5432, 2), 7, 'ERR_LOCAL_REQUEST'],
    ['UDP ASSOCIATE', request('db.internal', 5432, 3), 7, 'ERR_LOCAL_REQUEST'],
    ['an unknown address type', request('db.internal', 5432, 1, 9), 8, 'ERR_LOCAL_REQUEST'],
    ['a reserved field', request('db.internal', 5432, 1, 3, 1), 1, 'ERR_LOCAL_REQUEST'],
    ['an empty name', request('', 80), 1, 'ERR_LOCAL_REQUEST'],
    ['a name with a zero', request('a\0b', 80), 1, 'ERR_LOCAL_REQUEST'],
    ['port 0', request('db.internal', 0), 1, 'ERR_LOCAL_REQUEST'],
  ])('is refused %s by its reply', async (_, bytes, code, error) => {
    const dialer = fakeDialer()
    const { proxy, open, next } = await start({ dialer })
    const client = await open()
    client.write(hello)
    client.write(bytes)
    expect([...(await client.read(4))]).toEqual([5, 0, 5, code])
    await client.rest()
    expect(codeOf(await next('refused'))).toBe(error)
    expect(dialer.asked).toEqual([])
    await proxy.close()
  })

  it.each([
    ['ERR_DIAL_REFUSED', 5],
    ['ERR_DIAL_UNREACHABLE', 3],
    ['ERR_DIAL_DNS', 4],
    ['ERR_TIMEOUT', 6],
    ['ERR_CONFIG_IDENTITY_EXPIRED', 2],
    ['ERR_UPGRADE_UNAVAILABLE', 1],
  ] as const)('hears of %s by reply %i', async (code, said) => {
    const dialer = fakeDialer(() => {
      throw failure(code)
    })
    const { proxy, open, next } = await start({ dialer })
    const client = await open()
    client.write(hello)
    client.write(request('db.internal', 5432))
    expect((await client.read(12))[3]).toBe(said)
    expect(codeOf(await next('refused'))).toBe(code)
    await proxy.close()
  })

  it.each([
    ['SOCKS4', Uint8Array.of(4, 1, 0, 80, 10, 0, 0, 1, 0)],
    ['HTTP', utf8('GET / HTTP/1.1\r\n\r\n')],
    ['TLS', Uint8Array.of(0x16, 3, 1)],
    ['nothing at all', new Uint8Array(0)],
    ['half a greeting', Uint8Array.of(5, 3, 0)],
  ])('gets nothing for %s', async (_, bytes) => {
    const { proxy, open, next } = await start()
    const client = await open()
    client.write(bytes)
    client.socket.end()
    await client.rest().catch(() => {})
    expect(codeOf(await next('refused'))).toBe('ERR_LOCAL_REQUEST')
    await proxy.close()
  })

  it('must offer a method that is wanted', async () => {
    const { proxy, open, next } = await start()
    const client = await open()
    client.write(Uint8Array.of(5, 2, 1, 2))
    expect([...(await client.read(2))]).toEqual([5, 0xff])
    expect(codeOf(await next('refused'))).toBe('ERR_LOCAL_REQUEST')
    await proxy.close()
  })

  it.each([
    ['right', 'me', 'secret', 0],
    ['wrong in its password', 'me', 'Secret', 1],
    ['wrong in its name', 'you', 'secret', 1],
    ['longer than it', 'me', 'secret2', 1],
  ])('with a login that is %s', async (_, user, password, status) => {
    const listener = { speaks: 'socks5' as const, rules, credentials: { user: 'me', password: 'secret' } }
    const { proxy, open, next } = await start({ listener })
    const client = await open()
    client.write(Uint8Array.of(5, 2, 0, 2))
    expect([...(await client.read(2))]).toEqual([5, 2])
    client.write(Uint8Array.of(1, user.length, ...utf8(user), password.length, ...utf8(password)))
    expect([...(await client.read(2))]).toEqual([1, status])
    if (status === 0) {
      client.write(request('db.internal', 5432))
      expect((await client.read(10))[1]).toBe(0)
    } else {
      await client.rest()
      expect(codeOf(await next('refused'))).toBe('ERR_LOCAL_AUTH')
    }
    client.socket.destroy()
    await proxy.close()
  })

  it('cannot leave the login out', async () => {
    const listener = { speaks: 'socks5' as const, rules, credentials: { user: 'me', password: 'secret' } }
    const { proxy, open, next } = await start({ listener })
    const client = await open()
    client.write(hello)
    expect([...(await client.read(2))]).toEqual([5, 0xff])
    await client.rest()
    expect(codeOf(await next('refused'))).toBe('ERR_LOCAL_AUTH')
    await proxy.close()
  })

  it('that is slow runs out of time, and many of them free everything', async () => {
    const { proxy, open, next } = await start({ timeouts: { request: 50 } })
    const clients = await Promise.all(Array.from({ length: 50 }, () => open()))
    for (const client of clients) client.write(Uint8Array.of(5))
    for (const client of clients) {
      expect(codeOf(await next('refused'))).toBe('ERR_TIMEOUT')
      await client.rest().catch(() => {})
    }
    await expect.poll(() => proxy.connections()).toHaveLength(0)
    await proxy.close()
  })

  it('in the middle of its request is cut when the proxy closes', async () => {
    const { proxy, open, next } = await start()
    const clients = await Promise.all(Array.from({ length: 20 }, () => open()))
    for (const client of clients) client.write(hello)
    await Promise.all(clients.map((client) => client.read(2)))
    await proxy.close()
    for (const client of clients) {
      expect(codeOf(await next('refused'))).toBe('ERR_ABORTED')
      await client.rest().catch(() => {})
    }
    expect(proxy.connections()).toHaveLength(0)
  })
})

describe('a rule', () => {
  it.each([['*'], ['*.'], [''], ['*.*'], ['a b'], ['*db.internal'], ['db.*']])(
    'cannot be for %j',
    async (host) => {
      const listener = { speaks: 'socks5' as const, rules: [{ host, target: { alpn: ['x'] } }] }
      await expect(start({ listener })).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
    },
  )
})
