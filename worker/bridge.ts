// /tunnel/<target>: a page's WebSocket joined to the target's. Inner TLS is between page and gateway; what passes here is
// ciphertext. The target's address comes from the policy and nothing of the page's request goes there.
//
// A target says how its messages are carried. "counted": by relay.ts, with limits and a line in the log at the end. "native":
// the page gets the target's WebSocket itself, and the runtime carries everything without a line of ours: with backpressure
// end to end and at several times the speed, but without limits on bytes, time and silence, and logged at the start only.
import { admitPage, type Gate } from './admission.js'
import { issueTicket, ticketSeconds } from './credentials.js'
import { log } from './log.js'
import type { Limits, Target } from './policy.js'
import { Refusal } from './refusal.js'
import { relay } from './relay.js'

// In order of preference: only the first has pings, which keep the path alive.
const subprotocols = ['alpn-ping', 'alpn']

/** Answers 101 once the target has. Throws a Refusal. */
export async function bridge(request: Request, name: string, gate: Gate): Promise<Response> {
  if (request.method !== 'GET') throw new Refusal('ERR_METHOD', { headers: { Allow: 'GET' } })
  const ticket = new URL(request.url).searchParams.get('ticket') ?? undefined
  const { subject, target } = await admitPage(request, gate, { target: name, door: 'tunnel', ticket })
  if (request.headers.get('Upgrade')?.toLowerCase() !== 'websocket')
    throw new Refusal('ERR_UPGRADE_EXPECTED', { headers: { Upgrade: 'websocket', Connection: 'Upgrade' } })
  const subprotocol = chooseSubprotocol(request)
  const facts = { event: 'tunnel', route: '/tunnel', target: name, subject } as const
  const { limits } = gate.policy
  if (target.relay === 'native') {
    const webSocket = await dial(target, subprotocol, limits)
    log({ ...facts, code: 'native' })
    return switched(webSocket, subprotocol)
  }
  const began = Date.now()
  const upstream = await dial(target, subprotocol, limits)
  const [page, own] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket]
  upstream.accept()
  own.accept()
  relay(
    own,
    upstream,
    {
      bytes: limits.tunnelBytes,
      seconds: limits.tunnelSeconds,
      idleSeconds: limits.idleSeconds,
      backlogBytes: limits.backlogBytes,
    },
    ({ code, up, down }) => log({ ...facts, code, up, down, ms: Date.now() - began }),
  )
  return switched(page, subprotocol)
}

/**
 * A ticket for one WebSocket to the target: pages cannot send headers with one, and a token has no business in a URL. All
 * that would refuse the WebSocket refuses the ticket first, where a page can read why. Throws a Refusal.
 */
export async function ticket(request: Request, name: string, gate: Gate): Promise<Response> {
  if (request.method !== 'POST') throw new Refusal('ERR_METHOD', { headers: { Allow: 'POST' } })
  const { origin, subject } = await admitPage(request, gate, { target: name, door: 'tunnel' })
  const signed = await issueTicket(gate.policy, { origin, subject, target: name })
  log({ event: 'ticket', route: '/tunnel', target: name, subject, code: 'ok' })
  return Response.json(
    { ticket: signed, expiresIn: ticketSeconds, path: `/tunnel/${name}?ticket=${signed}` },
    { headers: { 'Cache-Control': 'no-store' } },
  )
}

function chooseSubprotocol(request: Request): string {
  const offered = (request.headers.get('Sec-WebSocket-Protocol') ?? '').split(',').map((name) => name.trim())
  const chosen = subprotocols.find((name) => offered.includes(name))
  if (chosen === undefined) throw new Refusal('ERR_SUBPROTOCOL')
  return chosen
}

/** The target's WebSocket, not yet accepted. */
async function dial(target: Target, subprotocol: string, limits: Limits): Promise<WebSocket> {
  const headers = new Headers(target.headers.map(([name, value]) => [name, value]))
  headers.set('Upgrade', 'websocket')
  // One alone: with several, which one wins depends on the server's version.
  headers.set('Sec-WebSocket-Protocol', subprotocol)
  const cut = new AbortController()
  const timer = setTimeout(() => cut.abort(), limits.dialSeconds * 1000)
  let response: Response
  try {
    // A redirect would lead where no list says.
    response = await fetch(target.origin + target.path, { headers, redirect: 'manual', signal: cut.signal })
  } catch {
    throw new Refusal(cut.signal.aborted ? 'ERR_UPSTREAM_TIMEOUT' : 'ERR_UPSTREAM_UNREACHABLE')
  } finally {
    clearTimeout(timer)
  }
  const { webSocket } = response
  if (response.status !== 101 || webSocket === null) {
    await response.body?.cancel()
    throw new Refusal('ERR_UPSTREAM_REFUSED', { facts: { upstreamStatus: response.status } })
  }
  if (response.headers.get('Sec-WebSocket-Protocol') !== subprotocol) {
    webSocket.accept()
    webSocket.close(1002)
    throw new Refusal('ERR_UPSTREAM_SUBPROTOCOL')
  }
  return webSocket
}

/** RFC 6455 §4.2.2: browsers fail unless the subprotocol is echoed. */
function switched(webSocket: WebSocket, subprotocol: string): Response {
  return new Response(null, { status: 101, webSocket, headers: { 'Sec-WebSocket-Protocol': subprotocol } })
}
