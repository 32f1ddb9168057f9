// A process that was late itself: Node then runs its timers before it reads. Every deadline here has passed when the event
// loop goes on, and what it waited for has been in our own sockets all the time.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { goodbye } from '../../../src/gateway/carrier.js'
import { connected, openConnector } from '../../../src/gateway/connector.js'
import { deadlineAfter as gatewayDeadline } from '../../../src/gateway/deadline.js'
import { keepAlive as gatewayPings } from '../../../src/gateway/keep-alive.js'
import { relay } from '../../../src/gateway/relay.js'
import { SocketCarrier } from '../../../src/gateway/socket-carrier.js'
import { dialTcp } from '../../../src/platform/node/wire.js'
import { keepAlive, withDeadline } from '../../../src/stream/index.js'
import { deadlineAfter } from '../../../src/stream/timer.js'

const short = 40
const lastWords = 512 * 1024

/** Nothing runs in this process for longer than any deadline here. */
function standStill(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5 * short)
}

let server: Server
let port: number
const accepted: Socket[] = []

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

afterEach(() => {
  for (const socket of accepted.splice(0)) socket.destroy()
  server.close()
})

/** Two ends of a connection in this process. */
async function pair(): Promise<readonly [Socket, Socket]> {
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
  const [far] = (await once(server, 'connection')) as [Socket]
  if (near.connecting) await once(near, 'connect')
  accepted.push(near)
  return [near, far]
}

describe('a deadline of a process that was late', () => {
  it('does not end a dial that was answered', async () => {
    const dialing = withDeadline({ timeout: short, phase: 'dial' }, (signal) =>
      dialTcp({ host: '127.0.0.1', port }, { signal }),
    )
    // By then the connection was asked for, and the kernel answers.
    process.nextTick(standStill)
    const wire = await dialing
    expect(wire.facts).toMatchObject({ remotePort: port })
    wire.destroy()
  })

  it('does not end a connection to a service that was answered', async () => {
    const service = openConnector({ host: '127.0.0.1', port }, { buffer: 65_536 })
    const connecting = connected(service, short)
    process.nextTick(standStill)
    await connecting
    expect(service.readyState).toBe('open')
    service.destroy()
  })

  it.each([
    ['of a dialer', (ms: number, task: () => void) => void deadlineAfter(ms, task)],
    ['of the gateway', (ms: number, task: () => void) => void gatewayDeadline(ms, task)],
  ])('%s comes after what had arrived', async (_, after) => {
    const [near, far] = await pair()
    const order: string[] = []
    near.on('data', (chunk) => order.push(String(chunk)))
    far.write('answer')
    await new Promise<void>((resolve) => {
      after(short, () => {
        order.push('deadline')
        resolve()
      })
      process.nextTick(standStill)
    })
    expect(order).toEqual(['answer', 'deadline'])
  })

  it('does not call a peer dead whose bytes wait to be read', async () => {
    const [near, far] = await pair()
    let heard = performance.now()
    const heardFrom = once(near, 'data').then(() => {
      heard = performance.now()
    })
    const ends: unknown[] = []
    const alive = keepAlive(
      {
        ping: () => {},
        get quiet() {
          return performance.now() - heard
        },
        destroy: (error) => ends.push(error),
        closed: new Promise(() => {}),
      },
      // Silence is counted anew from what was heard.
      { interval: 60_000, timeout: short },
    )
    far.write('here')
    process.nextTick(standStill)
    await heardFrom
    await new Promise((resolve) => setImmediate(resolve))
    expect(ends).toEqual([])
    alive.stop()
  })

  it('lets the gateway hear what came before it judges a silence', async () => {
    const [near, far] = await pair()
    const order: string[] = []
    near.on('data', (chunk) => order.push(String(chunk)))
    far.write('pong')
    await new Promise<void>((resolve) => {
      const stop = gatewayPings(
        {
          ping() {
            order.push('ping')
            stop()
            resolve()
          },
        },
        short,
      )
      process.nextTick(standStill)
    })
    expect(order).toEqual(['pong', 'ping'])
  })

  it('lets a client close in order whose goodbye waits to be read', async () => {
    const [near, client] = await pair()
    const carrier = new SocketCarrier(near, {
      framing: 'raw',
      buffer: 65_536,
      linger: short,
      packet: 65_536,
      pings: 1,
    })
    const errors: unknown[] = []
    client.on('error', (error) => errors.push(error))
    const closed = once(client, 'close')
    // More than the client's kernel takes unread: the rest waits in ours, and a reset would drop it.
    await new Promise<void>((resolve) => carrier.write(Buffer.alloc(lastWords), () => resolve()))
    client.end('goodbye')
    carrier.hangUp(goodbye.done)
    process.nextTick(standStill)
    await carrier.gone
    let received = 0
    client.on('data', (chunk) => {
      received += chunk.length
    })
    await closed
    expect({ received, errors }).toEqual({ received: lastWords, errors: [] })
  })

  it('does not call a service idle whose bytes wait to be read', async () => {
    const [service, far] = await pair()
    const [inner] = await pair()
    const relaying = relay({ carrier: inner as never, inner, service }, { idle: short, halfClosed: 0 })
    let ended: unknown
    relaying.catch((error: unknown) => {
      ended = error
    })
    // Node looks for the silence of a socket when its timer comes; then it has been late already.
    const silent = once(service, 'timeout')
    far.write('here')
    process.nextTick(standStill)
    await silent
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    expect(ended).toBeUndefined()
    // Really silent from here on.
    await expect(relaying).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'stream' })
  })
})

describe('a deadline that nothing came before', () => {
  it.each([
    ['of a dialer', (ms: number, task: () => void) => deadlineAfter(ms, task).cancel],
    ['of the gateway', gatewayDeadline],
  ])('%s can be taken back at any time, also in the turn between', async (_, after) => {
    let passed = 0
    const stop = after(short, () => passed++)
    stop()
    const late = after(short, () => passed++)
    // Both timers have passed when the loop goes on, so this one comes in between.
    setTimeout(late, short)
    standStill()
    await new Promise((resolve) => setTimeout(resolve, short))
    expect(passed).toBe(0)
  })
})
