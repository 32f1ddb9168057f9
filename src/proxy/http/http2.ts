// The service in HTTP/2: node's own client over tunnels, a new connection when the last one is full, leaving or gone.
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2'
import { failure, type TunnelError } from '../../errors-node.js'
import type { Answer, Asked, Exchange, Service, ServiceOptions } from './service.js'
import { serviceFailure, tunnelTo } from './tunnel.js'

interface Held {
  readonly session: ClientHttp2Session
  streams: number
  used: boolean
  /** Takes no new requests. */
  leaving: boolean
}

// What a server that says nothing of its limit is taken to allow.
const streamsUntilTold = 100

export function http2Service(options: ServiceOptions): Service {
  const { limits, timeouts, host } = options
  const sessions = new Set<Held>()

  function open(): Held {
    // The scheme is what the service sees: TLS ends there, or at its gateway.
    const session = connect(`https://${host}`, { createConnection: () => tunnelTo(options) })
    const held: Held = { session, streams: 0, used: false, leaving: false }
    sessions.add(held)
    const leave = () => {
      held.leaving = true
      sessions.delete(held)
    }
    // Requests on it fail by themselves, with the same error.
    session.on('error', leave)
    session.on('close', leave)
    session.on('goaway', leave)
    session.on('timeout', () => held.streams === 0 && session.close())
    return held
  }

  function sessionFor(): Held {
    const open_ = [...sessions].filter((held) => !held.leaving && !held.session.destroyed)
    const room = open_.find(
      ({ session, streams }) => streams < (session.remoteSettings?.maxConcurrentStreams ?? streamsUntilTold),
    )
    if (room !== undefined) return room
    // When all are full, node queues what goes beyond a server's limit.
    return open_.length < limits.connections ? open() : open_[0]!
  }

  return {
    ask(asked): Exchange {
      const held = sessionFor()
      const { session } = held
      const reused = held.used
      held.streams++
      held.used = true
      session.ref()
      const stream = session.request(fieldsOf(asked), { endStream: !asked.hasContent })
      let fail: (error: TunnelError) => void = () => {}
      const answer = new Promise<Answer>((resolve, reject) => {
        fail = reject
        let trailers: OutgoingHttpHeaders = {}
        stream.on('error', (error) => reject(serviceFailure(error)))
        stream.on('trailers', (fields) => {
          trailers = fields
        })
        stream.on('close', () =>
          reject(failure('ERR_LOCAL_SERVICE', `the stream was closed (${stream.rstCode})`)),
        )
        stream.on('response', (fields) =>
          resolve({
            status: Number(fields[':status']),
            fields: plain(fields),
            body: stream,
            trailers: () => trailers,
            reused,
          }),
        )
      })
      answer.catch(() => {})
      stream.once('close', () => {
        held.streams--
        if (held.streams > 0 || session.destroyed) return
        if (held.leaving) session.close()
        // One listener for all its rests: `setTimeout` with one of its own would add one at each.
        else if (timeouts.idle > 0) session.setTimeout(timeouts.idle)
      })
      return {
        content: stream,
        answer,
        onInterim: (listener) =>
          void stream.on('headers', (fields) => listener(Number(fields[':status']), plain(fields))),
        abort(error) {
          fail(error)
          stream.close(constants.NGHTTP2_CANCEL)
        },
      }
    },
    async upgrade() {
      throw failure('ERR_UNSUPPORTED_PLATFORM', 'the service speaks HTTP/2, where nothing is upgraded', {
        hint: 'Run `underpass http` with --alpn http/1.1 for services with WebSockets.',
      })
    },
    renew() {
      for (const held of sessions) {
        held.leaving = true
        sessions.delete(held)
        if (held.streams === 0) held.session.close()
      }
    },
    destroy() {
      for (const { session } of sessions) session.destroy()
    },
  }
}

function fieldsOf({ method, path, fields }: Asked): OutgoingHttpHeaders {
  const { host, ...rest } = fields
  return { ...rest, ':method': method, ':path': path, ':authority': String(host), ':scheme': 'https' }
}

/** RFC 9113 §8.2.2: no connection-specific fields are there; pseudo-fields and node's own symbols stay here. */
function plain(fields: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !name.startsWith(':')))
}
