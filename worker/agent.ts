// /agent/<target>/…: HTTP to a service at the far end of a tunnel that the Worker opens itself, with a certificate of its
// own. The service learns from headers of ours who asked; what the client may not say is dropped on the way in, what could
// reach other pages of this origin on the way out. Cookies are not carried: all targets share one origin here.
import type { Admitted } from './admission.js'
import { dial } from './dialing.js'
import { exchange } from './http-exchange.js'
import { log } from './log.js'
import type { Limits } from './policy.js'
import { Refusal } from './refusal.js'

/** Throws Refusals and TunnelErrors until the head of the answer is there. */
export async function proxy(
  request: Request,
  { subject, target }: Admitted,
  limits: Limits,
  context: ExecutionContext,
): Promise<Response> {
  if (request.headers.has('Upgrade')) throw new Refusal('ERR_AGENT_UPGRADE')
  const length = lengthOf(request)
  if (length !== undefined && length > limits.requestBytes) throw new Refusal('ERR_AGENT_REQUEST_BODY')
  const agent = target.agent!
  const began = Date.now()
  const { dialer, socket } = await dial(target, agent, limits)
  // A client that goes away must not take the clean-up with it: workerd drops a request that nothing waits for.
  let over = () => {}
  context.waitUntil(
    new Promise<void>((resolve) => {
      over = resolve
    }),
  )
  const answer = await exchange(
    socket,
    {
      method: request.method,
      target: servicePath(request.url, target.name),
      fields: requestFields(request, agent.serverName, subject),
      body: request.body,
      length,
    },
    {
      patience: limits.responseSeconds * 1000,
      maxRequestBytes: limits.requestBytes,
      over({ up, down, status, error }) {
        const code = error === undefined ? 'ok' : codeOf(error)
        const ms = Date.now() - began
        const line = {
          event: 'agent',
          route: '/agent',
          target: target.name,
          subject,
          up,
          down,
          ms,
          code,
        } as const
        log(status === undefined ? line : { ...line, status })
        context.waitUntil(dialer.close())
        over()
      },
    },
  )
  return new Response(answer.body, {
    status: answer.status,
    statusText: answer.reason,
    headers: responseFields(answer.fields, target.name, agent.serverName, request.method),
    // The body is as the service coded it.
    encodeBody: 'manual',
  })
}

/** `/agent/web/a?b` is `/a?b` there. */
function servicePath(url: string, name: string): string {
  const { pathname, search } = new URL(url)
  const path = pathname.slice(`/agent/${name}`.length)
  return (path === '' ? '/' : path) + search
}

function lengthOf(request: Request): number | undefined {
  const length = request.headers.get('Content-Length')
  return length === null || !/^\d{1,15}$/.test(length) ? undefined : Number(length)
}

// RFC 9110 §7.6.1, and what frames a message.
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
]

/** Of the request: credentials for this Worker, what only we may say about the client, cookies. */
const notIn =
  /^(host|expect|authorization|cookie|forwarded|x-real-ip|x-forwarded-.*|x-underpass-.*|cf-.*|cdn-loop|true-client-ip|sec-websocket-.*)$/

/** Of the answer: what speaks for this whole origin, or about the connection it did not have. */
const notOut =
  /^(set-cookie|access-control-.*|alt-svc|clear-site-data|service-worker-allowed|strict-transport-security|public-key-pins|nel|report-to|reporting-endpoints|sourcemap|cf-.*)$/

function requestFields(request: Request, host: string, subject: string): Array<readonly [string, string]> {
  const named = namedByConnection([...request.headers])
  const kept = [...request.headers].filter(([name]) => !named.has(name) && !notIn.test(asRead(name)))
  const url = new URL(request.url)
  const address = request.headers.get('CF-Connecting-IP')
  return [
    ['Host', host],
    ...kept,
    ...(address === null ? [] : [['X-Forwarded-For', address] as const]),
    ['X-Forwarded-Host', url.host],
    ['X-Forwarded-Proto', url.protocol.slice(0, -1)],
    ['X-Underpass-Subject', encodeURIComponent(subject)],
  ]
}

function responseFields(
  fields: ReadonlyArray<readonly [string, string]>,
  name: string,
  host: string,
  method: string,
): Headers {
  const named = namedByConnection(fields)
  const headers = new Headers()
  for (const [field, value] of fields) {
    const lower = field.toLowerCase()
    // Of an answer without a body the length says what a GET would bring.
    const dropped = named.has(lower) && !(lower === 'content-length' && method === 'HEAD')
    if (dropped || notOut.test(lower)) continue
    headers.append(field, lower === 'location' ? locationHere(value, name, host) : value)
  }
  // A page of the service would else be a page of this origin, with its storage and its keys.
  headers.append('Content-Security-Policy', 'sandbox')
  headers.set('X-Content-Type-Options', 'nosniff')
  return headers
}

/** RFC 3875 §4.1.18: whatever is no letter and no digit is one sign to who makes variables of names (CGI, WSGI, PHP, Rack). */
function asRead(name: string): string {
  return name.replace(/[^a-z0-9]/g, '-')
}

function namedByConnection(fields: ReadonlyArray<readonly [string, string]>): Set<string> {
  const connection = fields.filter(([name]) => name.toLowerCase() === 'connection').map(([, value]) => value)
  const tokens = connection.flatMap((value) => value.split(',')).map((token) => token.trim().toLowerCase())
  return new Set([...hopByHop, ...tokens])
}

function locationHere(location: string, name: string, host: string): string {
  const local = /^https?:\/\/([^/?#]*)(.*)$/i.exec(location)
  const path = local !== null && local[1]!.toLowerCase() === host.toLowerCase() ? local[2]! || '/' : location
  return path.startsWith('/') && !path.startsWith('//') ? `/agent/${name}${path}` : path
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'ERR_INTERNAL'
}
