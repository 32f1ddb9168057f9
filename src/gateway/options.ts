// The public vocabulary of the gateway: what an operator writes down, and every default beside its reason. Nothing is
// decided here; `config.ts` checks these shapes and `server.ts` acts on them.
import type { GatewayEvent } from './events.js'

/** A server certificate with its key, both PEM. `certificate` holds the leaf first, then its intermediates. */
export interface GatewayIdentity {
  readonly certificate: string
  readonly privateKey: string
  readonly passphrase?: string
}

/** Exact text, or a pattern that must match the *whole* value: an unanchored pattern never admits more than it says. */
export type Match = string | RegExp

/** What a client certificate must say. Every field given must hold; a rule without any field is refused. */
export interface ClientRule {
  /** The one common name of the subject; a certificate with several has none. */
  readonly commonName?: Match
  /** At least one DNS name, URI or e-mail address among the subject alternative names. */
  readonly dns?: Match
  readonly uri?: Match
  readonly email?: Match
}

/** Who may use a route. */
export interface ClientPolicy {
  /** PEM of the authorities that sign this route's clients; no other authority counts, not even the system's. */
  readonly trust: string | readonly string[]
  /** One of these must hold. Left out: every client whose certificate `trust` vouches for. */
  readonly allow?: readonly ClientRule[]
}

/** Where a route's bytes go, in clear: keep it on this host or on a network you trust. */
export type Connector = { readonly host?: string; readonly port: number } | { readonly path: string }

export interface Route {
  /** For events and statistics; unique. */
  readonly name: string
  /** The application protocols it answers, as exact ALPN names. A name ending in `-ping` gets ping framing inside TLS. */
  readonly alpn: string | readonly string[]
  /** Also answer `<name>-ping` for each name in `alpn`. Default false. */
  readonly ping?: boolean
  /** Server names it answers: exact, or `*.suffix` for one label more. Left out: any, and none. */
  readonly serverName?: string | readonly string[]
  readonly connect: Connector
  /**
   * Who may pass. There is no default: a route open to everybody has to say so in words, and then relies on the
   * service behind it to ask who is there.
   */
  readonly client: ClientPolicy | 'anyone-without-a-certificate'
}

/** The door behind the load balancer: plain HTTP/1.1, nothing but connection upgrades. */
export interface UpgradeListener {
  /** Default `127.0.0.1`: what faces a network is a decision. */
  readonly host?: string
  /** 0 asks the system for a free one; see `Gateway.addresses`. */
  readonly port: number
  /** Default `/webapi/connectionupgrade`. */
  readonly path?: string
  /**
   * Take a client's address from the last entry of X-Forwarded-For. Only behind a load balancer that sets it, and only
   * where nobody can go around that load balancer. Default false.
   */
  readonly forwardedFor?: boolean
}

/** The door without a load balancer: inner TLS at once, on its own port. */
export interface DirectListener {
  readonly host?: string
  readonly port: number
}

/** Milliseconds; 0 switches `idle` and `halfClosed` off, the others have no off. */
export interface GatewayTimeouts {
  /** From the connection (or the previous answer's end) to a whole request head. */
  readonly request: number
  /** From the upgrade (or the direct connection) to a finished inner handshake, ClientHello included. */
  readonly handshake: number
  /** To open the connection behind a route. */
  readonly connect: number
  /** Without a byte of application data either way. */
  readonly idle: number
  /** The same once one side has finished writing. */
  readonly halfClosed: number
  /** For the peer to close its side once both directions are done. */
  readonly linger: number
  /** For the load balancer's next request on a kept connection. */
  readonly keepAlive: number
}

export interface GatewayLimits {
  /** Sockets on both doors together. */
  readonly connections: number
  /** Tunnels of one client address (see `UpgradeListener.forwardedFor`). */
  readonly connectionsPerAddress: number
  /** Bytes of a request head. */
  readonly requestHead: number
  /** Bytes on the wire until the ClientHello is whole. */
  readonly clientHello: number
  /** Bytes waiting in each stream of a tunnel before it stops reading. */
  readonly buffer: number
  /** Bytes in a WebSocket message. */
  readonly frame: number
  /** Bytes that a ping-framed packet may claim; packets are never gathered, so this only tells framing from noise. */
  readonly packet: number
}

export interface GatewayOptions {
  /** At least one door. */
  readonly listen: { readonly upgrade?: UpgradeListener; readonly direct?: DirectListener }
  /** Shown when no entry of `identities` fits. */
  readonly identity: GatewayIdentity
  /** By server name: exact, or `*.suffix`. */
  readonly identities?: Readonly<Record<string, GatewayIdentity>>
  readonly routes: readonly Route[]
  /** Milliseconds between pings on each framing that has them. Default 30 000. */
  readonly pingInterval?: number
  readonly timeouts?: Partial<GatewayTimeouts>
  readonly limits?: Partial<GatewayLimits>
  /** Told what happens, without secrets or payload. What it throws is ignored. */
  readonly onEvent?: (event: GatewayEvent) => void
}

/** What `Gateway.reload` replaces. */
export type Reloadable = Pick<GatewayOptions, 'identity' | 'identities' | 'routes'>

export const defaultPath: string = '/webapi/connectionupgrade'

/** Half of the shortest common idle limit (60 s at AWS and nginx), and what Teleport does. */
export const defaultPingInterval: number = 30_000

export const defaultTimeouts: GatewayTimeouts = {
  request: 10_000,
  // What Teleport's own router grants.
  handshake: 15_000,
  connect: 5_000,
  // Pings keep the path alive; whether silence means death is for the application to say.
  idle: 0,
  halfClosed: 60_000,
  linger: 3_000,
  // Longer than load balancers keep an idle connection (60 s), so that it is never us who closes first.
  keepAlive: 75_000,
}

export const defaultLimits: GatewayLimits = {
  connections: 10_000,
  // Behind a load balancer every client has the same few addresses, so by default this is no limit of its own.
  connectionsPerAddress: 10_000,
  requestHead: 16 * 1024,
  clientHello: 16 * 1024,
  buffer: 64 * 1024,
  frame: 1024 * 1024,
  // Just less than a TLS record header (0x160301…) or ASCII text reads as.
  packet: 256 * 1024 * 1024,
}
