// Between the two shapes of a byte stream: a Wire from WHATWG streams, and WHATWG streams from a Wire. Backpressure,
// half-close and errors cross in both directions.
import { asTunnelError, failure, TunnelError } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import type { ByteStream, Wire, WireEvents } from './byte-stream.js'
import { type Deferred, deferred, handled } from './deferred.js'
import { joined } from './joined.js'
import { timerAfter } from './timer.js'

/** Bytes asked for in one read, where the stream lets us bring the buffer: small reads cost workerd most of its speed. */
const READ_SIZE = 64 * 1024
/** What is read is copied out of its buffer when it fills less than this, so that few bytes do not pin a large one. */
const COPY_BELOW = 16 * 1024

/** A wire over WHATWG streams, which must not be locked. Takes both over. */
export function wireFromStream(stream: ByteStream): Wire {
  const writer = stream.writable.getWriter()
  handled(writer.closed)
  let reader: { read(): Promise<Uint8Array | undefined>; cancel(reason?: unknown): void } | undefined
  let events: WireEvents | undefined
  const fail = (thrown: unknown) => {
    const told = events
    events = undefined
    told?.fail(asTunnelError(thrown, 'ERR_STREAM_RESET'))
  }
  const readAll = async (source: NonNullable<typeof reader>) => {
    for (;;) {
      const chunk = await source.read()
      if (events === undefined) return
      if (chunk === undefined) return events.end()
      const busy = events.data(chunk)
      if (busy !== undefined) await busy
    }
  }
  return {
    start(listener) {
      events = listener
      reader = readerOf(stream.readable)
      readAll(reader).catch(fail)
    },
    async write(chunks) {
      for (const chunk of joined(chunks)) await writer.write(chunk)
    },
    end: () => writer.close(),
    destroy(reason) {
      events = undefined
      handled(writer.abort(reason))
      if (reader !== undefined) reader.cancel(reason)
      else handled(stream.readable.cancel(reason))
    },
  }
}

/** Reads with our own buffers where the stream can (byte streams), plainly elsewhere. */
function readerOf(readable: ReadableStream<Uint8Array>): {
  read(): Promise<Uint8Array | undefined>
  cancel(reason?: unknown): void
} {
  const byob = byobReader(readable)
  if (byob === undefined) {
    const reader = readable.getReader()
    return {
      read: async () => (await reader.read()).value,
      cancel: (reason) => handled(reader.cancel(reason)),
    }
  }
  let spare = new ArrayBuffer(READ_SIZE)
  return {
    async read() {
      const { value, done } = await byob.read(new Uint8Array(spare))
      if (done || value === undefined) return undefined
      const isSmall = value.length < COPY_BELOW
      spare = isSmall ? value.buffer : new ArrayBuffer(READ_SIZE)
      return isSmall ? value.slice() : value
    },
    cancel: (reason) => handled(byob.cancel(reason)),
  }
}

function byobReader(readable: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return readable.getReader({ mode: 'byob' })
  } catch {
    return undefined
  }
}

/** WHATWG streams over a wire, which starts when either is first touched. */
export interface WireStream extends ByteStream {
  /** Resolves when both directions have ended; rejects with the error that ended them. */
  readonly closed: Promise<void>
  /** End writing behind all that was written, even while somebody holds a writer. */
  finish(): Promise<void>
  /** Discard what comes from now on, unless someone reads it. */
  discard(): void
  /** Destroy the wire; both streams and `closed` fail with the error. */
  destroy(error: TunnelError): void
}

/**
 * `readable` is a byte stream (BYOB readers work) where the runtime has them; it reads ahead one chunk. A chunk written to
 * `writable` belongs to the wire from then on. Cancelling `readable` or aborting `writable` destroys the wire.
 */
export function streamFromWire(wire: Wire): WireStream {
  const closing = deferred()
  const state = { ended: false, finished: false, writing: 0 }
  const destroy = (reason: unknown) => {
    const error = asReason(reason)
    closing.reject(error)
    wire.destroy(error)
    // A wire tells nothing to who destroys it, and the other direction may be waited on.
    sink?.error(error)
    source?.events.fail(error)
  }
  const settle = () => {
    if (state.ended && state.finished) closing.resolve()
  }
  let ending: Promise<void> | undefined
  const endOnce = async () => {
    await wire.end()
    state.finished = true
    settle()
  }
  const end = () => {
    ending ??= endOnce()
    return ending
  }
  let source: Source | undefined
  const begin = (): Source => {
    if (source !== undefined) return source
    source = new Source(destroy)
    const { events } = source
    wire.start({
      data: events.data,
      end: (cause) => {
        state.ended = true
        if (cause !== undefined) closing.reject(cause)
        settle()
        return events.end(cause)
      },
      fail: (error) => {
        closing.reject(error)
        sink?.error(error)
        events.fail(error)
      },
    })
    return source
  }
  let sink: WritableStreamDefaultController | undefined
  let writable: WritableStream<Uint8Array> | undefined
  const open = (): WritableStream<Uint8Array> => {
    begin()
    if (writable !== undefined) return writable
    writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        sink = controller
      },
      write: async (chunk) => {
        state.writing++
        try {
          await wire.write([asBytes(chunk)])
        } finally {
          state.writing--
        }
      },
      close: end,
      abort: destroy,
    })
    if (ending !== undefined) handled(writable.close())
    return writable
  }
  const finish = async (): Promise<void> => {
    // Nobody wrote: a stream only to close it would outlive this by far.
    if (writable === undefined) {
      begin()
      return end()
    }
    if (!writable.locked) return writable.close()
    // A stream tells nobody but the holder of its writer what waits in it; but it passes on what waits as soon as it can.
    do await new Promise<void>((resolve) => timerAfter(0, resolve))
    while (state.writing > 0)
    await end()
  }
  return new Streams(begin, open, closing.promise, finish, destroy)
}

/** A class for its getters: see the one in `socket.ts`. */
class Streams implements WireStream {
  readonly finish: () => Promise<void>
  readonly destroy: (error: TunnelError) => void
  readonly #begin: () => Source
  readonly #open: () => WritableStream<Uint8Array>
  readonly #closed: Promise<void>

  constructor(
    begin: () => Source,
    open: () => WritableStream<Uint8Array>,
    closed: Promise<void>,
    finish: () => Promise<void>,
    destroy: (error: TunnelError) => void,
  ) {
    this.finish = finish
    this.destroy = destroy
    this.#begin = begin
    this.#open = open
    this.#closed = closed
  }

  get readable(): ReadableStream<Uint8Array> {
    return this.#begin().readable
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#open()
  }

  get closed(): Promise<void> {
    this.#begin()
    return this.#closed
  }

  discard(): void {
    this.#begin().discard()
  }
}

/**
 * The readable side: what comes is held until it is asked for, and no more is taken from the wire meanwhile. The stream is
 * made when it is first asked for: in Node it takes kilobytes, which only a full garbage collection gives back.
 */
class Source {
  readonly events: WireEvents
  readonly #cancel: (reason: unknown) => void
  #readable: ReadableStream<Uint8Array> | undefined
  #isByteStream = false
  #controller: ReadableStreamDefaultController<Uint8Array> | ReadableByteStreamController | undefined
  #wanted = false
  #discarding = false
  #done = false
  #error: TunnelError | undefined
  #held: { readonly chunk: Uint8Array; readonly taken: Deferred } | undefined

  constructor(cancel: (reason: unknown) => void) {
    this.#cancel = cancel
    this.events = {
      data: (chunk) => this.#data(chunk),
      end: (cause) => (cause === undefined ? this.#end() : this.#fail(cause)),
      fail: (error) => this.#fail(error),
    }
  }

  get readable(): ReadableStream<Uint8Array> {
    if (this.#readable !== undefined) return this.#readable
    const source = {
      start: (controller: ReadableStreamDefaultController<Uint8Array> | ReadableByteStreamController) => {
        this.#controller = controller
      },
      pull: () => this.#pull(),
      cancel: (reason: unknown) => {
        this.#done = true
        this.#held?.taken.resolve()
        this.#cancel(reason)
      },
    }
    try {
      this.#readable = new ReadableStream({ ...source, type: 'bytes' }, { highWaterMark: 0 })
      this.#isByteStream = true
    } catch {
      // Runtimes without byte streams.
      this.#readable = new ReadableStream(source, { highWaterMark: 0 })
    }
    if (this.#done) this.#finish()
    return this.#readable
  }

  discard(): void {
    if (this.#readable?.locked) return
    this.#discarding = true
    this.#held?.taken.resolve()
    this.#held = undefined
  }

  #data(chunk: Uint8Array): MaybePromise<void> {
    if (this.#done || this.#discarding || chunk.length === 0) return
    if (this.#wanted) return this.#enqueue(chunk)
    const taken = deferred()
    this.#held = { chunk, taken }
    return taken.promise
  }

  #pull(): void {
    this.#wanted = true
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    this.#enqueue(held.chunk)
    held.taken.resolve()
  }

  #enqueue(chunk: Uint8Array): void {
    this.#wanted = false
    if (this.#isByteStream) enqueueBytes(this.#controller as ReadableByteStreamController, chunk)
    else (this.#controller as ReadableStreamDefaultController<Uint8Array>).enqueue(chunk)
  }

  /** An unclean end is an error of the stream: a reader must not take what it got for the whole. */
  #end(): void {
    if (this.#done) return
    this.#done = true
    this.#finish()
  }

  #fail(error: TunnelError): void {
    if (this.#done) return
    this.#done = true
    this.#error = error
    this.#held?.taken.resolve()
    this.#finish()
  }

  #finish(): void {
    const controller = this.#controller
    if (this.#error !== undefined) controller?.error(this.#error)
    else {
      controller?.close()
      if (this.#isByteStream) (controller as ReadableByteStreamController).byobRequest?.respond(0)
    }
  }
}

function enqueueBytes(controller: ReadableByteStreamController, chunk: Uint8Array): void {
  const request = controller.byobRequest
  let rest = chunk
  if (request?.view) {
    const { buffer, byteOffset, byteLength } = request.view
    const part = chunk.subarray(0, byteLength)
    new Uint8Array(buffer, byteOffset, byteLength).set(part)
    request.respond(part.length)
    rest = chunk.subarray(part.length)
  }
  // A byte stream takes the whole buffer away, and others may hold views of this one.
  if (rest.length > 0) controller.enqueue(isWhole(rest) ? rest : new Uint8Array(rest))
}

function isWhole(chunk: Uint8Array): chunk is Uint8Array<ArrayBuffer> {
  return chunk.buffer instanceof ArrayBuffer && chunk.byteLength === chunk.buffer.byteLength
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  throw new TypeError('a chunk must be a Uint8Array, another view or an ArrayBuffer')
}

function asReason(reason: unknown): TunnelError {
  return reason instanceof TunnelError ? reason : failure('ERR_ABORTED', undefined, { cause: reason })
}
