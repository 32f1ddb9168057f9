// The gateway where it belongs: behind HAProxy and nginx, which end the outer TLS. What must come through unharmed is
// everything inner: ALPN, client certificate, half-closes, and completeness.
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import { afterEach, expect, it } from 'vitest'
import { createWebSocketStream, WebSocket } from 'ws'
import { type Authority, createAuthority } from '../support/certificates.js'
import { describePeer } from '../support/peers.js'
import {
  type LoadBalancerOptions,
  type ServerProcess,
  startHaproxy,
  startNginx,
} from '../support/servers/index.js'
import {
  closeAll,
  eventOf,
  innerTls,
  onClose,
  PingFramed,
  readAll,
  startGateway,
  startService,
} from '../unit/gateway/clients.js'

afterEach(closeAll)

type Start = (options: LoadBalancerOptions) => Promise<ServerProcess>

const balancers: ReadonlyArray<readonly ['haproxy' | 'nginx', Start]> = [
  ['haproxy', startHaproxy],
  ['nginx', startNginx],
]

let web: Promise<Authority> | undefined

async function behind(start: Start, service: { port: number }, options: Partial<LoadBalancerOptions> = {}) {
  web ??= createAuthority()
  const authority = await web
  const ports = await startGateway(service, { pingInterval: 300 })
  const balancer = await start({
    upstreamPort: ports.upgrade,
    certificate: await authority.issue({ names: ['localhost'] }),
    ...options,
  })
  onClose(() => balancer.stop())
  return { ...ports, port: balancer.port, ca: authority.certificate }
}

async function throughWebSocket(to: { port: number; ca: string }): Promise<Duplex> {
  const ws = new WebSocket(`wss://localhost:${to.port}/webapi/connectionupgrade`, ['alpn-ping'], {
    ca: to.ca,
  })
  onClose(() => ws.terminate())
  await once(ws, 'open')
  const stream = createWebSocketStream(ws)
  stream.on('error', () => {})
  stream._final = (callback) => callback()
  return stream
}

async function throughUpgrade(to: { port: number; ca: string }, type: string) {
  const socket = tlsConnect({ host: '127.0.0.1', port: to.port, servername: 'localhost', ca: to.ca })
  socket.on('error', () => {})
  onClose(() => socket.destroy())
  socket.write(
    `GET /webapi/connectionupgrade HTTP/1.1\r\nHost: localhost\r\nUpgrade: ${type}\r\nConnection: Upgrade\r\n\r\n`,
  )
  const [head] = (await once(socket, 'data')) as [Buffer]
  socket.pause()
  return { head: head.toString('latin1'), stream: type === 'alpn' ? socket : new PingFramed(socket) }
}

for (const [name, start] of balancers) {
  describePeer(name, `behind ${name}`, () => {
    it('carries inner TLS over a WebSocket', async () => {
      const to = await behind(start, await startService())
      const secure = await innerTls(await throughWebSocket(to))
      secure.end(Buffer.alloc(1_000_000, 'x'))
      expect((await readAll(secure)).length).toBe(1_000_000)
      expect(await eventOf(to.events, 'closed')).toMatchObject({ error: undefined })
    })

    it.each(['alpn', 'alpn-ping'])('carries inner TLS over %s', async (type) => {
      const to = await behind(start, await startService())
      const { head, stream } = await throughUpgrade(to, type)
      expect(head).toMatch(/^HTTP\/1\.1 101 /)
      const secure = await innerTls(stream)
      secure.write('whole')
      const [chunk] = (await once(secure, 'data')) as [Buffer]
      expect(chunk.toString()).toBe('whole')
      expect(await eventOf(to.events, 'opened')).toMatchObject({
        alpn: 'echo',
        client: { commonName: 'alice' },
      })
    })

    it('keeps the way to the service open after the service has finished', async () => {
      const received: Buffer[] = []
      let end!: () => void
      const ended = new Promise<void>((resolve) => (end = resolve))
      const service = await startService((socket) => {
        socket.end('first and last')
        socket.on('data', (chunk) => received.push(chunk))
        socket.on('end', end)
      })
      const to = await behind(start, service)
      const secure = await innerTls(await throughWebSocket(to))
      const chunks: Buffer[] = []
      secure.on('data', (chunk: Buffer) => chunks.push(chunk))
      await once(secure, 'end')
      expect(Buffer.concat(chunks).toString()).toBe('first and last')
      secure.end('the answer')
      expect(await eventOf(to.events, 'closed')).toMatchObject({ error: undefined })
      await ended
      expect(Buffer.concat(received).toString()).toBe('the answer')
    })

    it('outlives the idle limit by its pings', async () => {
      const to = await behind(start, await startService(), { idle: 2 })
      const secure = await innerTls(await throughWebSocket(to))
      // Six pings fit into the limit: a machine that stalls for a second ends nothing.
      await new Promise((resolve) => setTimeout(resolve, 4_500))
      secure.end('still here')
      expect((await readAll(secure)).toString()).toBe('still here')
    })

    it('says 404 where only websocket is passed on', async () => {
      const to = await behind(start, await startService(), { webSocketOnly: true })
      expect((await throughUpgrade(to, 'alpn')).head).toMatch(/^HTTP\/1\.1 404 /)
      const secure = await innerTls(await throughWebSocket(to))
      secure.end('x')
      expect((await readAll(secure)).toString()).toBe('x')
    })
  })
}
