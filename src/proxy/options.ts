// The public vocabulary of local proxies, and every default beside its reason. Nothing is decided here.
import type { ConnectOptions, Dialer } from '../dial/index.js'
import type { ProxyEvent } from './events.js'

/** Where a listener listens. Port 0 asks the system for a free one. */
export type Endpoint =
  | { readonly host: string; readonly port: number }
  /** A unix socket, made with mode 0600. What is there and is no socket is never touched. */
  | { readonly path: string }

/** What a tunnel is asked for. What is left out is the dialer's own. */
export type Target = Pick<ConnectOptions, 'alpn' | 'serverName' | 'identity'>

/** A name that clients of SOCKS5 and CONNECT may ask for, and the tunnel they get. */
export interface Rule {
  /** A host name or an address, exactly; or `*.suffix` for every name below it, never the suffix itself. */
  readonly host: string
  /** Left out: any port. */
  readonly port?: number
  /** A server name of `{host}` stands for the name asked for. */
  readonly target: Target
}

/** Asked of clients of SOCKS5 (RFC 1929) and CONNECT (Basic). */
export interface Credentials {
  readonly user: string
  readonly password: string
}

interface Listener {
  /** For events and for people; unique. */
  readonly name: string
  readonly listen: Endpoint
}

/** Every connection is a tunnel to the same target. */
export interface DirectListener extends Listener {
  /**
   * What the clients speak. `postgres`: SSLRequest and GSSENCRequest are answered with no here, so that psql needs no
   * sslmode=disable, and a failed dial is told in the protocol. `mysql`, `redis`: a failed dial is told. `tcp`: bytes.
   */
  readonly speaks: 'tcp' | 'postgres' | 'mysql' | 'redis'
  readonly target: Target
}

/** The clients say where to; the rules say whether. */
export interface NamedListener extends Listener {
  readonly speaks: 'socks5' | 'connect'
  /** The first that fits counts; a name without a rule is refused. */
  readonly rules: readonly Rule[]
  readonly credentials?: Credentials
}

export type ListenerOptions = DirectListener | NamedListener

export interface ProxyLimits {
  /** Connections of one listener at a time. */
  readonly connections: number
  /** Bytes of a client's request: SOCKS5 message, CONNECT head, startup packet's beginning. */
  readonly request: number
  /** Bytes that a client may send before its tunnel is open. */
  readonly early: number
}

export interface ProxyTimeouts {
  /** Milliseconds until a client has said where it wants to go. */
  readonly request: number
  /** Milliseconds that an answer to a refused client may take to be read. */
  readonly refusal: number
}

export interface ProxyOptions {
  readonly dialer: Pick<Dialer, 'connect'>
  readonly listeners: readonly ListenerOptions[]
  /** Told what happens. What it throws is ignored. */
  readonly onEvent?: (event: ProxyEvent) => void
  readonly limits?: Partial<ProxyLimits>
  readonly timeouts?: Partial<ProxyTimeouts>
}

export const defaultLimits: ProxyLimits = {
  // A connection pool's size, several times; each is a connection of the load balancer too.
  connections: 1024,
  // What web servers take for a request head.
  request: 16 * 1024,
  early: 64 * 1024,
}

export const defaultTimeouts: ProxyTimeouts = {
  // Clients say it at once; whoever does not is no client of this protocol.
  request: 10_000,
  refusal: 2_000,
}
