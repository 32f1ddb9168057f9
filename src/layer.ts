// The one shape on the staircase. A layer turns bytes from below into bytes for above and the reverse; it never does I/O,
// never reads a clock, never sets a timer. `stream/drive` owns a stack of layers and moves the bytes.
//
// Contract
// - Calls on one lane never overlap: `receive`/`eof` are one lane, `start`/`send`/`end`/`ping` the other. A promise
//   returned by a call holds back the next call of the same lane (that is the backpressure), not of the other lane.
// - A layer may call its sink inside a call, or later from a promise it returned; never after it threw.
// - Chunks are handed over: whoever receives a chunk owns it and may keep views of it; whoever gave it must not touch it.
// - Failing is throwing. Before throwing a layer puts what the peer should still see (an alert, a close frame) into
//   `sink.down`; the driver flushes it, ends the layers below, and surfaces the error.
import type { TunnelError } from './errors.js'
import type { TraceEvent } from './trace.js'

export type MaybePromise<T> = T | Promise<T>

export interface Layer<Info = unknown> {
  /** For traces: `tls`, `upgrade`, `websocket`, `ping`. */
  readonly name: string
  /** The layer below is open: say the first bytes, if we speak first. */
  start(sink: Sink<Info>): MaybePromise<void>
  /** Bytes from below. Resolves when they are processed as far as they can be. */
  receive(chunk: Uint8Array, sink: Sink<Info>): MaybePromise<void>
  /** The layer below ended; `cause` says why if it was not clean. Truncation is decided here. */
  eof(cause: TunnelError | undefined, sink: Sink<Info>): MaybePromise<void>
  /** Bytes from above; only after `open`. */
  send(chunk: Uint8Array, sink: Sink<Info>): MaybePromise<void>
  /** Above has finished writing: half-close if the protocol can, otherwise start closing. */
  end(sink: Sink<Info>): MaybePromise<void>
  /** Send a keep-alive if this framing has one. */
  ping?(sink: Sink<Info>): MaybePromise<void>
}

export interface Sink<Info = unknown> {
  /** Bytes for the layer below. */
  down(chunk: Uint8Array): void
  /** Bytes for the layer above; they wait, bounded, until one is there. */
  up(chunk: Uint8Array): void
  /** This layer can carry data now. Exactly once. */
  open(info: Info): void
  /** Nothing more will go down: the layer below may `end`. */
  finish(): void
  /** Nothing more will come up; `cause` when the end was not clean. */
  eof(cause?: TunnelError): void
  trace(event: TraceEvent): void
  /** While `receive` works: the chunk that it would be called with next, if it has come, taken as if it had been called. */
  more?(): Uint8Array | undefined
  /** Nobody looks at traces: what would only be made for them may be spared. */
  readonly unwatched?: boolean
}
