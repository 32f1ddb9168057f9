// The bounds of one connection, with their reasons. Every one can be set in `limits`.

export interface StreamLimits {
  /** Bytes that may wait between the wire and the application. */
  readonly held: number
  /** Bytes below which a write resolves. */
  readonly unsent: number
  /** Milliseconds that a graceful end may take once there is nothing more to say. */
  readonly linger: number
}

export const streamLimits: StreamLimits = {
  // Reading pauses at a quarter, so only a layer that turns one piece into a dozen could ever reach it.
  held: 1024 * 1024,
  // Sixteen TLS records: enough to keep a fast path busy, and little to lose to a dead one.
  unsent: 256 * 1024,
  // Long enough for a round trip around the world and a busy peer.
  linger: 2_000,
}
