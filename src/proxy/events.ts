// What can be watched of local proxies: events as they happen, and the open connections at any time. No payload, no secret.
import type { TunnelInfo } from '../dial/index.js'
import type { TunnelError } from '../errors-node.js'

/** Where a listener listens, as it came to be. */
export interface ListeningFacts {
  readonly listener: string
  /** Address or path. */
  readonly host?: string
  readonly port?: number
  readonly path?: string
}

/** One client of a listener. Numbers live on while it is open. */
export interface ConnectionFacts {
  /** Counts from 1, over all listeners. */
  readonly id: number
  readonly listener: string
  /** What a client of SOCKS5 or CONNECT asked for, `host:port`. */
  readonly requested: string | undefined
  /** Bytes from the client, and to it. */
  readonly sent: number
  readonly received: number
  /** Milliseconds since 1970. */
  readonly since: number
  /** Once the tunnel is open. */
  readonly info: TunnelInfo | undefined
}

export type ProxyEvent =
  | ({ readonly type: 'listening' } & ListeningFacts)
  /** A tunnel carries data from here on. */
  | { readonly type: 'opened'; readonly connection: ConnectionFacts }
  /** It ended; `error` says why if it was not both sides finishing. Milliseconds. */
  | {
      readonly type: 'closed'
      readonly connection: ConnectionFacts
      readonly duration: number
      readonly error: TunnelError | undefined
    }
  /** A client got no tunnel. */
  | { readonly type: 'refused'; readonly connection: ConnectionFacts; readonly error: TunnelError }
  /** A listener cannot accept for the moment (as when file descriptors ran out). */
  | { readonly type: 'failing'; readonly listener: string; readonly error: TunnelError }
  | { readonly type: 'closing'; readonly connections: number }
