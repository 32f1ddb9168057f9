// What a runtime gives the dialer. Each folder beside this file implements it; none imports another.
import type { CryptoProvider } from '../crypto/provider.js'
import type { Phase } from '../errors.js'
import type { Wire } from '../stream/byte-stream.js'

/** Where the origin listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** What a transport dial may use. Deadline and abort both come as the signal. */
export interface WireOptions {
  readonly signal: AbortSignal
  /** TLS records come from the first byte on: a runtime whose reads are small may wait for whole ones. */
  readonly isTls?: boolean
  readonly trace?: (name: string, facts: Readonly<Record<string, string | number | boolean>>) => void
  /** What the transport is at from now on, if it is more than TCP: what a deadline's error will name. */
  readonly busy?: (phase: Phase) => void
}

/** A WebSocket that the runtime opened itself (it did TLS, the HTTP upgrade and the framing). */
export interface WebSocketWire extends Wire {
  readonly subprotocol: string
}

export interface Platform {
  readonly name: 'node' | 'workerd' | 'browser' | 'memory'
  readonly crypto: CryptoProvider
  /** Milliseconds since 1970, for certificates. */
  now(): number
  /** Milliseconds from any origin, never going back, for timings and caches; `performance.now` where it is missing. */
  monotonic?(): number
  /** Raw TCP, where the runtime has it: outer TLS, upgrade and framing are then our own layers. */
  dialTcp?(address: Address, options: WireOptions): Promise<Wire>
  /**
   * TCP and a TLS that the runtime does: verified for the host by its own roots, without any say in ALPN. For origins of
   * which nobody told who signs them, where `systemRoots` is missing.
   */
  dialTls?(address: Address, options: WireOptions): Promise<Wire>
  /** The runtime's own WebSocket, where raw TCP does not exist. `headers` only where the runtime can send them. */
  dialWebSocket?(
    url: string,
    subprotocols: readonly string[],
    options: WireOptions & { readonly headers?: ReadonlyArray<readonly [string, string]> },
  ): Promise<WebSocketWire>
  /** DER certificates of the roots this runtime trusts, where it can tell; loaded on first use. */
  systemRoots?(): readonly Uint8Array[] | Promise<readonly Uint8Array[]>
}
