// What database listeners say themselves: no to encryption, and what went wrong in the client's own protocol.
import { describe, expect, it } from 'vitest'
import { failure } from '../../src/errors.js'
import { codeOf, fakeDialer, world } from './support.js'

const target = { alpn: ['service'] }
const packet = (code: number, ...rest: number[]) => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(8 + rest.length, 0)
  bytes.writeUInt32BE(code, 4)
  return Buffer.concat([bytes, Buffer.from(rest)])
}
const ssl = packet(80877103)
const gss = packet(80877104)
const startup = packet(196608, 0)
const cancel = packet(80877102, 0, 0, 0, 1, 0, 0, 0, 2)

describe('a PostgreSQL listener', () => {
  it.each([
    ['startup', [startup], 0],
    ['SSLRequest', [ssl, startup], 1],
    ['GSSENCRequest and SSLRequest', [gss, ssl, startup], 2],
    ['CancelRequest', [cancel], 0],
    ['SSLRequest before CancelRequest', [ssl, cancel], 1],
  ])('answers %s, and passes the rest untouched', async (_, packets, answers) => {
    const { proxy, open } = await world({ dialer: fakeDialer(), listener: { speaks: 'postgres', target } })
    const client = await open()
    for (const [at, bytes] of packets.entries()) {
      // A byte at a time: packets have no respect for segments.
      for (const byte of bytes) client.write(Uint8Array.of(byte))
      if (at < answers) expect((await client.read(1)).toString()).toBe('N')
    }
    const last = packets.at(-1)!
    expect(await client.read(last.length)).toEqual(last)
    client.socket.destroy()
    await proxy.close()
  })

  it.each([
    ['asks for encryption again and again', Buffer.concat([ssl, ssl, ssl])],
    ['begins with TLS', Buffer.from([0x16, 3, 1, 0, 0])],
    ['is no PostgreSQL client', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('refuses a client that %s', async (_, bytes) => {
    const dialer = fakeDialer()
    const { proxy, open, next } = await world({ dialer, listener: { speaks: 'postgres', target } })
    const client = await open()
    client.write(bytes)
    await client.rest().catch(() => {})
    expect(codeOf(await next('refused'))).toBe('ERR_LOCAL_REQUEST')
    expect(dialer.asked).toEqual([])
    await proxy.close()
  })
})

describe('a failed dial', () => {
  const dialer = () =>
    fakeDialer(() => {
      throw failure('ERR_UPGRADE_UNAVAILABLE', '503')
    })

  it('is an ErrorResponse to psql', async () => {
    const { proxy, open } = await world({ dialer: dialer(), listener: { speaks: 'postgres', target } })
    const client = await open()
    client.write(startup)
    const bytes = await client.rest()
    expect(bytes[0]).toBe(0x45)
    expect(bytes.readUInt32BE(1)).toBe(bytes.length - 1)
    expect(bytes.toString()).toContain('\0C08006\0MERR_UPGRADE_UNAVAILABLE: ')
    expect(bytes.subarray(-2)).toEqual(Buffer.from([0, 0]))
    await proxy.close()
  })

  it('is an ERR packet to mysql', async () => {
    const { proxy, open } = await world({ dialer: dialer(), listener: { speaks: 'mysql', target } })
    const bytes = await (await open()).rest()
    expect(bytes.readUIntLE(0, 3)).toBe(bytes.length - 4)
    expect([bytes[3], bytes[4], bytes.readUInt16LE(5)]).toEqual([0, 0xff, 1105])
    expect(bytes.toString()).toContain('ERR_UPGRADE_UNAVAILABLE')
    await proxy.close()
  })

  it('is an error reply to redis-cli', async () => {
    const { proxy, open } = await world({ dialer: dialer(), listener: { speaks: 'redis', target } })
    expect((await (await open()).rest()).toString()).toMatch(/^-ERR ERR_UPGRADE_UNAVAILABLE: [^\r\n]+\r\n$/)
    await proxy.close()
  })
})
