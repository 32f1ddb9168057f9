// What the service said and the client does not take: the tunnel ends by name, also when the service has long gone, and a
// client that takes slowly is served.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, expect, it } from 'vitest'
import type { Carrier } from '../../../src/gateway/carrier.js'
import { relay } from '../../../src/gateway/relay.js'

const closing: Array<() => unknown> = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A service that says a word and is gone as soon as we have ended too. */
async function service(word: string): Promise<Socket> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.resume().end(word))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  closing.push(
    () => socket.destroy(),
    () => server.close(),
  )
  await once(socket, 'connect')
  return socket
}

/** A client that has ended, over a carrier of which `left` bytes wait at each look. */
function client(left: () => number) {
  let taken: () => void = () => {}
  const inner = new Duplex({
    read() {},
    write: (_chunk, _encoding, callback) => {
      taken = callback
    },
  })
  inner.push(null)
  const carrier = Object.defineProperty(new Duplex(), 'writableLength', { get: left }) as Carrier
  return { inner, carrier, take: () => taken() }
}

it('a client that never takes the last words of a service that is gone is ended', async () => {
  const { inner, carrier } = client(() => 100)
  const relaying = relay(
    { carrier, inner, service: await service('last words') },
    { idle: 0, halfClosed: 20 },
  )
  await expect(relaying).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'stream' })
})

it('one that takes them slowly is not', async () => {
  let left = 6
  const { inner, carrier, take } = client(() => {
    if (--left === 0) take()
    return left
  })
  await relay({ carrier, inner, service: await service('last words') }, { idle: 0, halfClosed: 20 })
  expect(left).toBe(0)
})
