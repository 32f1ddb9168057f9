// What `underpass proxy --json` prints: one object a line, an event each.
import { exitStatusOf, type TunnelError } from '../../errors-node.js'
import type { ConnectionFacts, ProxyEvent } from '../../proxy/index.js'
import { count, milliseconds, oneOf, record, report, type Schema, text, texts, timings } from '../schemas.js'
import { inTenths } from '../tenths.js'

const error: Schema = record({ code: text, message: text, hint: text, exitStatus: count })

export const proxySchema: Schema = report(
  'proxy',
  1,
  { event: oneOf('listening', 'opened', 'closed', 'refused', 'failing', 'identity', 'closing') },
  {
    listener: text,
    host: text,
    port: count,
    path: text,
    connect: text,
    connection: count,
    requested: text,
    sent: count,
    received: count,
    duration: milliseconds,
    verdict: oneOf('direct', 'upgrade'),
    framing: oneOf('none', 'raw', 'ping', 'websocket'),
    tls: record({ version: text }, { alpn: text, serverName: text }),
    timings,
    error,
    state: oneOf('renewed', 'unusable', 'expiring', 'expired'),
    listeners: texts,
    expires: text,
    code: text,
    message: text,
    connections: count,
  },
)

export function proxyJson(event: ProxyEvent): object {
  const base = { schema: 'underpass/proxy/1', event: event.type }
  switch (event.type) {
    case 'listening': {
      const { type: _, ...facts } = event
      return { ...base, ...facts }
    }
    case 'opened':
      return { ...base, ...connection(event.connection), ...tunnel(event.connection) }
    case 'closed':
      return {
        ...base,
        ...connection(event.connection),
        sent: event.connection.sent,
        received: event.connection.received,
        duration: event.duration,
        ...(event.error && { error: errorFacts(event.error) }),
      }
    case 'refused':
      return { ...base, ...connection(event.connection), error: errorFacts(event.error) }
    case 'failing':
      return { ...base, listener: event.listener, error: errorFacts(event.error) }
    case 'closing':
      return { ...base, connections: event.connections }
  }
}

function connection({ id, listener, requested }: ConnectionFacts): object {
  return { listener, connection: id, ...(requested !== undefined && { requested }) }
}

function tunnel({ info }: ConnectionFacts): object {
  if (info === undefined) return {}
  const { verdict, framing, tls } = info
  return {
    verdict,
    framing,
    tls: {
      version: tls.version,
      ...(tls.alpn !== undefined && { alpn: tls.alpn }),
      ...(tls.serverName !== undefined && { serverName: tls.serverName }),
    },
    timings: inTenths({ ...info.timings }),
  }
}

function errorFacts({ code, message, hint }: TunnelError): object {
  return { code, message, hint, exitStatus: exitStatusOf(code) }
}
