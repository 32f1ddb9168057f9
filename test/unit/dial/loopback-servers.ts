// Load balancers and servers of node:tls and node:http on loopback, each with the manners of a real one, and a memory of
// what reached it. The inner server echoes; it wants a client certificate.
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Authority, Issued } from '../../support/certificates.js'

export interface Listening {
  readonly port: number
  /** TCP connections so far. */
  readonly connections: number
  /** Sockets that are open. */
  readonly open: number
  stop(): Promise<void>
}

export interface InnerServer extends Listening {
  /** Common names of client certificates, one for each handshake. */
  readonly clients: string[]
  readonly serverNames: Array<string | false>
  /** Lets TLS run over a stream that an upgrade carried here. */
  carry(stream: Duplex): void
}

export interface InnerOptions {
  readonly certificate: Issued
  readonly users: Authority
  readonly alpn: readonly string[]
}

/** The server itself: also reached directly on its own port. */
export async function startInner(options: InnerOptions): Promise<InnerServer> {
  const clients: string[] = []
  const serverNames: Array<string | false> = []
  const server = createTlsServer(
    {
      cert: options.certificate.chain,
      key: options.certificate.privateKey,
      ca: options.users.certificate,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: [...options.alpn],
      allowHalfOpen: true,
    },
    (socket) => {
      clients.push(commonName(socket))
      serverNames.push(socket.servername ?? false)
      socket.on('error', () => {})
      socket.pipe(socket)
    },
  )
  server.on('tlsClientError', () => {})
  const listening = await listen(server)
  return {
    clients,
    serverNames,
    carry: (stream) => server.emit('connection', stream),
    get port() {
      return listening.port
    },
    get connections() {
      return listening.connections
    },
    get open() {
      return listening.open
    },
    stop: listening.stop,
  }
}

export interface BalancerOptions {
  readonly certificate: Issued
  readonly inner: InnerServer
  /** Application protocols it selects from; without them it ignores ALPN, with them it refuses others by alert 120. */
  readonly alpn?: readonly string[]
  /** Upgrade tokens it passes; any other gets an ordinary 200, as from a strict proxy. */
  readonly tokens?: readonly string[]
  /** Answers instead of upgrading. */
  readonly status?: number
  /** What it does with a hello that names this protocol, before TLS. */
  readonly dislikes?: { readonly protocol: string; readonly how: 'fin' | 'rst' | 'silence' }
}

export interface Balancer extends Listening {
  readonly requests: Array<{ readonly token: string; readonly headers: IncomingMessage['headers'] }>
  /** How many handshakes brought a client certificate. It asks every client for one. */
  readonly clientCertificates: number
}

export async function startBalancer(options: BalancerOptions): Promise<Balancer> {
  const requests: Balancer['requests'] = []
  let clientCertificates = 0
  const webSockets = new WebSocketServer({ noServer: true, handleProtocols: ([first]) => first ?? false })
  const http = createHttpServer((_, response) => response.end('an ordinary page'))
  http.on('upgrade', (request, socket: Socket, head) => {
    const token = request.headers.upgrade ?? ''
    requests.push({ token, headers: request.headers })
    if (options.status !== undefined) {
      socket.end(`HTTP/1.1 ${options.status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
    } else if (!(options.tokens ?? ['websocket', 'alpn']).includes(token)) {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    } else if (token === 'websocket') {
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        const stream = createWebSocketStream(webSocket)
        stream.on('error', () => {})
        options.inner.carry(stream)
      })
    } else {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${token}\r\n\r\n`)
      options.inner.carry(socket)
    }
  })

  const tls = createTlsServer(
    {
      cert: options.certificate.chain,
      key: options.certificate.privateKey,
      requestCert: true,
      rejectUnauthorized: false,
      ...(options.alpn && { ALPNProtocols: [...options.alpn] }),
    },
    (socket) => {
      if (Object.keys(socket.getPeerCertificate()).length > 0) clientCertificates++
      socket.on('error', () => {})
      http.emit('connection', socket)
    },
  )
  tls.on('tlsClientError', () => {})

  const front = createTcpServer((socket) => {
    socket.once('data', (hello) => {
      const { dislikes } = options
      if (dislikes === undefined || !hello.includes(dislikes.protocol)) {
        socket.pause()
        socket.unshift(hello)
        tls.emit('connection', socket)
      } else if (dislikes.how === 'fin') socket.end()
      else if (dislikes.how === 'rst') socket.resetAndDestroy()
    })
  })
  const listening = await listen(front)
  return {
    requests,
    get clientCertificates() {
      return clientCertificates
    },
    get port() {
      return listening.port
    },
    get connections() {
      return listening.connections
    },
    get open() {
      return listening.open
    },
    async stop() {
      webSockets.close()
      http.close()
      await listening.stop()
    },
  }
}

/** WebSocket upgrades over plain http, except at `/forbidden` (403) and `/silent` (no answer). */
export async function startUpgrades(inner: InnerServer): Promise<Listening> {
  const webSockets = new WebSocketServer({ noServer: true, handleProtocols: ([first]) => first ?? false })
  const http = createHttpServer()
  http.on('upgrade', (request, socket: Socket, head) => {
    if (request.url === '/silent') return
    if (request.url === '/forbidden') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
      return
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const stream = createWebSocketStream(webSocket)
      stream.on('error', () => {})
      inner.carry(stream)
    })
  })
  return listen(http)
}

/** A TCP server that accepts and says nothing. */
export async function startSilence(): Promise<Listening> {
  return listen(createTcpServer((socket) => socket.on('error', () => {}).resume()))
}

/** Resolves once the condition holds; the test's own timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

async function listen(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    // Streams carried here by an upgrade are no connections of this port.
    if (typeof socket.localPort !== 'number' || socket.localPort !== (server.address() as AddressInfo)?.port)
      return
    connections++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    get connections() {
      return connections
    },
    get open() {
      return sockets.size
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function commonName(socket: TLSSocket): string {
  const { subject } = socket.getPeerCertificate()
  return subject === undefined ? '' : String(subject.CN)
}
