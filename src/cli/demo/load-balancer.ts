// A layer-7 load balancer in this process, as AWS ALB behaves: it ends TLS with its own certificate, negotiates no ALPN,
// looks at no client certificate, forwards HTTP/1.1 and passes connection upgrades. What the client said inside TLS
// (ALPN, server name, certificate) does not get past it: that is the problem this project solves.
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

export interface LoadBalancer {
  readonly port: number
  close(): Promise<void>
}

export interface LoadBalancerOptions {
  readonly certificate: string
  readonly privateKey: string
  /** Where the target listens, plain HTTP on loopback. */
  readonly targetPort: number
  /** Milliseconds without a byte before a connection is cut; ALB's default is 60 000. */
  readonly idleTimeout?: number
}

export async function startLoadBalancer(options: LoadBalancerOptions): Promise<LoadBalancer> {
  const sockets = new Set<Socket>()
  const http = createHttpServer()
  http.on('request', (incoming, response) => forward(incoming, response, options.targetPort))
  http.on('upgrade', (incoming, socket: Socket, head) => {
    upgrade(incoming, socket, head, options.targetPort, sockets)
  })
  const tls = { cert: options.certificate, key: options.privateKey, noDelay: true }
  const server = createTlsServer(tls, (socket) => {
    track(socket, sockets)
    socket.setTimeout(options.idleTimeout ?? 60_000, () => socket.destroy())
    http.emit('connection', socket)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function forward(incoming: IncomingMessage, response: ServerResponse, port: number): void {
  const { method, url, headers } = incoming
  const outgoing = request({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  outgoing.on('error', () => {
    if (!response.headersSent) response.writeHead(502)
    response.end()
  })
  incoming.pipe(outgoing)
}

function upgrade(
  incoming: IncomingMessage,
  client: Socket,
  head: Buffer,
  port: number,
  sockets: Set<Socket>,
): void {
  const outgoing = request({ host: '127.0.0.1', port, path: incoming.url, headers: incoming.headers })
  outgoing.on('upgrade', (answer: IncomingMessage, target: Socket, first: Buffer) => {
    track(target, sockets)
    target.setNoDelay(true)
    client.write(`HTTP/1.1 101 Switching Protocols\r\n${rawHeaders(answer)}\r\n`)
    if (first.length > 0) client.write(first)
    if (head.length > 0) target.write(head)
    join(client, target)
  })
  outgoing.on('response', (answer) => {
    client.write(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${rawHeaders(answer)}\r\n`)
    answer.pipe(client)
  })
  outgoing.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'))
  client.on('error', () => outgoing.destroy())
  outgoing.end()
}

/** Like real ones, it closes the other side as soon as one side ends. */
function join(a: Socket, b: Socket): void {
  a.pipe(b)
  b.pipe(a)
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
  }
}

function track(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket)
  socket.on('error', () => socket.destroy())
  socket.once('close', () => sockets.delete(socket))
}

function rawHeaders(message: IncomingMessage): string {
  let text = ''
  for (let i = 0; i < message.rawHeaders.length; i += 2)
    text += `${message.rawHeaders[i]}: ${message.rawHeaders[i + 1]}\r\n`
  return text
}
