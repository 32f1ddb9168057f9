// One dial under way: what it may use, what it has seen, how long its phases took. Made by the dialer for every
// connect() and detect(), handed through the files of the way that is gone; nothing here chooses or does I/O.
import type { Phase } from '../errors.js'
import type { Layer, MaybePromise } from '../layer.js'
import type { Identity, loadIdentity, TrustStore, UnverifiedTrust } from '../pki/index.js'
import type { Platform } from '../platform/platform.js'
import type { Connection } from '../stream/index.js'
import { type DeadlineOptions, withDeadline } from '../stream/index.js'
import type { TlsClientOptions, TlsInfo } from '../tls/index.js'
import type { Trace } from '../trace.js'
import type { PingOptions } from '../tunnel/index.js'
import type { Verdict } from './cache.js'
import { longest, type Settings } from './settings.js'

/** The layers that every way ends with; tests put scripted ones here. */
export interface Layers {
  readonly tls: (options: TlsClientOptions) => Layer<TlsInfo>
  readonly ping: (options: PingOptions) => MaybePromise<Layer>
  readonly loadIdentity: typeof loadIdentity
}

/** Milliseconds; a phase that was not passed is absent. Of several connections the last one counts, `total` is of all. */
export interface Timings {
  /** DNS and TCP (or the runtime's own WebSocket, with everything that it does). */
  tcp?: number
  /** TLS with the origin; when it is the tunnel itself (direct), that handshake. */
  outerTls?: number
  upgrade?: number
  innerTls?: number
  total: number
}

export interface Run {
  readonly platform: Platform
  readonly layers: Layers
  readonly settings: Settings
  /** Who may vouch for the inner server. */
  readonly trust: TrustStore | UnverifiedTrust
  readonly identity: Identity | undefined
  /** Any of them ends everything this dial does. */
  readonly signals: ReadonlyArray<AbortSignal | undefined>
  /** What the signals of its parts are made of, one after the other. */
  readonly controllers?: AbortController[]
  /** Milliseconds since the dial began. */
  readonly clock: () => number
  readonly trace: Trace | undefined
  readonly timings: Timings
  /** Sentences, in the order of seeing. */
  readonly evidence: string[]
  /** Transports opened so far. */
  connections: number
  /** Upgrade requests made so far. */
  requests: number
}

/** The far end of a dial: a stack with the inner TLS open, or the direct one. */
export interface Reached {
  readonly verdict: Verdict
  readonly connection: Connection
  readonly tls: TlsInfo
  readonly outerTls: TlsInfo | undefined
  readonly framing: 'none' | 'raw' | 'ping' | 'websocket'
  readonly innerPing: boolean
}

/** A step of the dial, for the trace. */
export function step(
  run: Run,
  name: string,
  facts: Readonly<Record<string, string | number | boolean>>,
): void {
  // As in `stream/drive`: what a watcher throws is its own affair, and must neither fail a dial nor leave its socket behind.
  try {
    run.trace?.({ at: run.clock(), layer: 'dial', event: { type: 'step', name, facts } })
  } catch {}
}

/** Remembers a sentence and shows it in the trace. */
export function observe(run: Run, sentence: string): void {
  run.evidence.push(sentence)
  step(run, 'evidence', { sentence })
}

/** Unverified use is to be seen in every trace. */
export function tellUnverified(
  run: Run,
  option: string,
  trust: TrustStore | UnverifiedTrust | undefined,
): void {
  if (trust?.kind === 'unverified') step(run, 'unverified', { option, reason: trust.reason })
}

/** How long a part of the dial may take, and what its ERR_TIMEOUT or ERR_ABORTED calls it. */
export interface Deadline {
  /** 0 for no limit of its own. */
  readonly milliseconds: number
  readonly phase: Phase
}

/** Runs a part of the dial under its signals and its own deadline; what comes too late goes to `discard`. */
export async function within<T>(
  run: Run,
  deadline: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
  discard?: (late: T) => void,
): Promise<T> {
  return withDeadline(new Limits(run, deadline), work, discard)
}

/** A getter of an object's own would keep it, and the run, in V8's memory until a full garbage collection. */
class Limits implements DeadlineOptions {
  readonly signals: Run['signals']
  readonly spare?: AbortController[]
  readonly timeout: number | undefined
  readonly #deadline: Deadline

  constructor({ signals, controllers }: Run, deadline: Deadline) {
    this.signals = signals
    if (controllers) this.spare = controllers
    // A sum of limits may be more than a timer takes, which would then fire at once.
    this.timeout = Math.min(deadline.milliseconds, longest) || undefined
    this.#deadline = deadline
  }

  /** Asked for when it passes: the work may have got to another phase by then. */
  get phase(): Phase {
    return this.#deadline.phase
  }
}

/** As `within`, and notes how long it took. */
export async function timed<T>(
  run: Run,
  timing: Exclude<keyof Timings, 'total'>,
  deadline: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
  discard?: (late: T) => void,
): Promise<T> {
  const began = run.clock()
  const result = await within(run, deadline, work, discard)
  run.timings[timing] = run.clock() - began
  return result
}
