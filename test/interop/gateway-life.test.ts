// A gateway's life under load: slow readers, cuts that must look like cuts, reloads, idle bounds, and an end that leaves
// nothing behind.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { createGateway } from '../../src/gateway/index.js'
import { describePeer, requireProgram } from '../support/peers.js'
import {
  bodyOf,
  closeAll,
  codeOf,
  credentials,
  dialRaw,
  eventOf,
  innerTls,
  onClose,
  openWebSocket,
  outer,
  readAll,
  readExactly,
  request,
  startGateway,
  startService,
  ways,
} from '../unit/gateway/clients.js'

afterEach(closeAll)

const mebibyte = 1024 * 1024

describe.each(ways)('over %s', (way) => {
  it('echoes 16 MiB whole', async () => {
    const ports = await startGateway(await startService())
    const secure = await innerTls(await outer(way, ports))
    const sent = Buffer.alloc(16 * mebibyte)
    for (let i = 0; i < sent.length; i += 4) sent.writeUInt32BE(i, i)
    Readable.from(pieces(sent)).pipe(secure)
    expect((await readAll(secure)).equals(sent)).toBe(true)
  })

  it('stops reading from the service while the client does not read', async () => {
    const total = 64 * mebibyte
    const service = await startService((socket) => flood(socket, total))
    const ports = await startGateway(service)
    const stream = await outer(way, ports)
    const secure = await innerTls(stream)
    secure.pause()
    const held = await settled(() => ports.gateway.stats().routes.echo?.bytesToClient ?? 0)
    // Socket buffers of the kernel on both hops, and 64 KiB a stream: far from the whole.
    expect(held).toBeLessThan(32 * mebibyte)
    let received = 0
    secure.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    secure.resume()
    await once(secure, 'end')
    expect(received).toBe(total)
  })

  it('cuts the client without close_notify when the service resets', async () => {
    const service = await startService((socket) => socket.write('some'))
    const ports = await startGateway(service)
    const stream = observable(await outer(way, ports))
    const secure = await innerTls(stream)
    expect((await readExactly(secure, 4)).toString()).toBe('some')
    const first = firstEnd(stream, secure)
    service.sockets[0]!.resetAndDestroy()
    const closed = await eventOf(ports.events, 'closed')
    expect(closed.error?.code).toBe('ERR_GATEWAY_UPSTREAM')
    // With close_notify the inner end comes first; see the next test.
    expect(await first).toBe('outer')
  })

  it('ends the client with close_notify when the service ends', async () => {
    const service = await startService((socket) => socket.end('all'))
    const ports = await startGateway(service)
    const stream = observable(await outer(way, ports))
    const secure = await innerTls(stream)
    const first = firstEnd(stream, secure)
    expect(await first).toBe('inner')
  })

  it('resets the service when the client goes without close_notify', async () => {
    let serviceEnded = false
    const service = await startService((socket) => {
      socket.resume()
      socket.on('end', () => (serviceEnded = true))
    })
    const ports = await startGateway(service)
    const stream = await outer(way, ports)
    const secure = await innerTls(stream)
    secure.write('half of a')
    await until(() => (service.sockets[0]?.bytesRead ?? 0) === 9)
    const gone = new Promise((resolve) => service.sockets[0]!.once('close', resolve))
    stream.destroy()
    expect(['ERR_TLS_TRUNCATED', 'ERR_STREAM_RESET']).toContain(
      (await eventOf(ports.events, 'closed')).error?.code,
    )
    await gone
    expect(serviceEnded).toBe(false)
    expect(service.sockets[0]!.errored).toMatchObject({ code: 'ECONNRESET' })
  })
})

describe('the end of a tunnel', () => {
  it('comes after idle time, if that is bounded', async () => {
    const ports = await startGateway(await startService(), { timeouts: { idle: 50 } })
    await innerTls(await outer('alpn', ports))
    expect((await eventOf(ports.events, 'closed')).error).toMatchObject({
      code: 'ERR_TIMEOUT',
      phase: 'stream',
    })
  })

  it('comes after half-closed time', async () => {
    const service = await startService((socket) => socket.end('bye'))
    const ports = await startGateway(service, { timeouts: { halfClosed: 50 } })
    await innerTls(await outer('alpn', ports))
    expect((await eventOf(ports.events, 'closed')).error?.code).toBe('ERR_TIMEOUT')
  })

  it('is said to a WebSocket with the code that fits', async () => {
    const service = await startService((socket) => socket.resetAndDestroy())
    const ports = await startGateway(service)
    const ws = openWebSocket(ports.upgrade)
    await once(ws, 'open')
    const { createWebSocketStream } = await import('ws')
    const stream = createWebSocketStream(ws)
    stream.on('error', () => {})
    const close = once(ws, 'close')
    innerTls(stream).catch(() => {})
    expect((await close)[0]).toBe(1011)
  })
})

describe('reload', () => {
  it('serves new tunnels with the new routes and keeps the old ones open', async () => {
    const { server, clientCa } = await credentials()
    const service = await startService()
    const ports = await startGateway(service)
    const before = await innerTls(await outer('alpn', ports))
    ports.gateway.reload({
      identity: server,
      routes: [{ name: 'new', alpn: 'new', connect: { port: service.port }, client: { trust: clientCa } }],
    })
    expect(await codeOf(innerTls(await outer('alpn', ports)))).toBe(
      'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    )
    const after = await innerTls(await outer('alpn', ports), { ALPNProtocols: ['new'] })
    after.end('new')
    expect((await readAll(after)).toString()).toBe('new')
    before.end('old')
    expect((await readAll(before)).toString()).toBe('old')
  })

  it('keeps what it had when the new configuration is wrong', async () => {
    const { server } = await credentials()
    const ports = await startGateway(await startService())
    expect(() => ports.gateway.reload({ identity: server, routes: [] })).toThrow(
      expect.objectContaining({ code: 'ERR_GATEWAY_CONFIG' }),
    )
    await innerTls(await outer('alpn', ports))
  })
})

describe('connectors', () => {
  it('reach a service on a Unix socket', async () => {
    const { clientCa } = await credentials()
    const path = join(tmpdir(), `underpass-gateway-${process.pid}.sock`)
    const server = createServer((socket) => socket.pipe(socket)).listen(path)
    onClose(() => server.close())
    await once(server, 'listening')
    const ports = await startGateway(
      { port: 1 },
      { routes: [{ name: 'unix', alpn: 'echo', connect: { path }, client: { trust: clientCa } }] },
    )
    const secure = await innerTls(await outer('alpn', ports))
    secure.end('hello')
    expect((await readAll(secure)).toString()).toBe('hello')
    const cut = await innerTls(await outer('direct', ports))
    cut.write('x')
    await readExactly(cut, 1)
    cut.destroy()
    expect((await eventOf(ports.events, 'closed', 1)).error).toBeDefined()
  })
})

describe('listening', () => {
  it('fails with ERR_GATEWAY_LISTEN where the port is taken, and leaves nothing open', async () => {
    const { server, clientCa } = await credentials()
    const taken = await startService()
    const attempt = createGateway({
      listen: { upgrade: { port: 0 }, direct: { port: taken.port } },
      identity: server,
      routes: [{ name: 'x', alpn: 'x', connect: { port: 1 }, client: { trust: clientCa } }],
    })
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_GATEWAY_LISTEN' })
  })
})

describe('close', () => {
  it('says 1001, refuses new connections, and leaves no handle', async () => {
    const before = handles()
    const service = await startService()
    const ports = await startGateway(service, { timeouts: { linger: 200 }, pingInterval: 10 })
    const idle = await dialRaw(ports.upgrade)
    const silent = await dialRaw(ports.direct)
    const ws = openWebSocket(ports.upgrade)
    await once(ws, 'open')
    const goodbye = once(ws, 'close')
    for (const way of ways) {
      const secure = await innerTls(await outer(way, ports))
      secure.on('data', () => {})
      const pump = () => {
        while (!secure.destroyed && secure.write(Buffer.alloc(65_536)));
      }
      secure.on('drain', pump)
      pump()
    }
    await until(() => (ports.gateway.stats().routes.echo?.bytesToClient ?? 0) > 4 * mebibyte)
    await ports.gateway.close()
    expect((await goodbye)[0]).toBe(1001)
    expect(ports.gateway.stats()).toMatchObject({ connections: 0, tunnels: 0 })
    expect(await codeOf(dialRaw(ports.direct))).toBe('ECONNREFUSED')
    expect(ports.events.at(-1)).toEqual({ type: 'closed-gateway' })
    idle.destroy()
    silent.destroy()
    await closeAll()
    await until(() => handles() <= before)
  })

  it('lets tunnels finish before the deadline', async () => {
    const service = await startService()
    const ports = await startGateway(service)
    const secure = await innerTls(await outer('websocket', ports))
    const closing = ports.gateway.close({ deadline: 10_000 })
    secure.end('the last word')
    expect((await readAll(secure)).toString()).toBe('the last word')
    await closing
    expect(await eventOf(ports.events, 'closed')).toMatchObject({ error: undefined })
  })

  it('refuses upgrades on kept connections meanwhile', async () => {
    const ports = await startGateway(await startService())
    const open = await innerTls(await outer('alpn', ports))
    const kept = await request(ports.upgrade, ['GET /webapi/ping HTTP/1.1', 'Host: x'])
    const half = 'GET /webapi/connectionupgrade HTTP/1.1\r\nHost: x\r\n'
    await readExactly(kept.socket, Number(kept.headers['content-length']))
    await new Promise((resolve) => kept.socket.write(half, resolve))
    // The gateway reads in the order in which things come: what was there before this request is read when it is answered.
    await request(ports.upgrade, ['GET /webapi/ping HTTP/1.1', 'Host: x', 'Connection: close'])
    const closing = ports.gateway.close({ deadline: 10_000 })
    kept.socket.write('Upgrade: alpn\r\n\r\n')
    expect(await bodyOf(kept.socket)).toMatch(/^HTTP\/1\.1 503 /)
    open.end()
    await readAll(open)
    await closing
  })
})

describePeer('openssl', 'openssl s_client on the direct door', () => {
  it('comes through with a client certificate', async () => {
    const { alice } = await credentials()
    const { writeFile, mkdtemp, rm } = await import('node:fs/promises')
    const folder = await mkdtemp(join(tmpdir(), 'underpass-gateway-'))
    onClose(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'cert.pem'), alice.cert)
    await writeFile(join(folder, 'key.pem'), alice.key)
    const ports = await startGateway(await startService())
    const client = spawn(requireProgram('openssl'), [
      ...['s_client', '-quiet', '-connect', `127.0.0.1:${ports.direct}`, '-alpn', 'other,echo'],
      ...['-servername', 'proxy.example.test'],
      ...['-cert', join(folder, 'cert.pem'), '-key', join(folder, 'key.pem')],
    ])
    onClose(() => client.kill())
    client.stdin.write('hello from openssl')
    const [chunk] = (await once(client.stdout, 'data')) as [Buffer]
    expect(chunk.toString()).toBe('hello from openssl')
    expect(await eventOf(ports.events, 'opened')).toMatchObject({
      alpn: 'echo',
      client: { commonName: 'alice' },
    })
    client.kill()
    await once(client, 'close')
  })
})

function flood(socket: Socket, total: number): void {
  const chunk = Buffer.alloc(65_536)
  let sent = 0
  const pump = () => {
    while (sent < total) {
      sent += chunk.length
      if (!socket.write(chunk)) return
    }
    socket.end()
  }
  socket.on('drain', pump)
  pump()
}

/** A number once it has stopped growing. */
async function settled(value: () => number): Promise<number> {
  let last = -1
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 150))
    const now = value()
    if (now === last && now > 0) return now
    last = now
  }
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

/** A stream whose end can be seen also while TLS reads it: of a socket TLS takes the handle away. */
function observable(stream: Duplex): Duplex {
  return Duplex.from({ readable: stream, writable: stream })
}

/** Which ends first: the inner stream, by close_notify, or the outer one, with which the inner then ends too. */
function firstEnd(stream: Duplex, secure: TLSSocket): Promise<'inner' | 'outer'> {
  secure.resume()
  return new Promise((resolve) => {
    // Ahead of the listener by which TLS learns of it.
    stream.prependOnceListener('end', () => resolve('outer'))
    secure.once('end', () => resolve('inner'))
  })
}

/** Sockets and timers that keep the process up. */
function handles(): number {
  return process.getActiveResourcesInfo().filter((name) => /^(TCP|Pipe)/.test(name)).length
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}
