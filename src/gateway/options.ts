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
  /** At least one of the subject's organizations, or organizational units. */
  readonly organization?: Match
  readonly organizationalUnit?: Match
  /** At least one DNS name, URI, e-mail address or IP address among the subject alternative names. */
  readonly dns?: Match
  readonly uri?: Match
  readonly email?: Match
  readonly ip?: Match
  /** SHA-256 of the SubjectPublicKeyInfo: base64 (with or without `sha256/` before it) or hexadecimal. */
  readonly spki?: string
}

/** Who may use a route. */
export interface ClientPolicy {
  /** PEM of the authorities that sign this route's clients; no other authority counts, not even the system's. */
  readonly trust: string | readonly string[]
  /** One of these must hold. Left out: every client whose certificate `trust` vouches for. */
  readonly allow?: readonly ClientRule[]
  /** SHA-256 of SubjectPublicKeyInfos, written as in `ClientRule.spki`: the client's own key must be one of them. */
  readonly pins?: readonly string[]
}

/** Where a route's bytes go, in clear: keep it on this host or on a network you trust. */
export type Connector = ConnectorTarget & {
  /** Begin the connection with a PROXY protocol header: client address, ALPN, server name, common name. Default none. */
  readonly proxyProtocol?: 'v2'
  /**
   * The bytes are HTTP/1.1: read every request, drop what the client says about itself in `identityHeaders`, and write
   * those headers anew. Default: bytes are passed on unread.
   */
  readonly http?: HttpConnector | boolean
}

export type ConnectorTarget = { readonly host?: string; readonly port: number } | { readonly path: string }

/** How an HTTP service learns who asks. */
export interface HttpConnector {
  /** Default: all but `client-cert`. Whatever is listed or not, none of them gets through from a client. */
  readonly identityHeaders?: readonly IdentityHeader[]
  /** Host header for the service. Default: as the client sent it. */
  readonly host?: string
}

/** `client-cert` is RFC 9440 (the whole certificate), `x-forwarded-client-cert` Envoy's summary of it. */
export type IdentityHeader = 'x-forwarded-for' | 'forwarded' | 'x-forwarded-client-cert' | 'client-cert'

export interface Route {
  /** For events and statistics; unique. */
  readonly name: string
  /**
   * The application protocols it answers: ALPN names, exact or with a final `*` (`teleport-auth@*`; `*` alone is any).
   * A name ending in `-ping` gets ping framing inside TLS.
   */
  readonly alpn: string | readonly string[]
  /** Also answer `<name>-ping` for each name in `alpn`. Default false. */
  readonly ping?: boolean
  /** Server names it answers: exact, `*.suffix` for one label more, or `prefix.*`. Left out: any, and none. */
  readonly serverName?: string | readonly string[]
  readonly connect: Connector
  /**
   * `end` (default): the gateway is the TLS server. `forward`: the ClientHello chooses the route and then every byte of
   * the TLS connection goes to the service untouched, which shows its own certificate and asks for the client's.
   */
  readonly tls?: 'end' | 'forward'
  /**
   * Who may pass. There is no default: a route open to everybody has to say so in words, and then relies on the
   * service behind it to ask who is there. A route that forwards TLS can have no policy here, and says that in words.
   */
  readonly client: ClientPolicy | 'anyone-without-a-certificate' | 'left-to-the-service'
}

/** Which address of a chain of proxies is the client's. */
export interface ForwardedPolicy {
  /** Default `x-forwarded-for`; `forwarded` is RFC 7239. */
  readonly header?: 'x-forwarded-for' | 'forwarded'
  /** How many proxies of ours have written to the header: the address the outermost of them saw counts. */
  readonly hops?: number
  /** Or: who they are, as addresses and CIDR blocks. The last address that is none of them counts. */
  readonly trusted?: readonly string[]
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
   * Take a client's address from a header. Only behind a load balancer that sets it; and, with a count of hops, only
   * where nobody can go around that load balancer. `true` is X-Forwarded-For and one hop. Default false.
   */
  readonly forwardedFor?: boolean | ForwardedPolicy
  /** Serve the console's page too, from the folder given or the package's own. Default false. */
  readonly console?: boolean | string
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
  /** Tunnels of one client address (see `UpgradeListener.forwardedFor`); of an IPv6 address, of its /64. */
  readonly connectionsPerAddress: number
  /** Tunnels whose client has not finished its handshake. One more drops the oldest: an honest one is soon done. */
  readonly halfOpen: number
  /** Bytes of a request head. */
  readonly requestHead: number
  /** Bytes on the wire until the ClientHello is whole. */
  readonly clientHello: number
  /** Bytes waiting in each stream of a tunnel before it stops reading. */
  readonly buffer: number
  /** Bytes in a WebSocket message; it is gathered whole before it is passed on. */
  readonly frame: number
  /** Fragments in a WebSocket message. */
  readonly fragments: number
  /** Pings that a client may send within one `pingInterval`. */
  readonly pings: number
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
  /** Asked before each tunnel: a reason to take none now, or undefined. */
  readonly refuse?: () => string | undefined
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
  halfOpen: 1_000,
  requestHead: 16 * 1024,
  clientHello: 16 * 1024,
  buffer: 64 * 1024,
  frame: 1024 * 1024,
  // A message of the largest size in pieces of 1 KiB.
  fragments: 1_024,
  // Keep-alives come one in many seconds; a load balancer may add its own.
  pings: 100,
  // Just less than a TLS record header (0x160301…) or ASCII text reads as.
  packet: 256 * 1024 * 1024,
}
