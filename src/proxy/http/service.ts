// The service behind the tunnel, as something to ask: what http1.ts and http2.ts both are. Types only.
import type { OutgoingHttpHeaders } from 'node:http'
import type { Duplex, Readable, Writable } from 'node:stream'
import type { Dialer } from '../../dial/index.js'
import type { TunnelError } from '../../errors-node.js'
import type { Target } from '../options.js'
import type { Fields } from './headers.js'
import type { HttpProxyLimits, HttpProxyTimeouts } from './options.js'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly fields: Fields
  /** The request has content, of which `content-length` may say the length. */
  readonly hasContent: boolean
}

export interface Answer {
  readonly status: number
  readonly fields: OutgoingHttpHeaders
  readonly body: Readable
  /** Known once the body has ended. */
  trailers(): OutgoingHttpHeaders
  /** On a connection that had been used before. */
  readonly reused: boolean
}

export interface Exchange {
  /** Where the request's content goes; ended by the caller. */
  readonly content: Writable
  /** Rejects with a TunnelError. */
  readonly answer: Promise<Answer>
  /** Interim answers (1xx), but 100 and 101. */
  onInterim(listener: (status: number, fields: OutgoingHttpHeaders) => void): void
  abort(error: TunnelError): void
}

export interface Switched {
  readonly status: number
  readonly fields: OutgoingHttpHeaders
  /** Status 101: the connection, with what came behind the head. Otherwise the body of a refusal. */
  readonly stream: Duplex | Readable
  readonly head: Buffer
}

export interface Service {
  ask(asked: Asked): Exchange
  /** A connection of its own for a protocol upgrade. The signal ends it while it is not answered. */
  upgrade(asked: Asked, protocol: string, signal: AbortSignal): Promise<Switched>
  /** Rested connections end now, busy ones when they are done. */
  renew(): void
  destroy(): void
}

export interface ServiceOptions {
  readonly dialer: Pick<Dialer, 'connect'>
  readonly target: Target
  readonly host: string
  readonly limits: HttpProxyLimits
  readonly timeouts: HttpProxyTimeouts
}
