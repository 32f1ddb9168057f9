// How a runtime gets to the server, in the shape that the dialer knows: over raw TCP with layers of our own (tcp.ts), or by
// the runtime's WebSocket (web-socket.ts). Platforms choose by import path, so that a page carries nothing of TCP.
import type { TrustStore, UnverifiedTrust } from '../pki/index.js'
import type { Platform } from '../platform/platform.js'
import type { TlsInfo } from '../tls/index.js'
import type { Verdict, VerdictCache } from './cache.js'
import type { Reached, Run } from './run.js'
import type { Settings } from './settings.js'

/** Made once for a dialer. Throws ERR_CONFIG_* for options that this way cannot use. */
export type Reach = (site: Site) => Way

export interface Site {
  readonly platform: Platform
  /** The dialer's own; a connect() may change them. */
  readonly settings: Settings
  /** What the caller says of the origin's own TLS. */
  readonly originTrust: TrustStore | UnverifiedTrust | undefined
  readonly verdicts: VerdictCache | undefined
  /** Milliseconds, monotonic. */
  readonly clock: () => number
}

export interface Way {
  /** Judges the options of one connect(). Throws ERR_CONFIG_INVALID, ERR_UNSUPPORTED_PLATFORM. */
  check(settings: Settings): void
  /** Gets ready what this way needs beside the run. Nothing is dialed yet. */
  begin(run: Run): Promise<Approach>
}

/** One connect() or detect() on its way. */
export interface Approach {
  /** One try: nothing stays open when it rejects. */
  reach(): Promise<Reached>
  /** Finds out how the origin is reached, and closes what it opened. */
  classify(): Promise<Classified>
}

/** What classification alone found. */
export interface Classified {
  readonly verdict: Verdict
  readonly outer: TlsInfo | undefined
  /** Round trips spent, TCP's included; a second ClientHello is not seen from here. */
  readonly roundTrips: number
}
