// What callers may say to a dialer, and about one connect(). Types only: the checks are in settings.ts, the defaults in
// defaults.ts.
import type { MaybePromise } from '../layer.js'
import type { IdentityInput, Trust } from '../pki/index.js'
import type { StreamLimits } from '../stream/index.js'
import type { SessionStore, TlsLimits } from '../tls/index.js'
import type { KeyLog, Trace } from '../trace.js'
import type { VerdictCache } from './cache.js'
import type { Mode } from './plan.js'

/** Milliseconds; 0 means no limit, and for `linger` no waiting. */
export interface Timeouts {
  /** Until the transport is open (DNS and TCP). */
  readonly connect: number
  /** From the upgrade request to its 101, the `headers` function included. */
  readonly upgrade: number
  /** For each TLS handshake, outer and inner. */
  readonly handshake: number
  /** An open tunnel with no bytes either way for so long fails with ERR_TIMEOUT. */
  readonly idle: number
  /** How long a closing tunnel may wait for the peer before everything is freed. */
  readonly linger: number
}

/** Milliseconds. `timeout`: silence of the peer, pings included, after which it is dead; 0 for never. */
export interface KeepAlive {
  readonly interval: number
  readonly timeout: number
}

export interface RetryPolicy {
  /** Further tries after the first, for failures marked `retryable`. */
  readonly retries: number
  /** Milliseconds before the first retry, doubled for each next, with full jitter. */
  readonly delay: number
  readonly maxDelay: number
}

/** Bytes, each; the layers' own limits hold where nothing is said. */
export interface Limits {
  /** Head of the answer to the upgrade request. */
  readonly httpHead?: number
  /** Payload of one WebSocket frame. */
  readonly frame?: number
  /** One ping-framed packet. */
  readonly packet?: number
  readonly tls?: Partial<TlsLimits>
  readonly stream?: Partial<StreamLimits>
}

/** Named quirks of peers. */
export type Compat =
  /** Mask WebSocket frames with zeroes: for Teleport 15.3.7 to 16.1, whose server does not unmask. */
  | 'zero-mask'
  /** Repeat the upgrade token in X-Teleport-Upgrade: for firewalls that remove Upgrade, with Teleport 13.3 to 18. */
  | 'teleport-header'

export type HeadersInput = Iterable<readonly [string, string]> | Readonly<Record<string, string>>

/** What a `headers` function is told. */
export interface HeadersRequest {
  /** Where the request goes. */
  readonly url: string
  /** 1 for the first upgrade request of a connect(), 2 for the next … */
  readonly attempt: number
  /** The upgrade that will be asked for. */
  readonly protocol: Exclude<Mode, 'direct'>
}

export interface DialerOptions {
  /** The outer endpoint: `https://host[:port]` (or `http:` where no TLS stands outside). */
  readonly origin: string | URL
  /** Who signs the outer endpoint. Default: the roots of the platform. */
  readonly originTrust?: Trust
  /** Who signs the inner server. */
  readonly trust: Trust
  /**
   * The client certificate, or a function asked for it on every connect(), which has `timeouts.handshake` to answer. Shown only to
   * who selects our ALPN.
   */
  readonly identity?: IdentityInput | (() => MaybePromise<IdentityInput>)
  /** Inner SNI and the name verified. Default: the origin's host. */
  readonly serverName?: string
  /** Inner application protocols, in order of preference; here or in `connect()`. Names with `-ping` are moved first. */
  readonly alpn?: readonly string[]
  /** `'auto'` (default) finds out; or one way; or several, tried in order. */
  readonly mode?: 'auto' | Mode | readonly Mode[]
  /** Who is to be upgraded, in the grammar of Teleport's TELEPORT_TLS_ROUTING_CONN_UPGRADE. Loses against `mode`. */
  readonly override?: string
  /** Headers of the upgrade request, or a function called for every attempt. */
  readonly headers?: HeadersInput | ((request: HeadersRequest) => MaybePromise<HeadersInput>)
  /** Host header of the upgrade request. Default: the origin's host, with its port unless that is the scheme's. */
  readonly host?: string
  /** Path of the upgrade endpoint. Default `/webapi/connectionupgrade`. */
  readonly path?: string
  /** Pings, and a deadline on silence, where the framing has them. `false` for none. */
  readonly keepAlive?: false | Partial<KeepAlive>
  readonly timeouts?: Partial<Timeouts>
  readonly limits?: Limits
  readonly compat?: readonly Compat[]
  readonly retry?: Partial<RetryPolicy>
  readonly trace?: Trace
  readonly keylog?: KeyLog
  /** Where TLS sessions, outer and inner, are kept for later connections to resume; by default none are. They hold secrets. */
  readonly session?: SessionStore
  /** Aborting it closes the dialer at once: dials under way and open tunnels. */
  readonly signal?: AbortSignal
  /** Where verdicts are remembered. Default: a cache of this dialer's own. */
  readonly verdicts?: VerdictCache
}

/** What one connect() may say differently. */
export interface ConnectOptions {
  readonly alpn?: readonly string[]
  readonly serverName?: string
  readonly identity?: IdentityInput | (() => MaybePromise<IdentityInput>)
  readonly mode?: 'auto' | Mode | readonly Mode[]
  readonly timeouts?: Partial<Timeouts>
  readonly trace?: Trace
  /** Ends the dial; once the tunnel is open it has no say any more. */
  readonly signal?: AbortSignal
}
