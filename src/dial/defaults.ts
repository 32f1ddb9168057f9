// Every default of the dialer beside its reason. No logic here.
import type { Limits, RetryPolicy, Timeouts } from './options.js'

export const defaultTimeouts: Timeouts = {
  // Teleport's own dial timeout; a healthy SYN is answered within one round trip, three retransmissions fit.
  connect: 5_000,
  // An ALB whose target just died answers 502 or 504 within this; waiting longer looks like a hang.
  upgrade: 10_000,
  // Two round trips and a signature by a slow key service. Counts for the outer and the inner handshake, each.
  handshake: 10_000,
  // A database session may rest for hours; the keep-alive, not this, finds dead peers.
  idle: 0,
  // RFC 6455 §7.1.1 lets the closer wait for the peer's answer; longer than this nobody answers any more.
  linger: 3_000,
}

export const defaultKeepAlive: { readonly interval: number; readonly timeout: number } = {
  // The strictest idle limit in the field is 30 s (GCP); the pings must come well before it.
  interval: 25_000,
  // Teleport's server pings every 30 s and answers none of ours: three of its pings missed is a dead path.
  timeout: 90_000,
}

export const defaultRetry: RetryPolicy = {
  // Drivers and pools retry themselves; two policies on top of each other multiply.
  retries: 0,
  // First pause, doubled each time, with full jitter.
  delay: 250,
  maxDelay: 5_000,
}

// Most retries that `retry` may ask for: beyond it the caller wants a loop, with their own judgement in it.
export const maxRetries: number = 20

// Ten minutes: long enough to spare the probe in a busy pool, short enough to notice a moved cluster over coffee.
export const defaultVerdictTtl: number = 600_000
// Origins remembered by one cache; the oldest goes first.
export const defaultVerdictEntries: number = 256

// Where Teleport and this project's gateway answer the connection upgrade.
export const defaultPath: string = '/webapi/connectionupgrade'

// What detect() offers when the caller named no protocol: old and stable, known to every Teleport version.
export const defaultProbeAlpn: readonly string[] = ['teleport-reversetunnel']

// Left to the layers' own defaults unless the caller says otherwise.
export const defaultLimits: Limits = {}
