// Doors that cannot accept for a moment, as when file descriptors ran out: node:net says so by an `error` of the server, which
// ends the process where nobody listens.
import { once } from 'node:events'
import { connect, Server } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { adminListener } from '../../../src/gateway/service/admin-listener.js'
import { closeAll, innerTls, onClose, outer, readAll, startGateway, startService } from './clients.js'

afterEach(closeAll)

/** The servers that begin to listen while `start` runs. */
async function serversOf<T>(start: () => Promise<T>): Promise<{ servers: Server[]; started: T }> {
  const servers: Server[] = []
  const { listen } = Server.prototype
  const spy = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...given) {
    servers.push(this)
    return listen.apply(this, given as never)
  })
  try {
    return { started: await start(), servers }
  } finally {
    spy.mockRestore()
  }
}

const accept = () => Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' })

it('the doors of clients tell it, and go on', async () => {
  const service = await startService()
  const { servers, started } = await serversOf(() => startGateway(service))
  expect(servers).toHaveLength(2)
  for (const server of [...servers, ...servers]) server.emit('error', accept())
  expect(started.events.filter(({ type }) => type === 'refused')).toMatchObject(
    Array(4).fill({ error: { code: 'ERR_GATEWAY_LIMIT', detail: 'EMFILE' } }),
  )
  const secure = await innerTls(await outer('direct', started))
  secure.end('x')
  expect((await readAll(secure)).toString()).toBe('x')
})

it('the door of the operator goes on', async () => {
  const door = { notReady: () => undefined, metrics: async () => ({ contentType: 'text/plain', text: '' }) }
  const { servers, started } = await serversOf(() => adminListener({ host: '127.0.0.1', port: 0 }, door))
  onClose(() => started.close())
  for (const server of [...servers, ...servers]) server.emit('error', accept())
  const socket = connect(started.port, '127.0.0.1')
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const [head] = (await once(socket, 'data')) as [Buffer]
  expect(head.toString()).toMatch(/^HTTP\/1\.1 200 /)
  socket.destroy()
})
