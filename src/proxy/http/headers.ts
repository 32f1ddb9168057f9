// What of a message's fields goes on to the other side (RFC 9110 §7.6.1): nothing that was meant for one hop, nothing by which
// a client could speak for us.
import type { IncomingHttpHeaders } from 'node:http'

// RFC 9110 §7.6.1: fields that are hop-by-hop even where Connection forgets to name them.
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What only a proxy in front of us could know, and nobody is in front of a local listener. */
const ofProxies = /^(?:forwarded|x-forwarded-.*|x-real-ip)$/

export type Fields = Record<string, string | string[]>

/** The fields that are end-to-end. RFC 9110 §7.6.1: those that Connection names are not. */
export function endToEnd(headers: IncomingHttpHeaders): Fields {
  const named = new Set(
    String(headers.connection ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  )
  const fields: Fields = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || hopByHop.has(name) || named.has(name)) continue
    fields[name] = value
  }
  return fields
}

/** The fields of the request to the service. `seenAs`: the Host that a client used, where it is not just this machine's. */
export function requestFields(
  headers: IncomingHttpHeaders,
  host: string,
  seenAs: string | undefined,
): Fields {
  const fields: Fields = {}
  for (const [name, value] of Object.entries(endToEnd(headers))) {
    // Node has answered `100-continue` itself by now. HTTP2-Settings belongs to an upgrade that is not made.
    if (ofProxies.test(name) || name === 'host' || name === 'expect' || name === 'http2-settings') continue
    fields[name] = value
  }
  fields.host = host
  if (seenAs !== undefined) fields['x-forwarded-host'] = seenAs
  return fields
}

/** Whether a request has content, so that it needs framing of its own. RFC 9112 §6.3: either field says so. */
export function hasContent(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
