// What a stranger can send at the doors without a certificate: each is refused, counted and told in one clean line, and a
// canary tunnel beside it never notices.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { GatewayEvent, GatewayOptions } from '../../src/gateway/index.js'
import { logEvent } from '../../src/gateway/service/log.js'
import {
  bodyOf,
  closeAll,
  dialRaw,
  eventOf,
  innerTls,
  onClose,
  openWebSocket,
  outer,
  readExactly,
  request,
  startGateway,
  startService,
  upgradeLines,
} from '../unit/gateway/clients.js'

afterEach(closeAll)

type Ports = Awaited<ReturnType<typeof startGateway>>

/** A gateway with a tunnel in use. */
async function withCanary(options: Partial<GatewayOptions> = {}): Promise<Ports & { canary: TLSSocket }> {
  const ports = await startGateway(await startService(), options)
  const canary = await innerTls(await outer('websocket', ports))
  await sings(canary)
  return { ...ports, canary }
}

async function sings(canary: TLSSocket): Promise<void> {
  canary.write('sing')
  expect((await readExactly(canary, 4)).toString()).toBe('sing')
}

function refusals(events: readonly GatewayEvent[]): Array<Extract<GatewayEvent, { type: 'refused' }>> {
  return events.filter((event) => event.type === 'refused')
}

const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
const webSocketLines = upgradeLines(
  ...['Upgrade: websocket', 'Connection: Upgrade', key],
  ...['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Protocol: alpn-ping'],
)

async function rawWebSocket(port: number): Promise<Socket> {
  const { status, socket } = await request(port, webSocketLines)
  expect(status).toBe(101)
  return socket
}

/** A client frame, masked with zeros. RFC 6455 §5.2. */
function frame(opcode: number, payload: Uint8Array, fin = true): Buffer {
  const head = Buffer.of((fin ? 0x80 : 0) | opcode, 0x80 | payload.length, 0, 0, 0, 0)
  return Buffer.concat([head, payload])
}

describe('requests that two readers read differently', () => {
  const upgrade = 'GET /webapi/connectionupgrade HTTP/1.1\r\n'
  it.each([
    ['two lengths', `${upgrade}Host: x\r\nUpgrade: alpn\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n`],
    ['a bare LF', `${upgrade}Host: x\nUpgrade: alpn\r\n\r\n`],
    ['a bare CR', `${upgrade}Host: x\rX: y\r\nUpgrade: alpn\r\n\r\n`],
    ['a folded line', `${upgrade}Host: x\r\nX-A: b\r\n c\r\nUpgrade: alpn\r\n\r\n`],
    ['a space before the colon', `${upgrade}Host: x\r\nUpgrade : alpn\r\n\r\n`],
    [
      'chunks on an upgrade',
      `${upgrade}Host: x\r\nUpgrade: alpn\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['a body on an upgrade', `${upgrade}Host: x\r\nUpgrade: alpn\r\nContent-Length: 4\r\n\r\nabcd`],
    [
      'length and chunks',
      `${upgrade}Host: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nUpgrade: alpn\r\n\r\n`,
    ],
    ['no host', `${upgrade}Upgrade: alpn\r\n\r\n`],
    ['two hosts', `${upgrade}Host: x\r\nHost: y\r\nUpgrade: alpn\r\n\r\n`],
    ['a NUL', `${upgrade}Host: x\r\nX-A: \0\r\nUpgrade: alpn\r\n\r\n`],
    ['a request in the request line', 'GET /webapi/connectionupgrade HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('are refused: %s', async (_, text) => {
    const ports = await withCanary()
    const socket = await dialRaw(ports.upgrade)
    socket.write(text, 'latin1')
    const answer = await bodyOf(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    // One answer, and nothing behind it was taken for a second request.
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(refusals(ports.events).map(({ error }) => error.code)).toEqual(['ERR_GATEWAY_UPGRADE'])
    await sings(ports.canary)
  })

  it.each([
    [
      'a target with a host of its own',
      'GET http://evil.test/webapi/connectionupgrade HTTP/1.1\r\nHost: x\r\nUpgrade: alpn\r\n\r\n',
      404,
    ],
    ['CONNECT', 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n', 404],
    [
      'a path that climbs',
      'GET /x/../webapi/connectionupgrade HTTP/1.1\r\nHost: x\r\nUpgrade: alpn\r\n\r\n',
      404,
    ],
  ])('are no way elsewhere: %s', async (_, text, status) => {
    const ports = await withCanary()
    const socket = await dialRaw(ports.upgrade)
    socket.write(text)
    expect(await bodyOf(socket)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(refusals(ports.events)).toHaveLength(1)
  })

  it('get no compression', async () => {
    const ports = await withCanary()
    const answer = await request(ports.upgrade, [
      ...webSocketLines,
      'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
    ])
    expect(answer.status).toBe(101)
    expect(answer.headers).not.toHaveProperty('sec-websocket-extensions')
  })
})

describe('frames', () => {
  it.each([
    ['that claim 2^63 bytes', Buffer.from('82ff800000000000000000000000', 'hex'), 1009, 'ERR_WS_TOO_LARGE'],
    ['that claim 2^62 bytes', Buffer.from('82ff400000000000000000000000', 'hex'), 1009, 'ERR_WS_TOO_LARGE'],
    ['over the limit', Buffer.from('82ff000000000010000100000000', 'hex'), 1009, 'ERR_WS_TOO_LARGE'],
    ['compressed without leave', Buffer.from('c28100000000ff', 'hex'), 1002, 'ERR_WS_PROTOCOL'],
    ['not masked', Buffer.from('820178', 'hex'), 1002, 'ERR_WS_PROTOCOL'],
    ['of an unknown kind', Buffer.from('838100000000ff', 'hex'), 1002, 'ERR_WS_PROTOCOL'],
    ['of text', frame(1, Buffer.from('hello')), 1003, 'ERR_WS_TEXT'],
    ['that go on with nothing', frame(0, Buffer.of(1)), 1002, 'ERR_WS_PROTOCOL'],
    [
      'in a flood of fragments',
      Buffer.concat([
        frame(2, Buffer.of(22), false),
        ...Array.from({ length: 5_000 }, () => frame(0, Buffer.of(3), false)),
      ]),
      1008,
      'ERR_WS_TOO_LARGE',
    ],
    [
      'in a flood of pings',
      Buffer.concat(Array.from({ length: 5_000 }, () => frame(9, Buffer.of(1)))),
      1008,
      'ERR_GATEWAY_LIMIT',
    ],
    [
      'in a flood of empty messages',
      Buffer.concat(Array.from({ length: 5_000 }, () => frame(2, Buffer.of()))),
      1008,
      'ERR_GATEWAY_LIMIT',
    ],
  ])('%s are refused', async (_, bytes, code, error) => {
    const ports = await withCanary()
    const socket = await rawWebSocket(ports.upgrade)
    socket.write(bytes)
    expect(await closeCodeOf(socket)).toBe(code)
    socket.end()
    const refused = await eventOf(ports.events, 'refused')
    expect(refused.error.code).toBe(error)
    await sings(ports.canary)
  })

  it('of ping framing in a flood are refused', async () => {
    const ports = await withCanary()
    const { socket } = await request(ports.upgrade, upgradeLines('Upgrade: alpn-ping', 'Connection: Upgrade'))
    socket.write(Buffer.alloc(40_000))
    socket.resume()
    expect((await eventOf(ports.events, 'refused')).error.code).toBe('ERR_GATEWAY_LIMIT')
  })

  it('pings are answered by the last one only while answers are not taken', async () => {
    const ports = await withCanary()
    const ws = openWebSocket(ports.upgrade)
    await once(ws, 'open')
    const pong = once(ws, 'pong')
    ws.ping('are you there')
    expect(String((await pong)[0])).toBe('are you there')
  })
})

describe('a dead peer', () => {
  it('on ping framing that stopped pinging is ended by name', async () => {
    const ports = await startGateway(await startService(), { pingInterval: 20 })
    const { socket } = await request(ports.upgrade, upgradeLines('Upgrade: alpn-ping', 'Connection: Upgrade'))
    socket.resume()
    socket.write(Buffer.alloc(4))
    expect((await eventOf(ports.events, 'refused')).error.code).toBe('ERR_PING_TIMEOUT')
  })

  it('on ping framing that never pinged is left in peace', async () => {
    const ports = await startGateway(await startService(), { pingInterval: 5 })
    const stream = await outer('alpn-ping', ports)
    const secure = await innerTls(stream)
    for (let pings = 0; pings < 30; pings++) await once(stream, 'ping')
    secure.write('still here')
    expect((await readExactly(secure, 10)).toString()).toBe('still here')
  })
})

describe('a crowd', () => {
  it('of half-open upgrades is bounded, and honest clients pass', async () => {
    const many = 10_000
    const ports = await withCanary({ limits: { halfOpen: 100, connections: 400 } })
    const stop = new AbortController()
    onClose(() => stop.abort())
    let peak = 0
    for (let batch = 0; batch < many / 1_000; batch++) {
      await Promise.all(
        Array.from({ length: 1_000 }, async (_, i) => {
          const socket = await dialRaw(ports.upgrade)
          // Half of them do not even ask.
          if (i % 2 === 0) socket.write(`${upgradeLines('Upgrade: alpn').join('\r\n')}\r\n\r\n`)
          socket.resume()
        }),
      )
      const { halfOpen, connections } = ports.gateway.stats()
      peak = Math.max(peak, halfOpen)
      expect(halfOpen).toBeLessThanOrEqual(100)
      expect(connections).toBeLessThanOrEqual(450)
      const honest = await innerTls(await outer(batch % 2 === 0 ? 'websocket' : 'direct', ports))
      await sings(honest)
      honest.destroy()
      await sings(ports.canary)
    }
    expect(peak).toBe(100)
    expect(ports.gateway.stats().refused.ERR_GATEWAY_LIMIT).toBeGreaterThan(many / 2)
  }, 60_000)
})

describe('the log', () => {
  it('has one clean line for each refusal, whatever was sent', async () => {
    const { pino } = await import('pino')
    const lines: string[] = []
    const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
    const ports = await startGateway(await startService())
    const socket = await dialRaw(ports.upgrade)
    socket.write('GET /\u001b[31m\u009b HTTP/1.1\r\nHost: x\r\nX: \u2028\r\n\r\n')
    await bodyOf(socket)
    const stream = await outer('direct', ports)
    innerTls(stream, { ALPNProtocols: ['a\nb\u001b[2J'] }).catch(() => {})
    await eventOf(ports.events, 'refused', 1)
    for (const event of ports.events) logEvent(logger, event)
    expect(lines).toHaveLength(ports.events.length)
    for (const line of lines) expect(line).toMatch(/^[^\p{Cc}\u2028\u2029]+\n$/u)
  })
})

/** The code of the server's Close, behind whatever it sends first. RFC 6455 §5.5.1: the payload's first two bytes. */
async function closeCodeOf(socket: Socket): Promise<number> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer])
    for (let at = 0; at + 2 <= bytes.length; ) {
      const long = bytes[at + 1]! === 126
      const start = at + (long ? 4 : 2)
      const length = long ? bytes.readUInt16BE(at + 2) : bytes[at + 1]!
      if (bytes.length < start + length) break
      if (bytes[at] === 0x88) return bytes.readUInt16BE(start)
      at = start + length
    }
  }
  throw new Error('ended without a Close')
}
