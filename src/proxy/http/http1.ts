// The service in HTTP/1.1: node's own client over an agent whose connections are tunnels.
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { asTunnelError, failure } from '../../errors-node.js'
import { endToEnd } from './headers.js'
import type { Answer, Asked, Exchange, Service, ServiceOptions, Switched } from './service.js'
import { serviceFailure, tunnelTo } from './tunnel.js'

export function http1Service(options: ServiceOptions): Service {
  const { limits, timeouts } = options
  const connection = () => tunnelTo(options) as unknown as Duplex
  let agent = pool()

  function pool(): Agent {
    const made = new Agent({
      keepAlive: true,
      maxSockets: limits.connections,
      maxFreeSockets: limits.idle,
      // The one used last rests the shortest: the others may end.
      scheduling: 'lifo',
      ...(timeouts.idle > 0 && { timeout: timeouts.idle }),
    })
    made.createConnection = connection
    return made
  }

  /** For one connection that is nobody else's. */
  function single(): Agent {
    const made = new Agent({ keepAlive: false })
    made.createConnection = connection
    return made
  }

  function send(asked: Asked, through: Agent, extra: Record<string, string> = {}): ClientRequest {
    const chunked = asked.hasContent && asked.fields['content-length'] === undefined
    return httpRequest({
      agent: through,
      host: options.host,
      method: asked.method,
      path: asked.path,
      headers: { ...asked.fields, ...(chunked && { 'transfer-encoding': 'chunked' }), ...extra },
      setHost: false,
    })
  }

  return {
    ask(asked): Exchange {
      const request = send(asked, agent)
      const answer = new Promise<Answer>((resolve, reject) => {
        request.on('error', (error) => reject(serviceFailure(error)))
        // RFC 9110 §15.2.2: a 101 that nobody asked for is dropped by node:http, without an error and for good.
        request.on('close', () => reject(failure('ERR_LOCAL_SERVICE', 'closed without an answer')))
        request.on('response', (response) => resolve(answerOf(response, request.reusedSocket)))
      })
      answer.catch(() => {})
      return {
        content: request,
        answer,
        onInterim: (listener) =>
          void request.on('information', ({ statusCode, headers }) => listener(statusCode, headers)),
        abort: (error) => void request.destroy(error),
      }
    },
    upgrade(asked, protocol, signal) {
      const request = send(asked, single(), { connection: 'Upgrade', upgrade: protocol })
      const stop = () => request.destroy(asTunnelError(signal.reason))
      signal.addEventListener('abort', stop)
      return new Promise<Switched>((resolve, reject) => {
        request.on('error', (error) => reject(serviceFailure(error)))
        request.on('upgrade', (response, stream, head) =>
          resolve({ status: 101, fields: endToEnd(response.headers), stream, head }),
        )
        request.on('response', (response) =>
          resolve({
            status: response.statusCode ?? 502,
            fields: endToEnd(response.headers),
            stream: response,
            head: Buffer.alloc(0),
          }),
        )
        request.end()
      }).finally(() => signal.removeEventListener('abort', stop))
    },
    renew() {
      const old = agent
      agent = pool()
      for (const sockets of Object.values(old.freeSockets))
        for (const socket of sockets ?? []) socket.destroy()
      // Those in use end when they are given back.
      old.maxFreeSockets = 0
    },
    destroy: () => agent.destroy(),
  }
}

function answerOf(response: IncomingMessage, reused: boolean): Answer {
  return {
    status: response.statusCode ?? 502,
    fields: endToEnd(response.headers),
    body: response,
    trailers: () => response.trailers as Record<string, string>,
    reused,
  }
}
