// A route's service that speaks HTTP/1.1: each request inside the tunnel is parsed by node:http, strictly, and written
// anew with headers of ours that say who asks. What a client says about itself does not get through. Connections to the
// service are pooled, because no request's identity depends on them.
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream'
import { failure, type TunnelError } from '../errors-node.js'
import type { ConnectorSettings } from './config.js'
import type { Service } from './connector.js'
import { PairedDuplex } from './duplex-pair.js'
import { type HttpClient, requestHeaders, responseHeaders } from './http-identity.js'
import { errorBody } from './upgrade-request.js'

export interface HttpConnections {
  /** What a tunnel relays with: HTTP as of this client. `failed` hears of requests that got no answer. */
  open(client: HttpClient, failed: (error: TunnelError) => void): Service
}

interface Context extends HttpClient {
  readonly failed: (error: TunnelError) => void
}

export interface HttpOptions {
  readonly buffer: number
  readonly request: number
  readonly requestHead: number
}

export function httpConnections(connect: ConnectorSettings, options: HttpOptions): HttpConnections {
  const { identityHeaders, host } = connect.http!
  const contexts = new WeakMap<Duplex, Context>()
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: 30_000 })
  const to = 'path' in connect.to ? { socketPath: connect.to.path } : connect.to
  const server = createServer({
    maxHeaderSize: options.requestHead,
    headersTimeout: options.request,
    requestTimeout: 0,
    keepAliveTimeout: 0,
    joinDuplicateHeaders: false,
  })
  // A client that has finished writing still waits for its answers: half-closes mean what they say in a tunnel.
  Object.assign(server, { httpAllowHalfOpen: true })

  // Undefined for what node:http will not write, as a path with a byte it does not like: no request, then.
  function outgoing(
    incoming: IncomingMessage,
    context: Context,
    upgrade: string | undefined,
  ): ClientRequest | undefined {
    const headers = requestHeaders(incoming.rawHeaders, context, identityHeaders, upgrade)
    if (host !== undefined) headers.host = host
    try {
      return request({
        ...to,
        agent: upgrade === undefined ? agent : false,
        method: incoming.method!,
        path: incoming.url!,
        headers,
        setHost: false,
      })
    } catch {
      return undefined
    }
  }

  server.on('request', (incoming, response) => {
    const context = contexts.get(incoming.socket)!
    if (ambiguousHost(incoming)) {
      answer(response, 400, 'one Host header, please')
      return
    }
    const onward = outgoing(incoming, context, undefined)
    if (onward === undefined) {
      answer(response, 400, 'a request that cannot be passed on')
      return
    }
    onward.on('response', (back) => {
      try {
        response.writeHead(back.statusCode!, back.statusMessage!, responseHeaders(back.rawHeaders))
        pipeline(back, response, () => {})
      } catch {
        onward.destroy()
        answer(response, 502, 'the service behind the gateway answers what cannot be passed on')
      }
    })
    onward.on('error', (cause: Error & { code?: string }) => {
      if (response.headersSent || response.destroyed) {
        response.destroy()
        return
      }
      context.failed(failure('ERR_GATEWAY_CONNECT', cause.code, { cause }))
      answer(response, 502, 'the service behind the gateway does not answer')
    })
    response.on('close', () => {
      if (!response.writableFinished) onward.destroy()
    })
    // A body that breaks off must not look whole to the service.
    pipeline(incoming, onward, () => {})
  })

  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {})
    const context = contexts.get(socket)!
    const onward = outgoing(incoming, context, incoming.headers.upgrade)
    if (onward === undefined || ambiguousHost(incoming)) {
      socket.end(bare('400 Bad Request'))
      return
    }
    onward.on('upgrade', (back, service, begun) => {
      socket.write(rawHead(back))
      if (begun.length > 0) socket.write(begun)
      if (head.length > 0) service.write(head)
      pipeline(service, socket, () => {})
      pipeline(socket, service, () => {})
    })
    onward.on('response', (back) => {
      socket.write(rawHead(back, 'close'))
      pipeline(back, socket, () => {})
    })
    onward.on('error', (cause: Error & { code?: string }) => {
      context.failed(failure('ERR_GATEWAY_CONNECT', cause.code, { cause }))
      socket.end(bare('502 Bad Gateway'))
    })
    socket.on('close', () => onward.destroy())
    onward.end()
  })
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end(bare('400 Bad Request'))
  })

  return {
    open(client, failed) {
      const [near, far] = PairedDuplex.pair(options.buffer)
      near.on('error', () => {})
      far.on('error', () => {})
      contexts.set(far, { ...client, failed })
      server.emit('connection', far)
      return near
    },
  }
}

// RFC 9112 §3.2: a request with more than one Host field line is answered with 400; node:http takes the first.
function ambiguousHost({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === 'host').length > 1
}

function answer(response: ServerResponse, status: number, message: string): void {
  const body = errorBody(message)
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}

function bare(status: string): string {
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
}

function rawHead(back: IncomingMessage, connection = 'Upgrade'): string {
  const lines = Object.entries(responseHeaders(back.rawHeaders)).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}`),
  )
  const upgrade = back.headers.upgrade === undefined ? [] : [`Upgrade: ${back.headers.upgrade}`]
  return [
    `HTTP/1.1 ${back.statusCode} ${back.statusMessage}`,
    ...lines,
    `Connection: ${connection}`,
    ...upgrade,
    '\r\n',
  ].join('\r\n')
}
