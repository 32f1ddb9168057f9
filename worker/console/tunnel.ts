// Opening a tunnel from this page: through the Worker that serves it, with a ticket, or straight to a load balancer. The
// inner TLS is the page's own either way.
import { provider } from './crypto-choice.js'
import {
  createDialer,
  type DialerOptions,
  type IdentityInput,
  type TimedTraceEvent,
  type TunnelInfo,
  type TunnelSocket,
} from './library.js'
import { Refused } from './problem.js'

export interface Destination {
  readonly way: 'worker' | 'straight'
  /** The load balancer, when the way is straight. */
  readonly origin: string
  /** The Worker's name for it, and the bearer token that lets us pass. */
  readonly target: string
  readonly token: string
  readonly serverName: string
  readonly alpn: string
  /** PEM of who signs the inner server. */
  readonly trust: string
  readonly identity: IdentityInput | undefined
}

export interface Watch {
  readonly trace?: (event: TimedTraceEvent) => void
  readonly keylog?: (line: string) => void
  readonly signal: AbortSignal
}

export interface Tunnel {
  readonly socket: TunnelSocket<TunnelInfo>
  /** Ends everything that belongs to it. */
  close(): Promise<void>
}

/** Throws TunnelError and Refused. */
export async function openTunnel(to: Destination, watch: Watch): Promise<Tunnel> {
  const { trace, keylog, signal } = watch
  const crypto = await provider()
  const reach =
    to.way === 'worker'
      ? { origin: location.origin, path: await ticketPath(to, signal) }
      : { origin: to.origin }
  const options: DialerOptions = {
    ...reach,
    serverName: to.serverName,
    alpn: [to.alpn],
    trust: to.trust,
    ...(to.identity !== undefined && { identity: to.identity }),
    ...(trace && { trace }),
    ...(keylog && { keylog }),
  }
  const dialer = createDialer({ ...options, ...crypto })
  try {
    const socket = await dialer.connect({ signal })
    return { socket, close: () => dialer.close() }
  } catch (error) {
    await dialer.close()
    throw error
  }
}

/** A WebSocket's URL is no place for a token: it is changed for a ticket that is worth one minute. */
async function ticketPath({ target, token }: Destination, signal: AbortSignal): Promise<string> {
  const headers: HeadersInit = token === '' ? {} : { Authorization: `Bearer ${token}` }
  const url = `/tunnel/${encodeURIComponent(target)}/ticket`
  const response = await fetch(url, { method: 'POST', headers, signal })
  const body = (await response.json().catch(() => undefined)) as
    | { readonly path?: unknown; readonly error?: { code: string; message: string; hint: string } }
    | undefined
  if (response.ok && typeof body?.path === 'string') return body.path
  throw new Refused(response.status, body?.error ?? noWorker)
}

const noWorker = {
  code: 'ERR_CONSOLE_NO_WORKER',
  message: 'What serves this page gives no tickets.',
  hint: 'It is no Underpass Worker: choose the way straight to the load balancer.',
}
