// HTTP CONNECT (RFC 9110 §9.3.6), the proxy's side: one strict parser of a bounded head, and honest answers. Whatever two
// parsers could read differently is refused, not guessed.
import { equalConstantTime, fromLatin1, utf8 } from '../bytes/index.js'
import { failure, type TunnelError } from '../errors-node.js'
import type { Parse } from './held-wire.js'
import type { Credentials } from './options.js'
import { type Requested, requestedText } from './rules.js'

export interface ConnectRequest {
  readonly requested: Requested
  /** The value of Proxy-Authorization. */
  readonly authorization: string | undefined
}

/** A refusal with its status; `status` of an error is what the client is answered. */
export type Answered =
  | { readonly request: ConnectRequest }
  | { readonly status: number; readonly why: string }

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// RFC 9110 §5.5: visible ASCII, spaces and tabs; obs-text is left to nobody here.
const fieldValue = /^[\t\x20-\x7e]*$/

/** The request head, to its empty line. */
export const parseConnect: Parse<Answered> = (bytes) => {
  const end = headEnd(bytes)
  if (end === undefined) return undefined
  const used = end
  const refuse = (status: number, why: string) => ({ value: { status, why }, used })
  const head = fromLatin1(bytes.subarray(0, end))
  if (!head.endsWith('\r\n\r\n')) return refuse(400, 'a head that ends in bare line feeds')
  const lines = head.slice(0, -4).split('\r\n')
  // RFC 9112 §2.2: a bare CR is no line end; neither is a bare LF to us.
  if (lines.some((line) => /[\r\n\0]/.test(line))) return refuse(400, 'a bare CR, LF or NUL in the head')
  const [start = '', ...fields] = lines
  const line = /^([^ ]+) ([^ ]+) HTTP\/1\.([01])$/.exec(start)
  if (line === null) return refuse(400, 'no request line of HTTP/1')
  const [, verb = '', authority = '', minor] = line
  if (!token.test(verb)) return refuse(400, 'no method')
  if (verb !== 'CONNECT') return refuse(405, `${verb.slice(0, 40)}; this listener serves CONNECT`)
  const seen = new Map<string, string>()
  for (const field of fields) {
    const colon = field.indexOf(':')
    const name = field.slice(0, Math.max(colon, 0)).toLowerCase()
    const value = field.slice(colon + 1)
    // RFC 9112 §5.1: no whitespace before the colon. RFC 9112 §5.2: no folded lines.
    if (!token.test(name) || !fieldValue.test(value)) return refuse(400, 'a field line that is none')
    // RFC 9112 §3.2: exactly one Host.
    if (seen.has(name) && (name === 'host' || name === 'proxy-authorization'))
      return refuse(400, `more than one ${name}`)
    // Spaces and tabs are all that `trim` can find by now. A pattern tied to the end would take their square in time.
    seen.set(name, value.trim())
  }
  // RFC 9112 §3.2: 400 to any HTTP/1.1 request without Host.
  if (minor === '1' && !seen.has('host')) return refuse(400, 'no Host')
  // RFC 9110 §9.3.6: a CONNECT request has no content; whoever frames some wants two readings of what follows.
  if (seen.has('content-length') || seen.has('transfer-encoding')) return refuse(400, 'CONNECT with content')
  const requested = authorityOf(authority)
  if (requested === undefined) return refuse(400, 'the target is no host and port')
  return { value: { request: { requested, authorization: seen.get('proxy-authorization') } }, used }
}

function headEnd(bytes: Uint8Array): number | undefined {
  for (let at = 3; at < bytes.length; at++) {
    if (bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10 && bytes[at - 3] === 13)
      return at + 1
    // A head of bare line feeds never has the other end: it is over here, and refused.
    if (bytes[at] === 10 && bytes[at - 1] === 10) return at + 1
  }
  return undefined
}

/** RFC 9112 §3.2.3: authority-form, host and port both. */
function authorityOf(text: string): Requested | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const port = Number(match[3])
  if (port < 1 || port > 65_535) return undefined
  const host = match[1] === undefined ? match[2]! : addressOf(match[1])
  return host === undefined ? undefined : { host, port }
}

function addressOf(text: string): string | undefined {
  try {
    return new URL(`http://[${text}]`).hostname.slice(1, -1)
  } catch {
    return undefined
  }
}

/** RFC 7617: whether the client's user name and password are right. */
export function isAuthorized(given: string | undefined, expected: Credentials): boolean {
  const match = /^basic +([A-Za-z0-9+/=]+)$/i.exec(given ?? '')
  if (match === null) return false
  return equalConstantTime(Buffer.from(match[1]!, 'base64'), utf8(`${expected.user}:${expected.password}`))
}

/** Thrown for a request that is answered with this status. */
export function requestFailure(status: number, why: string): TunnelError {
  return failure(status === 407 ? 'ERR_LOCAL_AUTH' : 'ERR_LOCAL_REQUEST', why)
}

/** RFC 9110 §9.3.6: a 2xx without Content-Length or Transfer-Encoding switches to tunnel mode. */
export const established = 'HTTP/1.1 200 Connection established\r\n\r\n'

/** What a failure is answered with, where the request itself does not say. */
export function statusFor(error: TunnelError): number {
  switch (error.code) {
    case 'ERR_LOCAL_DENIED':
    case 'ERR_CONFIG_IDENTITY_EXPIRED':
      return 403
    case 'ERR_LOCAL_AUTH':
      return 407
    case 'ERR_LOCAL_REQUEST':
      return 400
    case 'ERR_LOCAL_LIMIT':
      return 431
    case 'ERR_TIMEOUT':
      // Whose time ran out: the client's to ask, or the dial's.
      return error.phase === 'local' ? 408 : 504
    default:
      return 502
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  504: 'Gateway Timeout',
}

/** An answer for people: the code, the sentence, what to try. */
export function refusal(status: number, error: TunnelError, requested?: Requested): string {
  const target = requested === undefined ? '' : `${requestedText(requested)}\n`
  const body = `${target}${error.code}: ${error.message}\n${error.hint}\n`
  const head = [
    `HTTP/1.1 ${status} ${reasons[status] ?? 'Error'}`,
    ...(status === 405 ? ['Allow: CONNECT'] : []),
    ...(status === 407 ? ['Proxy-Authenticate: Basic realm="underpass", charset="UTF-8"'] : []),
    `Underpass-Error: ${error.code}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
