// HTTP as three requests see it: the ping of the server behind, a path that nobody has, and a request that is broken on
// purpose, which the first thing that speaks HTTP must refuse itself. And plain HTTP where TLS is expected: whoever ends
// TLS answers that, with nothing behind it involved.
import { TunnelError } from '../../errors-node.js'
import { printable } from '../../tunnel/http-head.js'
import { tenths } from '../tenths.js'
import type { PingFinding } from './findings.js'
import { type HttpAnswer, httpLook } from './http-look.js'
import { openHttp, openTcp, orDestroy, outcomeOf, type Reach, type Watched, within } from './reach.js'

/** Answers, or the error in place of one. */
export interface HttpAnswers {
  readonly ping: HttpAnswer | TunnelError
  readonly unknownPath: HttpAnswer | TunnelError
  readonly broken: HttpAnswer | TunnelError
  /** Undefined where the origin has no TLS. */
  readonly plain: HttpAnswer | TunnelError | undefined
}

/** `headers`: the user's own, for a verified peer only. */
export async function askHttp(
  reach: Reach,
  alpn: readonly string[],
  headers: ReadonlyArray<readonly [string, string]>,
): Promise<HttpAnswers> {
  const { host, origin } = reach.settings
  const get = (path: string) =>
    requestText(`GET ${path} HTTP/1.1`, [
      ['Host', host],
      ['User-Agent', 'underpass'],
      ['Accept', '*/*'],
      ...headers,
    ])
  const over = (open: () => Promise<Watched>, text: string) => ask(reach, open, text)
  const http = () => openHttp(reach, alpn)
  const [ping, unknownPath, broken, plain] = await Promise.all([
    over(http, get('/webapi/ping')),
    over(http, get('/.well-known/underpass-doctor')),
    // RFC 9112 §5.1: white space before the colon must be refused with 400.
    over(
      http,
      requestText('GET / HTTP/1.1', [
        ['Host', host],
        ['X-Broken ', 'on purpose'],
      ]),
    ),
    origin.secure ? over(() => openTcp(reach), get('/')) : undefined,
  ])
  return { ping, unknownPath, broken, plain }
}

export function pingFinding(ping: HttpAnswers['ping'], ms: number): PingFinding {
  if (ping instanceof TunnelError)
    return { status: 'warn', summary: `no answer: ${ping.message}`, code: ping.code, ms: tenths(ms) }
  const { status, statusLine, body } = ping
  if (status === undefined)
    return { status: 'warn', summary: 'what answers there does not speak HTTP', ms: tenths(ms) }
  const server = serverBehind(body)
  const base = { httpStatus: status, ms: tenths(ms) }
  if (server !== undefined) return { ...base, status: 'ok', summary: `${server} answers`, server }
  const page = /<html|<!doctype/i.test(body) ? 'a page for people' : 'something else'
  const location = ping.fields.find(([name]) => name === 'location')
  return {
    ...base,
    status: 'warn',
    summary:
      status >= 300 && status < 400
        ? 'a redirect in place of the ping: a login stands in front'
        : status === 200
          ? `${page} in place of the ping: is this a Teleport proxy or an Underpass gateway?`
          : `status ${status} in place of the ping`,
    // For a terminal: whoever answers must not move its cursor.
    evidence: [statusLine, ...(location ? [`location: ${location[1].replace(/[?#].*/, '')}`] : [])].map(
      (line) => printable(line, 200),
    ),
  }
}

/** Name and version of whoever answered the ping as a server does. */
function serverBehind(body: string): string | undefined {
  try {
    const told: unknown = JSON.parse(body)
    if (typeof told !== 'object' || told === null || !('server_version' in told)) return undefined
    const named = 'name' in told && typeof told.name === 'string' ? told.name : 'Teleport'
    return `${named} ${String(told.server_version)}`.replace(/[^\x20-\x7e]/g, '?').slice(0, 80)
  } catch {
    return undefined
  }
}

async function ask(
  reach: Reach,
  open: () => Promise<Watched>,
  text: string,
): Promise<HttpAnswer | TunnelError> {
  return outcomeOf(async () => {
    const watched = await open()
    return orDestroy(watched, async () => {
      const answer = await within(reach, 'upgrade', reach.settings.timeouts.upgrade, (signal) =>
        watched.connection.push(httpLook(text), signal),
      )
      watched.connection.destroy()
      return answer
    })
  })
}

function requestText(line: string, fields: ReadonlyArray<readonly [string, string]>): string {
  return `${[line, ...fields.map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n`
}
