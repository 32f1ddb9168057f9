// What an operator can watch: events as they happen and counters at any time. No secret, no payload, no full request.
import type { TunnelError } from '../errors-node.js'

/** Which door a client came through. */
export type Door = 'upgrade' | 'direct'

/** How the bytes are framed on the outer connection. */
export type Framing = 'websocket' | 'ping' | 'raw'

/** What a client certificate said; only what was verified. */
export interface ClientFacts {
  /** RFC 4514-like text, one attribute a line, as Node prints it. */
  readonly subject: string
  readonly commonName: string | undefined
  readonly serialNumber: string
  /** SHA-256 of the certificate, hexadecimal with colons. */
  readonly fingerprint: string
  /** Milliseconds since 1970. */
  readonly notAfter: number
  /** Of the subject alternative names. */
  readonly dns: readonly string[]
  readonly uri: readonly string[]
  /** SHA-256 of the SubjectPublicKeyInfo, base64: what `pins` are compared with. */
  readonly spki: string
  /** DER. */
  readonly certificate: Uint8Array
}

export type GatewayEvent =
  | { readonly type: 'listening'; readonly door: Door; readonly host: string; readonly port: number }
  /** A tunnel carries data from here on. */
  | {
      readonly type: 'opened'
      readonly tunnel: number
      readonly door: Door
      readonly framing: Framing
      readonly address: string
      readonly route: string
      readonly alpn: string | undefined
      readonly serverName: string | undefined
      /** TLS version of the inner connection, `TLSv1.3` or `TLSv1.2`; `forwarded` where the service ends it. */
      readonly version: string
      readonly resumed: boolean
      /** Undefined on a route for anyone without a certificate, and where TLS is forwarded. */
      readonly client: ClientFacts | undefined
      /** Milliseconds from the arrival to the open tunnel: handshake, policy, connection to the service. */
      readonly took: number
    }
  /** It ended; `error` says why if it was not both sides finishing. Bytes are application bytes. */
  | {
      readonly type: 'closed'
      readonly tunnel: number
      readonly route: string
      readonly address: string
      readonly bytesFromClient: number
      readonly bytesToClient: number
      /** Milliseconds. */
      readonly duration: number
      readonly error: TunnelError | undefined
    }
  /** A client was turned away before it had a tunnel. */
  | {
      readonly type: 'refused'
      readonly door: Door
      readonly address: string
      readonly error: TunnelError
      readonly route?: string
      readonly alpn?: readonly string[]
      readonly serverName?: string
    }
  /** Certificates and routes were replaced; open tunnels keep what they had. */
  | { readonly type: 'reloaded'; readonly routes: number }
  | { readonly type: 'closing'; readonly tunnels: number }
  | { readonly type: 'closed-gateway' }

export interface RouteStats {
  readonly active: number
  readonly total: number
  readonly bytesFromClient: number
  readonly bytesToClient: number
}

export interface GatewayStats {
  /** Open sockets on both doors. */
  readonly connections: number
  /** Tunnels open now, handshakes in progress included. */
  readonly tunnels: number
  /** Of those, the ones whose client has not finished its handshake. */
  readonly halfOpen: number
  /** Refusals since the start, by error code. */
  readonly refused: Readonly<Record<string, number>>
  /** By route name; a route that was reloaded away keeps its line. */
  readonly routes: Readonly<Record<string, RouteStats>>
}
