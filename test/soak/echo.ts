// The service at the far end: sends back what it gets, and ends when the client has ended.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { tellLateness } from './lateness.js'
import { obey, weight } from './processes.js'

export type EchoOrder = { readonly do: 'listen' } | { readonly do: 'weigh' }

tellLateness()
obey<EchoOrder>(async (order) => {
  if (order.do === 'weigh') return weight()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
})
