// Clients for the gateway's tests, none of them ours: `ws`, node:tls, node:net, and a ping framing written for this
// file. Everything opened here is closed by `closeAll`.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { type ClientOptions, createWebSocketStream, WebSocket } from 'ws'
import type { GatewayEvent } from '../../../src/gateway/events.js'
import { createGateway, type Gateway, type GatewayOptions } from '../../../src/gateway/index.js'
import { createAuthority } from '../../support/certificates.js'

const opened: Array<() => unknown> = []

export async function closeAll(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close()
}

/** Have something closed by `closeAll`. */
export function onClose(close: () => unknown): void {
  opened.push(close)
}

export interface Credentials {
  readonly server: { readonly certificate: string; readonly privateKey: string }
  readonly serverCa: string
  readonly clientCa: string
  readonly alice: { readonly cert: string; readonly key: string }
  readonly mallory: { readonly cert: string; readonly key: string }
}

let made: Promise<Credentials> | undefined

/** One server, its authority, and two clients: alice of the clients' authority, mallory of another. */
export function credentials(): Promise<Credentials> {
  made ??= (async () => {
    const [serverCa, clientCa, otherCa] = await Promise.all([
      createAuthority(),
      createAuthority(),
      createAuthority(),
    ])
    const [server, alice, mallory] = await Promise.all([
      serverCa.issue({ names: ['proxy.example.test', 'localhost'], usage: 'server' }),
      clientCa.issue({ commonName: 'alice', names: ['alice.example.test'], usage: 'client' }),
      otherCa.issue({ commonName: 'alice', names: ['alice.example.test'], usage: 'client' }),
    ])
    return {
      server: { certificate: server.chain, privateKey: server.privateKey },
      serverCa: serverCa.certificate,
      clientCa: clientCa.certificate,
      alice: { cert: alice.chain, key: alice.privateKey },
      mallory: { cert: mallory.chain, key: mallory.privateKey },
    }
  })()
  return made
}

export interface Service {
  readonly port: number
  readonly sockets: Socket[]
  /** How many connections it ever had. */
  count(): number
}

/** A TCP service behind a route; without a handler it echoes, and ends when the client has. */
export async function startService(handler?: (socket: Socket) => void): Promise<Service> {
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    if (handler === undefined) socket.pipe(socket)
    else handler(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onClose(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sockets, count: () => sockets.length }
}

/** A gateway on free ports, with one route `echo` for `echo` and `echo-ping` open to alice's authority. */
export async function startGateway(
  service: { readonly port: number },
  options: Partial<GatewayOptions> = {},
): Promise<{ gateway: Gateway; events: GatewayEvent[]; upgrade: number; direct: number }> {
  const { server, clientCa } = await credentials()
  const events: GatewayEvent[] = []
  const gateway = await createGateway({
    listen: { upgrade: { port: 0 }, direct: { port: 0 } },
    identity: server,
    routes: [
      {
        name: 'echo',
        alpn: 'echo',
        ping: true,
        connect: { port: service.port },
        client: { trust: clientCa },
      },
    ],
    onEvent: (event) => events.push(event),
    ...options,
  })
  onClose(() => gateway.close())
  return {
    gateway,
    events,
    upgrade: gateway.addresses.upgrade?.port ?? 0,
    direct: gateway.addresses.direct?.port ?? 0,
  }
}

export async function dialRaw(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  socket.on('error', () => {})
  onClose(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

export interface Answer {
  readonly status: number
  readonly head: string
  readonly headers: Readonly<Record<string, string>>
  readonly socket: Socket
}

/** Send request lines (CRLF is added) with bytes glued behind them; what follows the answer's head stays in the socket. */
export async function request(
  port: number,
  lines: readonly string[],
  glued: Uint8Array = new Uint8Array(),
): Promise<Answer> {
  const socket = await dialRaw(port)
  socket.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), glued]))
  let all = Buffer.alloc(0)
  for (;;) {
    const end = all.indexOf('\r\n\r\n')
    if (end >= 0) {
      const head = all.subarray(0, end).toString('latin1')
      if (all.length > end + 4) socket.unshift(all.subarray(end + 4))
      const headers: Record<string, string> = {}
      for (const line of head.split('\r\n').slice(1)) {
        const [name, value] = line.split(/:\s*/, 2) as [string, string]
        headers[name.toLowerCase()] = value
      }
      return { status: Number(head.split(' ')[1]), head, headers, socket }
    }
    all = Buffer.concat([all, await nextChunk(socket)])
  }
}

async function nextChunk(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      socket.pause()
      socket.off('data', data)
      socket.off('close', closed)
      socket.off('end', closed)
      then()
    }
    const data = (chunk: Buffer) => settle(() => resolve(chunk))
    const closed = () => settle(() => reject(new Error('closed before a whole answer')))
    socket.once('data', data)
    socket.once('end', closed)
    socket.once('close', closed)
    socket.resume()
  })
}

export async function bodyOf(socket: Duplex): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

export function upgradeLines(...headers: string[]): string[] {
  return ['GET /webapi/connectionupgrade HTTP/1.1', 'Host: proxy.example.test:443', ...headers]
}

/** The far side's ping framing: counts the pings it receives. */
export class PingFramed extends Duplex {
  pings = 0
  #buffered = Buffer.alloc(0)
  readonly #below: Duplex

  constructor(below: Duplex) {
    super()
    this.#below = below
    below.on('data', (chunk: Buffer) => {
      this.#buffered = Buffer.concat([this.#buffered, chunk])
      while (this.#buffered.length >= 4) {
        const length = this.#buffered.readUInt32BE(0)
        if (this.#buffered.length < 4 + length) return
        if (length === 0) {
          this.pings++
          this.emit('ping')
        } else if (!this.push(this.#buffered.subarray(4, 4 + length))) below.pause()
        this.#buffered = this.#buffered.subarray(4 + length)
      }
    })
    below.resume()
    below.on('end', () => this.push(null))
    below.on('close', () => this.destroy())
    this.on('error', () => {})
  }

  override _read(): void {
    this.#below.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const header = Buffer.alloc(4)
    header.writeUInt32BE(chunk.length)
    // The header alone first, as Go's client sends it.
    this.#below.write(header)
    this.#below.write(chunk, callback)
  }

  override _final(callback: () => void): void {
    callback()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#below.destroy()
    callback(error)
  }
}

export function openWebSocket(
  port: number,
  subprotocols: string[] = ['alpn-ping'],
  options: ClientOptions = {},
): WebSocket {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/webapi/connectionupgrade`, subprotocols, options)
  ws.on('error', () => {})
  onClose(() => ws.terminate())
  return ws
}

export type Way = 'websocket' | 'alpn' | 'alpn-ping' | 'direct'

export const ways: readonly Way[] = ['websocket', 'alpn', 'alpn-ping', 'direct']

/** The outer connection, ready for TLS. */
export async function outer(way: Way, ports: { upgrade: number; direct: number }): Promise<Duplex> {
  if (way === 'direct') return dialRaw(ports.direct)
  if (way === 'websocket') {
    const ws = openWebSocket(ports.upgrade)
    await once(ws, 'open')
    const stream = createWebSocketStream(ws)
    stream.on('error', () => {})
    // By itself this stream closes the WebSocket when TLS has finished writing, and hears no answer any more.
    stream._final = (callback) => callback()
    return stream
  }
  const answer = await request(ports.upgrade, upgradeLines(`Upgrade: ${way}`, 'Connection: Upgrade'))
  if (answer.status !== 101) throw new Error(answer.head)
  return way === 'alpn' ? answer.socket : new PingFramed(answer.socket)
}

/** Inner TLS as alice, by node:tls. Options override. */
export async function innerTls(stream: Duplex, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { serverCa, alice } = await credentials()
  const secure = tlsConnect({
    socket: stream,
    servername: 'proxy.example.test',
    ALPNProtocols: ['echo'],
    ca: serverCa,
    ...alice,
    ...options,
  })
  onClose(() => secure.destroy())
  await new Promise<void>((resolve, reject) => {
    secure.once('secureConnect', resolve)
    secure.once('error', reject)
    secure.once('close', () => reject(Object.assign(new Error('closed'), { code: 'CLOSED' })))
  })
  secure.on('error', () => {})
  return secure
}

/** Everything until the end. */
export async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export async function readExactly(stream: Duplex, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let have = 0
  return new Promise((resolve, reject) => {
    const data = (chunk: Buffer) => {
      chunks.push(chunk)
      have += chunk.length
      if (have < length) return
      stream.off('data', data)
      stream.off('close', closed)
      stream.pause()
      resolve(Buffer.concat(chunks))
    }
    const closed = () => reject(new Error(`closed after ${have} of ${length} bytes`))
    stream.on('data', data)
    stream.once('close', closed)
    stream.resume()
  })
}

/** The code of what an attempt fails with. */
export async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
  return 'no failure'
}

/** The first event of a type, present or to come. */
export async function eventOf<T extends GatewayEvent['type']>(
  events: readonly GatewayEvent[],
  type: T,
  nth = 0,
): Promise<Extract<GatewayEvent, { type: T }>> {
  for (;;) {
    const found = events.filter((event) => event.type === type)[nth]
    if (found !== undefined) return found as Extract<GatewayEvent, { type: T }>
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
