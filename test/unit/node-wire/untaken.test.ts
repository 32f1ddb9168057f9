// Bytes that Node's socket took and the kernel did not: no clean end, though every write of them resolved.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { wireFromSocket } from '../../../src/platform/node/wire.js'
import { Connection } from '../../../src/stream/index.js'
import { clock, framed, hear } from '../stream/toys.js'

it('what waits in a socket of ours when both have ended is an error by name', async () => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [far] = (await once(server, 'connection')) as [Socket]
  if (near.connecting) await once(near, 'connect')
  try {
    // Nobody reads the far end: whatever the kernels hold, the rest stays here.
    const wire = wireFromSocket(near)
    const connection = new Connection(wire, { clock, limits: { linger: 50 } })
    await connection.push(framed())
    const heard = hear(connection.wire())
    while (wire.unsent?.() === 0) {
      await connection.wire().write([new Uint8Array(30_000)])
      await new Promise((resolve) => setImmediate(resolve))
    }
    far.write(new Uint8Array([0]))
    await heard.end
    void Promise.resolve(connection.wire().end()).catch(() => {})
    await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'stream' })
  } finally {
    near.destroy()
    far.destroy()
    server.close()
  }
})
