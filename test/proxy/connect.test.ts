// HTTP CONNECT (RFC 9110 §9.3.6) as a client's bytes: heads split, oversized and of every shape that two parsers could read
// differently, with an honest status for each.
import { describe, expect, it } from 'vitest'
import { failure } from '../../src/errors.js'
import { codeOf, fakeDialer, world } from './support.js'

const rules = [{ host: 'db.internal', port: 5432, target: { alpn: ['teleport-postgres'] } }]
const good = 'CONNECT db.internal:5432 HTTP/1.1\r\nHost: db.internal:5432\r\n\r\n'
const answer = 'HTTP/1.1 200 Connection established\r\n\r\n'

const start = (options: Partial<Parameters<typeof world>[0]> = {}) =>
  world({ dialer: fakeDialer(), listener: { speaks: 'connect', rules }, ...options })

describe('a CONNECT client', () => {
  it.each([1, 5, 8, 20, 34, 35, 36, good.length - 3, good.length - 1, good.length, good.length + 3])(
    'is served with its head split at %i',
    async (at) => {
      const { proxy, open } = await start()
      const client = await open()
      const whole = `${good}payload`
      client.write(whole.slice(0, at))
      await new Promise((resolve) => setImmediate(resolve))
      client.write(whole.slice(at))
      expect((await client.read(answer.length)).toString()).toBe(answer)
      expect((await client.read(7)).toString()).toBe('payload')
      client.socket.destroy()
      await proxy.close()
    },
  )

  const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`
  const line = 'CONNECT db.internal:5432 HTTP/1.1'
  const host = 'Host: db.internal:5432'

  it.each([
    [405, 'another method', head('GET http://db.internal/ HTTP/1.1', host), 'ERR_LOCAL_REQUEST'],
    [
      403,
      'a target without a rule',
      head('CONNECT evil.example:443 HTTP/1.1', 'Host: evil.example'),
      'ERR_LOCAL_DENIED',
    ],
    [403, 'a port without a rule', head('CONNECT db.internal:22 HTTP/1.1', host), 'ERR_LOCAL_DENIED'],
    [400, 'no port', head('CONNECT db.internal HTTP/1.1', host), 'ERR_LOCAL_REQUEST'],
    [400, 'port 0', head('CONNECT db.internal:0 HTTP/1.1', host), 'ERR_LOCAL_REQUEST'],
    [400, 'a port past 65535', head('CONNECT db.internal:65536 HTTP/1.1', host), 'ERR_LOCAL_REQUEST'],
    [400, 'user information', head('CONNECT me@db.internal:5432 HTTP/1.1', host), 'ERR_LOCAL_REQUEST'],
    [400, 'absolute-form', head('CONNECT http://db.internal:5432 HTTP/1.1', host), 'ERR_LOCAL_REQUEST'],
    [400, 'an address that is none', head('CONNECT [::zz]:80 HTTP/1.1', host), 'ERR_LOCAL_REQUEST'],
    [400, 'no Host', head(line), 'ERR_LOCAL_REQUEST'],
    [400, 'two Hosts', head(line, host, host), 'ERR_LOCAL_REQUEST'],
    [400, 'Content-Length', head(line, host, 'Content-Length: 5'), 'ERR_LOCAL_REQUEST'],
    [400, 'Transfer-Encoding', head(line, host, 'Transfer-Encoding: chunked'), 'ERR_LOCAL_REQUEST'],
    [400, 'a space before the colon', head(line, 'Host : db.internal:5432'), 'ERR_LOCAL_REQUEST'],
    [400, 'a folded line', head(line, host, 'X: a', ' b'), 'ERR_LOCAL_REQUEST'],
    [400, 'a field without a name', head(line, host, ': x'), 'ERR_LOCAL_REQUEST'],
    [400, 'a field without a colon', head(line, host, 'nonsense'), 'ERR_LOCAL_REQUEST'],
    [400, 'a zero', head(line, host, 'X: a\0b'), 'ERR_LOCAL_REQUEST'],
    [400, 'a bare CR', head(line, host, 'X: a\rb'), 'ERR_LOCAL_REQUEST'],
    [400, 'a bare LF', head(line, `${host}\nX: y`), 'ERR_LOCAL_REQUEST'],
    [400, 'only bare LFs', `${line}\n${host}\n\n`, 'ERR_LOCAL_REQUEST'],
    [400, 'HTTP/2.0', head('CONNECT db.internal:5432 HTTP/2.0', host), 'ERR_LOCAL_REQUEST'],
    [400, 'two spaces', head('CONNECT  db.internal:5432 HTTP/1.1', host), 'ERR_LOCAL_REQUEST'],
    [400, 'an empty first line', `\r\n${good}`, 'ERR_LOCAL_REQUEST'],
    [431, 'a head past the limit', head(line, host, `X: ${'y'.repeat(20_000)}`), 'ERR_LOCAL_LIMIT'],
    [431, 'a head without an end', `${line}\r\nX: ${'y'.repeat(20_000)}`, 'ERR_LOCAL_LIMIT'],
  ])('hears %i for %s', async (status, _, bytes, code) => {
    const dialer = fakeDialer()
    const { proxy, open, next } = await start({ dialer })
    const client = await open()
    client.write(Buffer.from(bytes, 'latin1'))
    const told = (await client.rest()).toString()
    expect(told).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`))
    expect(told).toContain(`Underpass-Error: ${code}\r\n`)
    if (status === 405) expect(told).toContain('\r\nAllow: CONNECT\r\n')
    expect(codeOf(await next('refused'))).toBe(code)
    expect(dialer.asked).toEqual([])
    await proxy.close()
  })

  it.each([
    ['ERR_DIAL_REFUSED', 502],
    ['ERR_TIMEOUT', 504],
    ['ERR_CONFIG_IDENTITY_EXPIRED', 403],
  ] as const)('hears of %s by status %i', async (code, status) => {
    const dialer = fakeDialer(() => {
      throw failure(code)
    })
    const { proxy, open } = await start({ dialer })
    const client = await open()
    client.write(good)
    expect((await client.rest()).toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    await proxy.close()
  })

  it.each([
    ['no login', [], 407],
    ['the wrong one', [`Proxy-Authorization: Basic ${Buffer.from('me:wrong').toString('base64')}`], 407],
    ['another scheme', ['Proxy-Authorization: Bearer secret'], 407],
    ['two', Array(2).fill(`Proxy-Authorization: Basic ${Buffer.from('me:secret').toString('base64')}`), 400],
    ['the right one', [`proxy-authorization: basic ${Buffer.from('me:secret').toString('base64')}`], 200],
  ])('with %s', async (_, fields, status) => {
    const listener = { speaks: 'connect' as const, rules, credentials: { user: 'me', password: 'secret' } }
    const { proxy, open, next } = await start({ listener })
    const client = await open()
    client.write(head(line, host, ...fields))
    expect((await client.read(12)).toString()).toBe(`HTTP/1.1 ${status}`)
    if (status === 407) {
      expect((await client.rest()).toString()).toContain('Proxy-Authenticate: Basic')
      expect(codeOf(await next('refused'))).toBe('ERR_LOCAL_AUTH')
    }
    client.socket.destroy()
    await proxy.close()
  })

  it('that is slow hears 408', async () => {
    const { proxy, open, next } = await start({ timeouts: { request: 50 } })
    const client = await open()
    client.write('CONN')
    expect((await client.rest()).toString()).toMatch(/^HTTP\/1\.1 408 /)
    expect(codeOf(await next('refused'))).toBe('ERR_TIMEOUT')
    await proxy.close()
  })

  it('that never reads its refusal is dropped', async () => {
    const { proxy, open, next } = await start({ timeouts: { refusal: 20 } })
    const client = await open()
    client.socket.pause()
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await next('refused')
    await expect.poll(() => proxy.connections()).toHaveLength(0)
    client.socket.destroy()
    await proxy.close()
  })
})
