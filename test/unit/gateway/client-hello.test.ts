import { Duplex, PassThrough } from 'node:stream'
import { connect } from 'node:tls'
import { describe, expect, it } from 'vitest'
import {
  clientHelloReader,
  parseClientHello,
  peekClientHello,
  plaintextAlert,
} from '../../../src/gateway/client-hello.js'

/** The first flight of node:tls, as it goes over the wire. */
function helloOf(options: { servername?: string; ALPNProtocols?: string[] }): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(chunk, _encoding, callback) {
        resolve(chunk)
        callback()
      },
    })
    connect({ socket: wire, ...options }).on('error', () => {})
  })
}

const u16 = (value: number) => [value >> 8, value & 255]

function extension(type: number, data: number[]): number[] {
  return [...u16(type), ...u16(data.length), ...data]
}

function helloBody(extensions: number[] | undefined): Uint8Array {
  const body = [3, 3, ...new Array(32).fill(7), 0, 0, 2, 0x13, 1, 1, 0]
  return Uint8Array.from(
    extensions === undefined ? body : [...body, ...u16(extensions.length), ...extensions],
  )
}

function hostName(name: string): number[] {
  const bytes = [...Buffer.from(name)]
  const entry = [0, ...u16(bytes.length), ...bytes]
  return extension(0, [...u16(entry.length), ...entry])
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'no failure'
}

describe('clientHelloReader', () => {
  it('reads server name and protocols of a real client', async () => {
    const hello = await helloOf({ servername: 'Proxy.Example.test', ALPNProtocols: ['b', 'a'] })
    expect(clientHelloReader(16_384)(hello)).toEqual({ serverName: 'proxy.example.test', alpn: ['b', 'a'] })
  })

  it('reads one that names neither', async () => {
    expect(clientHelloReader(16_384)(await helloOf({}))).toEqual({ serverName: undefined, alpn: [] })
  })

  it('waits at every byte boundary', async () => {
    const hello = await helloOf({ servername: 'x.test', ALPNProtocols: ['a'] })
    const read = clientHelloReader(16_384)
    for (let i = 0; i < hello.length - 1; i++) expect(read(hello.subarray(i, i + 1))).toBeUndefined()
    expect(read(hello.subarray(-1))).toEqual({ serverName: 'x.test', alpn: ['a'] })
  })

  it('joins a message over several records', async () => {
    const message = (await helloOf({ servername: 'x.test' })).subarray(5)
    const read = clientHelloReader(16_384)
    for (let i = 0; i < message.length; i += 50) {
      const part = message.subarray(i, i + 50)
      const answer = read(Buffer.concat([Buffer.from([22, 3, 1, ...u16(part.length)]), part]))
      expect(answer?.serverName).toBe(i + 50 < message.length ? undefined : 'x.test')
    }
  })

  it.each([
    ['another protocol', Buffer.from('GET /'), 'ERR_TLS_NOT_TLS'],
    ['another major version', Buffer.from([22, 2, 0, 0, 5]), 'ERR_TLS_NOT_TLS'],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0]), 'ERR_TLS_UNEXPECTED_MESSAGE'],
    ['an oversized record', Buffer.from([22, 3, 1, 0x40, 1]), 'ERR_TLS_RECORD_OVERFLOW'],
    ['another message', Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]), 'ERR_TLS_UNEXPECTED_MESSAGE'],
    [
      'a record of another type within',
      Buffer.from([22, 3, 1, 0, 1, 1, 23, 3, 3, 0, 1, 0]),
      'ERR_TLS_UNEXPECTED_MESSAGE',
    ],
    ['a length over the limit', Buffer.from([22, 3, 1, 0, 4, 1, 1, 0, 0]), 'ERR_GATEWAY_LIMIT'],
    ['a short body', Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 3]), 'ERR_TLS_DECODE'],
  ])('refuses %s', (_, bytes, code) => {
    expect(codeOf(() => clientHelloReader(16_384)(bytes))).toBe(code)
  })

  it('bounds the bytes it waits with', () => {
    const read = clientHelloReader(100)
    read(Buffer.from([22, 3, 1, 0x10, 0]))
    expect(codeOf(() => read(Buffer.alloc(96)))).toBe('ERR_GATEWAY_LIMIT')
  })
})

describe('parseClientHello', () => {
  it('takes one without extensions', () => {
    expect(parseClientHello(helloBody(undefined))).toEqual({ serverName: undefined, alpn: [] })
  })

  it('drops the final dot of a name', () => {
    expect(parseClientHello(helloBody(hostName('a.test.'))).serverName).toBe('a.test')
  })

  it.each([
    ['an extension twice', [...hostName('a'), ...hostName('a')], 'ERR_TLS_ILLEGAL_PARAMETER'],
    ['a name with a line break', hostName('a\nb'), 'ERR_TLS_ILLEGAL_PARAMETER'],
    ['two names', extension(0, [...u16(8), 0, 0, 1, 97, 0, 0, 1, 98]), 'ERR_TLS_ILLEGAL_PARAMETER'],
    ['an empty list of names', extension(0, [0, 0]), 'ERR_TLS_DECODE'],
    ['bytes behind the list of names', extension(0, [...u16(4), 0, 0, 1, 97, 9]), 'ERR_TLS_DECODE'],
    ['an empty list of protocols', extension(16, [0, 0]), 'ERR_TLS_DECODE'],
    ['an empty protocol', extension(16, [0, 3, 0, 1, 97]), 'ERR_TLS_DECODE'],
    ['a protocol longer than its list', extension(16, [0, 2, 5, 97]), 'ERR_TLS_DECODE'],
    ['bytes behind an extension', [0, 16, 0, 9, 0], 'ERR_TLS_DECODE'],
  ])('refuses %s', (_, extensions, code) => {
    expect(codeOf(() => parseClientHello(helloBody(extensions)))).toBe(code)
  })

  it('meets truncation and noise only with named errors', async () => {
    const body = (await helloOf({ servername: 'x.test', ALPNProtocols: ['a', 'b'] })).subarray(9)
    for (let length = 0; length < body.length; length++) {
      const code = codeOf(() => parseClientHello(body.subarray(0, length)))
      expect(code === 'no failure' || code.startsWith('ERR_TLS_')).toBe(true)
    }
    for (let at = 0; at < body.length; at++) {
      const noisy = Buffer.from(body)
      noisy[at]! ^= 0xff
      const code = codeOf(() => parseClientHello(noisy))
      expect(code === 'no failure' || code.startsWith('ERR_TLS_')).toBe(true)
    }
  })
})

describe('peekClientHello', () => {
  it('leaves every byte in the stream', async () => {
    const hello = await helloOf({ servername: 'x.test' })
    const stream = new PassThrough()
    stream.write(hello.subarray(0, 9))
    stream.write(Buffer.concat([hello.subarray(9), Buffer.from('glued')]))
    expect((await peekClientHello(stream, 16_384)).serverName).toBe('x.test')
    expect(stream.read()).toEqual(Buffer.concat([hello, Buffer.from('glued')]))
  })

  it('says when the stream ends first', async () => {
    const stream = new PassThrough()
    stream.end(Buffer.from([22, 3]))
    await expect(peekClientHello(stream, 16_384)).rejects.toMatchObject({ code: 'ERR_GATEWAY_HANDSHAKE' })
  })
})

describe('plaintextAlert', () => {
  it('is one fatal alert record', () => {
    expect([...plaintextAlert('no_application_protocol')]).toEqual([21, 3, 3, 0, 2, 2, 120])
  })
})
