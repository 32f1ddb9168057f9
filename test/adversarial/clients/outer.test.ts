// A client breaks one rule at a time before there is TLS: in its upgrade request, in WebSocket frames, in ping framing.
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { concat, utf8 } from '../../../src/bytes/index.js'
import { closeAll, dialRaw, request, upgradeLines } from '../../unit/gateway/clients.js'
import { expectTold } from './expected.js'
import { frameFaults, pingFaults } from './frame-faults.js'
import { requestFaults, webSocketFaults } from './http-faults.js'
import { createWorld, type World } from './stage.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(async () => {
  await closeAll()
  await world.close()
})

const webSocketLines = upgradeLines(
  ...['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'],
  ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol: alpn-ping'],
)

/** A word in ping framing. */
const packet = concat(Uint8Array.of(0, 0, 0, 4), utf8('word'))

/** To the end of the connection, reset or not. */
async function hear(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of socket) chunks.push(chunk as Buffer)
  } catch {
    // A reset, perhaps behind what was said.
  }
  socket.destroy()
  return Buffer.concat(chunks)
}

describe.each([
  ['a request', requestFaults],
  ['a WebSocket request', webSocketFaults],
])('%s with', (_, faults) => {
  it.each(faults)('$what', async ({ text, status, code }) => {
    const outcome = await world.watch(async () => {
      const socket = await dialRaw(world.ports.upgrade)
      socket.write(text, 'latin1')
      return (await hear(socket)).toString('latin1')
    })
    // One answer, whatever is behind the request.
    expect([...outcome.heard.matchAll(/^HTTP\/1\.1 (\d+) /gm)].map(([, each]) => Number(each))).toEqual(
      status === undefined ? [] : [status],
    )
    expect(outcome.service).toEqual([])
    await expectTold(world, outcome, code)
  })
})

it('a WebSocket request without our subprotocols is told so by a Close, after the 101', async () => {
  const lines = webSocketLines.map((line) => line.replace('alpn-ping', 'chat'))
  const outcome = await world.watch(async () => {
    const { status, socket } = await request(world.ports.upgrade, lines)
    return [status, closeCode(await hear(socket))]
  })
  expect(outcome.heard).toEqual([101, 1003])
  await expectTold(world, outcome, 'ERR_GATEWAY_UPGRADE')
})

describe('a WebSocket with', () => {
  it.each(frameFaults)('$what', async ({ bytes, close, code }) => {
    const outcome = await world.watch(async () => {
      const { socket } = await request(world.ports.upgrade, webSocketLines)
      socket.write(bytes)
      return closeCode(await hear(socket))
    })
    expect(outcome.heard).toBe(close)
    expect(outcome.service).toEqual([])
    await expectTold(world, outcome, code)
  })
})

describe('ping framing with', () => {
  it.each(pingFaults)('$what', async ({ what, bytes, code }) => {
    const outcome = await world.watch(async () => {
      const { socket } = await request(
        world.ports.upgrade,
        upgradeLines('Upgrade: alpn-ping', 'Connection: Upgrade'),
      )
      socket.write(bytes)
      if (what.endsWith('FIN')) socket.end()
      return hear(socket)
    })
    expect(outcome.service).toEqual([])
    await expectTold(world, outcome, code)
  })

  it.each([
    ['a packet too large', Uint8Array.of(255, 255, 255, 255), 'ERR_PING_TOO_LARGE'],
    [
      'half a packet, then close_notify',
      concat(Uint8Array.of(0, 0, 0, 9), utf8('half')),
      'ERR_PING_TRUNCATED',
    ],
    ['half a length, then close_notify', Uint8Array.of(0, 0), 'ERR_PING_TRUNCATED'],
  ])('inside TLS: %s', async (_, bytes, code) => {
    const outcome = await world.watch(() =>
      world.meet({ alpn: ['echo-ping'], word: packet }, (client) => {
        client.send(bytes)
        client.alert('close_notify')
      }),
    )
    await expectTold(world, outcome, code)
    expect(outcome.service.map(({ end }) => end)).toEqual(['cut'])
  })
})

describe('no harm', () => {
  it.each([
    ['no Connection', upgradeLines('Upgrade: alpn')],
    ['only X-Teleport-Upgrade', upgradeLines('X-Teleport-Upgrade: alpn')],
    ['several types', upgradeLines('Upgrade: h2c, alpn', 'Connection: Upgrade')],
    ['a length of nothing', upgradeLines('Upgrade: alpn', 'Content-Length: 0')],
  ])('%s', async (_, lines) => {
    const outcome = await world.watch(async () =>
      world.meetOn((await request(world.ports.upgrade, lines)).socket),
    )
    await expectTold(world, outcome, 'ok')
  })

  it('TLS glued to the request, before the 101', async () => {
    const outcome = await world.watch(() =>
      world.meetOn((glued) =>
        request(world.ports.upgrade, upgradeLines('Upgrade: alpn', 'Connection: Upgrade'), glued).then(
          ({ socket }) => socket,
        ),
      ),
    )
    await expectTold(world, outcome, 'ok')
  })

  it('extensions on offer', async () => {
    const { headers, socket } = await request(world.ports.upgrade, [
      ...webSocketLines,
      'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-unknown',
    ])
    expect(headers).not.toHaveProperty('sec-websocket-extensions')
    socket.destroy()
  })
})

/** The status code of the first Close among the frames of a server. RFC 6455 §5.5.1. */
function closeCode(bytes: Buffer): number | undefined {
  for (let at = 0; at + 2 <= bytes.length; ) {
    const length = bytes[at + 1]!
    if ((bytes[at]! & 15) === 8) return bytes.readUInt16BE(at + 2)
    at += 2 + length
  }
  return undefined
}
