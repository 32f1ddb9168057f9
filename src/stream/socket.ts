// What the application gets: the shape of Cloudflare's Socket and of the WinterTC sockets proposal. The streams are made
// when they are first touched, so that whoever wants the wire itself (the Node Duplex) pays for no stream.
import { failure } from '../errors.js'
import type { ByteStream, Wire } from './byte-stream.js'
import { handled } from './deferred.js'
import { streamLimits } from './limits.js'
import { deadlineAfter } from './timer.js'
import { streamFromWire, type WireStream } from './wire.js'

/** Key of the method that hands out the wire. A registered symbol: two copies of this module understand each other. */
export const takeWire: unique symbol = Symbol.for('underpass.takeWire')

export interface TunnelSocket<Info = unknown> extends ByteStream {
  /** Already open when you get one: kept for the shape. */
  readonly opened: Promise<Info>
  /** Resolves after a clean end of both directions; rejects with a TunnelError otherwise. */
  readonly closed: Promise<void>
  readonly info: Info
  /** End our side, wait for the peer's end up to `linger`, then free everything. Never rejects: look at `closed`. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
  /** The wire instead of the streams, once and not after they were touched; else ERR_STREAM_CLOSED. */
  [takeWire](): Wire
}

export interface TunnelSocketOptions {
  /** When the connection below is freed: `Connection.closed`. Watched on the wire itself when not given. */
  readonly closed?: Promise<void> | undefined
  /** Milliseconds that `close()` waits for the peer to end. */
  readonly linger?: number | undefined
  /** `Connection.destroy`, which tells whoever took the wire; the wire itself, used where not given, tells nobody. */
  readonly destroy?: (() => void) | undefined
}

export function tunnelSocket<Info>(
  wire: Wire,
  info: Info,
  options: TunnelSocketOptions = {},
): TunnelSocket<Info> {
  const linger = options.linger ?? streamLimits.linger
  let stream: WireStream | undefined
  let taken = false
  let closing: Promise<void> | undefined
  const streams = (): WireStream => {
    if (taken) throw failure('ERR_STREAM_CLOSED', 'the wire of this socket was taken')
    stream ??= streamFromWire(wire)
    return stream
  }
  const closed = (): Promise<void> => options.closed ?? streams().closed
  const close = async (): Promise<void> => {
    if (taken) {
      if (options.destroy) options.destroy()
      else wire.destroy()
      return
    }
    const own = streams()
    const timer = deadlineAfter(linger, () =>
      own.destroy(failure('ERR_ABORTED', 'the peer did not end in time')),
    )
    handled(own.finish())
    own.discard()
    await closed().catch(() => {})
    timer.cancel()
  }
  const dispose = (): Promise<void> => {
    closing ??= close()
    return closing
  }
  return new Opened(info, streams, closed, dispose, () => {
    if (taken || stream !== undefined)
      throw failure('ERR_STREAM_CLOSED', 'the streams of this socket are in use')
    taken = true
    return wire
  })
}

/**
 * The getters are the class's. An object with getters of its own is one of a kind to the engine, and what describes the kind
 * is old from its birth: in V8 it would keep the whole connection in memory until a full garbage collection.
 */
class Opened<Info> implements TunnelSocket<Info> {
  readonly opened: Promise<Info>
  readonly info: Info
  readonly close: () => Promise<void>
  readonly [takeWire]: () => Wire
  readonly #streams: () => WireStream
  readonly #closed: () => Promise<void>

  constructor(
    info: Info,
    streams: () => WireStream,
    closed: () => Promise<void>,
    dispose: () => Promise<void>,
    take: () => Wire,
  ) {
    this.opened = Promise.resolve(info)
    this.info = info
    this.close = dispose
    this[takeWire] = take
    this.#streams = streams
    this.#closed = closed
  }

  get readable(): ReadableStream<Uint8Array> {
    return this.#streams().readable
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#streams().writable
  }

  get closed(): Promise<void> {
    return this.#closed()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
