// The two shapes in which bytes meet a runtime. `ByteStream` is the public one: WHATWG streams, as Cloudflare's Socket
// and the WinterTC sockets proposal have them. `Wire` is the inner one: callbacks, so that a Node socket or a WebSocket
// pays for no stream in between; `wireFromStream` makes the second from the first.
import type { TunnelError } from '../errors.js'
import type { MaybePromise } from '../layer.js'

/** Any reliable, ordered byte stream. */
export interface ByteStream {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
}

/** What a wire tells its owner. Calls never overlap: the next waits for a returned promise (that is the backpressure). */
export interface WireEvents {
  /** The chunk belongs to the receiver from here on. */
  data(chunk: Uint8Array): MaybePromise<void>
  /** The peer finished writing (FIN). `cause` when the runtime knows that it was not clean. */
  end(cause?: TunnelError): MaybePromise<void>
  /** The transport failed; nothing follows. */
  fail(error: TunnelError): void
}

/** A transport: what platforms provide and `stream/drive` owns. */
export interface Wire {
  /** Begin reading. Called once. */
  start(events: WireEvents): void
  /** Write chunks in order, as few system calls as the runtime allows. Resolves when more may be written. */
  write(chunks: readonly Uint8Array[]): MaybePromise<void>
  /** Finish writing (FIN) after what was written; reading goes on. */
  end(): MaybePromise<void>
  /** Free everything at once: no handle, timer or listener stays. Idempotent. */
  destroy(reason?: TunnelError): void
  /** Bytes that were taken and not yet passed on, where that is known: writes resolve before it is none. */
  unsent?(): number
  /** Whether waiting on this wire alone keeps the process alive, where the runtime asks that (Node). */
  ref?(active: boolean): void
  /** Plain facts for traces: addresses, protocol. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>
}
