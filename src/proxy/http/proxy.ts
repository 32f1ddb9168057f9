// A local web server whose requests are asked of a service behind a tunnel: streaming both ways, upgrades passed through,
// failures answered by name. Who may ask is in admission.ts, how the service is asked in service.ts.
import { createServer, IncomingMessage, type ServerResponse } from 'node:http'
import { type Duplex, pipeline } from 'node:stream'
import { asTunnelError, failure, type TunnelError } from '../../errors-node.js'
import { signalScope } from '../../stream/index.js'
import { isLocal, type Listening, listenAt } from '../endpoint.js'
import { type Admitted, admitRequest, hostOf } from './admission.js'
import { answerError, rawError, statusOf } from './error-page.js'
import { hasContent, requestFields } from './headers.js'
import { http1Service } from './http1.js'
import { http2Service } from './http2.js'
import {
  defaultHttpLimits,
  defaultHttpTimeouts,
  type HttpProxyEvent,
  type HttpProxyOptions,
} from './options.js'
import type { Answer, Asked } from './service.js'
import { serviceFailure } from './tunnel.js'

export interface HttpProxy {
  readonly listening: { readonly host?: string; readonly port?: number; readonly path?: string }
  /** The identity changed: later requests go over new connections. */
  renew(): void
  /** Stops accepting and waits for requests under way, `drain` milliseconds at most (default 0). Never rejects. */
  close(options?: { readonly drain?: number }): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

// RFC 9110 §9.2.2: asking these twice is as asking once, and they carry no content here.
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Throws ERR_LOCAL_LISTEN. */
export async function createHttpProxy(options: HttpProxyOptions): Promise<HttpProxy> {
  if (options.exposed !== true && !isLocal(options.listen))
    throw failure('ERR_LOCAL_LISTEN', 'that address is reached from other machines', {
      hint: 'Whoever reaches a local proxy uses your identity. Listen on 127.0.0.1, or say --expose if that is what you want.',
    })
  const limits = { ...defaultHttpLimits, ...options.limits }
  const timeouts = { ...defaultHttpTimeouts, ...options.timeouts }
  const allowed = new Set((options.allowHosts ?? []).map((name) => hostOf(name) ?? name))
  const asks = options.target.alpn?.[0] === 'h2' ? http2Service : http1Service
  const service = asks({ ...options, limits, timeouts })
  const upgraded = new Set<Duplex>()
  const ending = new AbortController()
  let requests = 0
  let closing: Promise<void> | undefined

  const tell = (event: HttpProxyEvent) => {
    try {
      options.onEvent?.(event)
    } catch {}
  }

  function refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    const error = asTunnelError(thrown)
    const method = request.method ?? ''
    if (response.headersSent || response.destroyed) {
      // Half an answer must not look like a whole one.
      response.destroy()
      tell({ type: 'broken', method, error })
      return
    }
    tell({ type: 'refused', method, status: answerError(request, response, error), error })
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const began = performance.now()
    enter(response)
    const asked = askedOf(request)
    const { status, reused } = await exchange(request, response, asked)
    tell({ type: 'request', method: asked.method, status, duration: performance.now() - began, reused })
  }

  /** One more request, for as long as what it is answered on is open; an upgraded connection is one as well. */
  function enter(answered: ServerResponse | Duplex): void {
    if (requests >= limits.requests) throw failure('ERR_LOCAL_LIMIT', `${limits.requests} requests at a time`)
    requests++
    answered.once('close', () => requests--)
  }

  function askedOf(request: IncomingMessage): Asked {
    const { method = 'GET', url = '/', headers } = request
    const { seenAs }: Admitted = admitRequest(headers, url, allowed)
    // RFC 9112 §6.1: chunks are all that node:http takes off; of another coding the service would see no sign.
    if ((headers['transfer-encoding'] ?? 'chunked').toLowerCase() !== 'chunked')
      throw failure('ERR_LOCAL_REQUEST', 'a transfer coding other than chunked')
    return {
      method,
      path: pathOf(url),
      fields: requestFields(headers, options.host, seenAs),
      hasContent: hasContent(headers),
    }
  }

  async function exchange(request: IncomingMessage, response: ServerResponse, asked: Asked): Promise<Answer> {
    let answer: Answer
    try {
      answer = await once(request, response, asked)
    } catch (thrown) {
      const error = asTunnelError(thrown)
      // A kept connection may have ended under the request: where nothing can have been done, ask again.
      const again =
        error.code === 'ERR_LOCAL_SERVICE' ||
        error.code === 'ERR_STREAM_RESET' ||
        error.code === 'ERR_TLS_TRUNCATED'
      if (!again || asked.hasContent || !repeatable.has(asked.method) || response.destroyed) throw error
      answer = await once(request, response, asked)
    }
    for (const [name, value] of Object.entries(answer.fields))
      if (value !== undefined) response.setHeader(name, value)
    response.writeHead(answer.status)
    await new Promise<void>((resolve, reject) => {
      answer.body.once('end', () => {
        const trailers = answer.trailers()
        if (Object.keys(trailers).length > 0 && response.getHeader('content-length') === undefined)
          response.addTrailers(trailers as Record<string, string>)
      })
      pipeline(answer.body, response, (error) => (error ? reject(serviceFailure(error)) : resolve()))
    })
    return answer
  }

  async function once(request: IncomingMessage, response: ServerResponse, asked: Asked): Promise<Answer> {
    const asking = service.ask(asked)
    const gone = () => asking.abort(failure('ERR_ABORTED', 'the client went away'))
    response.once('close', gone)
    let timer: NodeJS.Timeout | undefined
    if (timeouts.answer > 0)
      timer = setTimeout(
        () => asking.abort(failure('ERR_TIMEOUT', `no answer in ${timeouts.answer} ms`, { phase: 'local' })),
        timeouts.answer,
      )
    asking.onInterim((status, fields) => {
      if (status === 103 && !response.headersSent && fields.link !== undefined)
        response.writeEarlyHints({ link: fields.link as string | string[] })
    })
    if (asked.hasContent) {
      request.pipe(asking.content)
      // A service may answer and end before it has read all: the rest is dropped, or the client's next request would wait
      // behind it for ever.
      asking.content.once('close', () => request.resume())
      request.once('error', gone)
    } else {
      request.resume()
      asking.content.end()
    }
    try {
      return await asking.answer
    } finally {
      clearTimeout(timer)
      // From here on the answer's own pipeline looks after the client.
      response.off('close', gone)
    }
  }

  /** `ask`, unless the client goes away, the proxy closes, or no answer comes in time. */
  async function whileThere<T>(socket: Duplex, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const gone = new AbortController()
    const onGone = () => gone.abort(failure('ERR_ABORTED', 'the client went away'))
    // Nobody who waits for another protocol has ended before it begins.
    for (const event of ['end', 'close']) socket.once(event, onGone)
    using scope = signalScope({
      signals: [gone.signal, ending.signal],
      timeout: timeouts.answer > 0 ? timeouts.answer : undefined,
      phase: 'local',
    })
    try {
      return await ask(scope.signal)
    } finally {
      for (const event of ['end', 'close']) socket.off(event, onGone)
    }
  }

  async function switchProtocols(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const protocol = request.headers.upgrade ?? ''
    enter(socket)
    const asked = { ...askedOf(request), hasContent: false }
    const switched = await whileThere(socket, (signal) => service.upgrade(asked, protocol, signal))
    const lines = Object.entries(switched.fields).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one) => `${name}: ${one}`),
    )
    const connection =
      switched.status === 101 ? ['Connection: Upgrade', `Upgrade: ${protocol}`] : ['Connection: close']
    // A body without a length ends with the connection (RFC 9112 §6.3).
    socket.write(
      `HTTP/1.1 ${switched.status} Underpass\r\n${[...lines, ...connection].join('\r\n')}\r\n\r\n`,
      'latin1',
    )
    if (switched.status !== 101) {
      pipeline(switched.stream, socket, () => giveUp(socket))
      return
    }
    const far = switched.stream as Duplex
    tell({ type: 'upgraded', protocol })
    if (switched.head.length > 0) socket.write(switched.head)
    if (head.length > 0) far.write(head)
    upgraded.add(socket)
    pipeline(socket, far, socket, (error) => {
      upgraded.delete(socket)
      socket.destroy()
      far.destroy()
      if (error) tell({ type: 'broken', method: 'GET', error: serviceFailure(error) })
    })
  }

  const server = createServer(
    {
      IncomingMessage: Asking,
      headersTimeout: timeouts.head,
      requestTimeout: 0,
      keepAliveTimeout: 60_000,
      connectionsCheckingInterval: 1_000,
      requireHostHeader: false,
      joinDuplicateHeaders: true,
    },
    (request, response) => void serve(request, response).catch((error) => refuse(request, response, error)),
  )
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {})
    switchProtocols(request, socket, head).catch((thrown) => {
      const error = asTunnelError(thrown)
      refuseOn(socket, error)
      tell({ type: 'refused', method: 'GET', status: statusOf(error), error })
    })
  })
  server.on('connect', (_request, socket: Duplex) => {
    const error = failure('ERR_LOCAL_REQUEST', 'CONNECT; this listener is a web server')
    socket.on('error', () => {})
    refuseOn(socket, error)
    tell({ type: 'refused', method: 'CONNECT', status: statusOf(error), error })
  })
  server.on('clientError', (cause: Error & { readonly code?: string }, socket: Duplex) => {
    const error: TunnelError = failure('ERR_LOCAL_REQUEST', cause.code, { cause })
    if (socket.writable && cause.code !== 'ECONNRESET') refuseOn(socket, error)
    else socket.destroy()
    tell({ type: 'refused', method: '', status: 400, error })
  })
  const listening: Listening = await listenAt(server, options.listen)
  // As when file descriptors ran out: what cannot be accepted now must not end what is open.
  server.on('error', (cause) =>
    tell({
      type: 'refused',
      method: '',
      status: 503,
      error: failure('ERR_LOCAL_LIMIT', cause.message, { cause }),
    }),
  )

  async function end(drain: number): Promise<void> {
    tell({ type: 'closing', requests })
    const closed = new Promise<void>((resolve) => server.once('close', () => resolve()))
    await listening.close()
    server.closeIdleConnections()
    if (drain > 0 && (requests > 0 || upgraded.size > 0)) {
      let timer: NodeJS.Timeout | undefined
      await Promise.race([
        closed,
        new Promise((resolve) => {
          timer = setTimeout(resolve, drain)
        }),
      ])
      clearTimeout(timer)
    }
    ending.abort(failure('ERR_ABORTED', 'the proxy was closed'))
    server.closeAllConnections()
    for (const socket of upgraded) socket.destroy()
    service.destroy()
    await closed
  }

  function close({ drain = 0 }: { readonly drain?: number } = {}): Promise<void> {
    closing ??= end(drain)
    return closing
  }

  return {
    listening: {
      ...(listening.host !== undefined && { host: listening.host }),
      ...(listening.port !== undefined && { port: listening.port }),
      ...(listening.path !== undefined && { path: listening.path }),
    },
    renew: () => service.renew(),
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

/**
 * RFC 9110 §7.8: a server may ignore Upgrade. It is ignored with content, which would have to come first, and where it says h2c,
 * which RFC 9113 §3.1 gave up and which clients (Java's, `curl --http2`) offer with every request, meaning it or not.
 */
class Asking extends IncomingMessage {
  get upgrade(): boolean {
    const { method, headers } = this
    const { connection = '', upgrade = 'h2c' } = headers
    if (method === 'CONNECT') return true
    return /\bupgrade\b/i.test(connection) && !/\bh2c\b/i.test(upgrade) && !hasContent(headers)
  }

  // node:http assigns what its parser thinks (both fields are there), and asks afterwards.
  set upgrade(_opinion: boolean | null) {}
}

// As `ProxyTimeouts.refusal` of the other listeners.
const lastWords = 2_000

/** The last words on a socket that node:http has let go, and with it its deadlines. */
function refuseOn(socket: Duplex, error: TunnelError): void {
  socket.end(rawError(error))
  giveUp(socket)
}

/** Read on and drop it, since a close over unread bytes would be a reset and take the answer along; but not for ever. */
function giveUp(socket: Duplex): void {
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), lastWords)
  socket.once('close', () => clearTimeout(timer))
}

/** The target without scheme and authority (RFC 9112 §3.2.2). */
function pathOf(url: string): string {
  if (!/^https?:\/\//i.test(url)) return url
  const { pathname, search } = new URL(url)
  return pathname + search
}
