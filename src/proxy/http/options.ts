// The vocabulary of the HTTP proxy, and every default beside its reason.
import type { Dialer } from '../../dial/index.js'
import type { TunnelError } from '../../errors-node.js'
import type { Endpoint, Target } from '../options.js'

export interface HttpProxyOptions {
  readonly dialer: Pick<Dialer, 'connect'>
  readonly listen: Endpoint
  /** The service's tunnel. With `h2` first among its protocols the service is spoken to in HTTP/2, else in HTTP/1.1. */
  readonly target: Target
  /** Host of the requests to the service. */
  readonly host: string
  /** Host names that clients may use for this listener, beside those of this machine. */
  readonly allowHosts?: readonly string[]
  /** Listen where other machines reach it. */
  readonly exposed?: boolean
  readonly limits?: Partial<HttpProxyLimits>
  readonly timeouts?: Partial<HttpProxyTimeouts>
  /** Told what happens. What it throws is ignored. */
  readonly onEvent?: (event: HttpProxyEvent) => void
}

export interface HttpProxyLimits {
  /** Connections to the service; further requests wait. HTTP/2 multiplexes over fewer. */
  readonly connections: number
  /** Connections to the service that may rest. */
  readonly idle: number
  /** Requests at a time, those that wait included. */
  readonly requests: number
}

/** Milliseconds; 0 for no limit. */
export interface HttpProxyTimeouts {
  /** Until a client's request head is whole. */
  readonly head: number
  /** From the end of a request's head to the head of its answer. */
  readonly answer: number
  /** How long a connection to the service may rest. */
  readonly idle: number
}

export type HttpProxyEvent =
  | {
      readonly type: 'request'
      readonly method: string
      readonly status: number
      readonly duration: number
      readonly reused: boolean
    }
  | {
      readonly type: 'refused'
      readonly method: string
      readonly status: number
      readonly error: TunnelError
    }
  /** A request that broke after its answer had begun, or an upgraded connection that did. */
  | { readonly type: 'broken'; readonly method: string; readonly error: TunnelError }
  | { readonly type: 'upgraded'; readonly protocol: string }
  | { readonly type: 'closing'; readonly requests: number }

export const defaultHttpLimits: HttpProxyLimits = {
  // A browser opens six per host; several pages and a script at once fit.
  connections: 32,
  idle: 8,
  requests: 1024,
}

export const defaultHttpTimeouts: HttpProxyTimeouts = {
  head: 15_000,
  // Long polls are shorter as a rule; a dead service is noticed before people give up.
  answer: 120_000,
  // Less than the 60 s after which most servers and load balancers close theirs.
  idle: 50_000,
}
