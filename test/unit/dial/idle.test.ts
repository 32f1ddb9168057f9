// The idle limit of an open tunnel: bytes that leave late are no silence, and silence is one however much waits.
import { expect, it } from 'vitest'
import { openSockets } from '../../../src/dial/sockets.js'
import { Connection, type Wire } from '../../../src/stream/index.js'
import { xor } from '../stream/toys.js'

/** A tunnel whose first write is never done; `left` says how much of it waits at each look. */
async function open(left: () => number) {
  let now = 0
  // Each look at the clock finds the limit passed.
  const clock = () => (now += 1_000)
  const wire: Wire = {
    start() {},
    write: () => new Promise(() => {}),
    end() {},
    destroy() {},
    unsent: left,
  }
  const connection = new Connection(wire, { clock })
  await connection.push(xor(0))
  const settings = { keepAlive: false, timeouts: { idle: 1, linger: 5 }, clock } as const
  const socket = openSockets(undefined).open(connection, {}, settings)
  const writer = socket.writable.getWriter()
  writer.closed.catch(() => {})
  const writing = writer.write(new Uint8Array(1 << 20))
  writing.catch(() => {})
  return socket
}

const idle = { code: 'ERR_TIMEOUT', phase: 'stream' }

it('a long write that leaves slowly is not idle', async () => {
  const looks = Array.from({ length: 8 }, (_, i) => 8 - i)
  const socket = await open(() => looks.shift() ?? 0)
  await expect(socket.closed).rejects.toMatchObject(idle)
  expect(looks).toEqual([])
})

it('one of which nothing leaves is', async () => {
  let looks = 0
  const socket = await open(() => {
    looks++
    return 100
  })
  await expect(socket.closed).rejects.toMatchObject(idle)
  expect(looks).toBeLessThan(8)
})
