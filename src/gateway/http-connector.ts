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
import { ambiguity, errorBody, upgradeRequests } from './upgrade-request.js'

export interface HttpConnections {
  /** What a tunnel relays with: HTTP as of this client. `failed` hears of requests that got no answer. */
  open(client: HttpClient, failed: (error: TunnelError) => void): Service
  /** Nobody opens any more: kept connections end, those in use when they are given back. */
  retire(): void
}

interface Context extends HttpClient {
  readonly failed: (error: TunnelError) => void
}

export interface HttpOptions {
  readonly buffer: number
  readonly requestHead: number
}

export function httpConnections(connect: ConnectorSettings, options: HttpOptions): HttpConnections {
  const { identityHeaders, host } = connect.http!
  const contexts = new WeakMap<Duplex, Context>()
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: 30_000 })
  const to = 'path' in connect.to ? { socketPath: connect.to.path } : connect.to
  const server = createServer({
    IncomingMessage: upgradeRequests(asksForAnother),
    maxHeaderSize: options.requestHead,
    // A server that never listens enforces no deadlines of its own: the tunnel's are what there is.
    headersTimeout: 0,
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
    const target = originForm(incoming.url!)
    if (target === undefined) return undefined
    const headers = requestHeaders(incoming.rawHeaders, context, identityHeaders, upgrade)
    const authority = host ?? target.authority
    if (authority !== undefined) headers.host = authority
    // Framing is not for the client to leave out: node:http writes the content of a GET behind its head as it is, and the
    // service would read it as the next request on a connection that others share.
    const { 'content-length': length, 'transfer-encoding': coding } = incoming.headers
    if (length !== undefined) headers['content-length'] = length
    else if (coding !== undefined) headers['transfer-encoding'] = 'chunked'
    try {
      return request({
        ...to,
        agent: upgrade === undefined ? agent : false,
        method: incoming.method!,
        path: target.path,
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
    // RFC 9112 §6.1: 501 to a coding that is not understood; chunks are all that node:http takes off.
    if ((incoming.headers['transfer-encoding'] ?? 'chunked').toLowerCase() !== 'chunked') {
      answer(response, 501, 'no transfer coding but chunked')
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
    onward.on('close', () => {
      if (response.headersSent || response.destroyed) return
      // RFC 9110 §15.2.2: a 101 that nobody asked for is dropped by node:http, without an error and for good.
      context.failed(failure('ERR_GATEWAY_CONNECT', 'closed without an answer'))
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
    const onward = ambiguity(incoming) ?? outgoing(incoming, context, incoming.headers.upgrade)
    if (onward === undefined || typeof onward === 'string') {
      socket.end(bare('400 Bad Request'))
      return
    }
    onward.on('upgrade', (back, service, begun) => {
      socket.write(rawHead(back), 'latin1')
      if (begun.length > 0) socket.write(begun)
      if (head.length > 0) service.write(head)
      pipeline(service, socket, () => {})
      pipeline(socket, service, () => {})
    })
    onward.on('response', (back) => {
      socket.write(rawHead(back, 'close'), 'latin1')
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
    retire() {
      agent.maxFreeSockets = 0
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy()
    },
  }
}

/**
 * RFC 9110 §7.8: a server may ignore Upgrade. So it is where it says h2c, which RFC 9113 §3.1 gave up and which clients (Java's,
 * `curl --http2`) offer with every request, meaning it or not.
 */
function asksForAnother({ method, headers }: IncomingMessage): boolean {
  const { connection = '', upgrade = 'h2c' } = headers
  return method === 'CONNECT' || (/\bupgrade\b/i.test(connection) && !/\bh2c\b/i.test(upgrade))
}

/** RFC 9112 §3.2.2: of an absolute-form target the authority counts, and Host does not. Undefined for any other form. */
function originForm(
  url: string,
): { readonly path: string; readonly authority: string | undefined } | undefined {
  if (url.startsWith('/') || url === '*') return { path: url, authority: undefined }
  const [, authority, rest = ''] = /^https?:\/\/([\w.:[\]-]+)([/?].*)?$/i.exec(url) ?? []
  return authority === undefined ? undefined : { path: rest.startsWith('/') ? rest : `/${rest}`, authority }
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
