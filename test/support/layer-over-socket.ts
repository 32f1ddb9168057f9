// The smallest driver there is: one layer on one Node socket, so that a layer can be tried against a real peer without
// the stack that drives it in earnest.
import type { Socket } from 'node:net'
import { asTunnelError, type TunnelError } from '../../src/errors.js'
import type { Layer, Sink } from '../../src/layer.js'
import type { TraceEvent } from '../../src/trace.js'

export interface Driven<Info> {
  /** Resolves when the layer opens. */
  readonly opened: Promise<Info>
  /** Resolves with everything received once the peer has ended; rejects with what went wrong. */
  readonly ended: Promise<Buffer>
  readonly trace: readonly TraceEvent[]
  /** Bytes received so far. */
  received(): Buffer
  /** Resolves once `count` bytes have been received. */
  until(count: number): Promise<Buffer>
  send(data: Uint8Array | string): Promise<void>
  end(): Promise<void>
}

/** Drive `layer` over a connected socket. A failure destroys the socket once what the layer said last is written. */
export function layerOverSocket<Info>(layer: Layer<Info>, socket: Socket): Driven<Info> {
  const trace: TraceEvent[] = []
  const chunks: Buffer[] = []
  let length = 0
  let failed: TunnelError | undefined
  const waiters: { count: number; resolve: (data: Buffer) => void; reject: (error: unknown) => void }[] = []
  const opened = deferred<Info>()
  const ended = deferred<Buffer>()
  const sink: Sink<Info> = {
    down: (chunk) => void socket.write(chunk),
    up(chunk) {
      chunks.push(Buffer.from(chunk))
      length += chunk.length
      settle()
    },
    open: (info) => opened.resolve(info),
    finish: () => void socket.end(),
    eof(cause) {
      if (cause !== undefined) fail(cause)
      else ended.resolve(Buffer.concat(chunks))
    },
    trace: (event) => void trace.push(event),
  }

  let reading = Promise.resolve()
  let writing = run(() => layer.start(sink))
  socket.on('data', (chunk: Buffer) => {
    socket.pause()
    reading = reading
      .then(() => run(() => layer.receive(new Uint8Array(chunk), sink)))
      .then(() => void socket.resume())
  })
  socket.on('end', () => {
    reading = reading.then(() => run(() => layer.eof(undefined, sink)))
  })
  socket.on('error', (error) => fail(asTunnelError(error, 'ERR_STREAM_RESET')))

  async function run(step: () => void | Promise<void>): Promise<void> {
    if (failed !== undefined) return
    try {
      await step()
    } catch (error) {
      fail(asTunnelError(error))
    }
  }

  function fail(error: TunnelError): void {
    failed ??= error
    opened.reject(failed)
    ended.reject(failed)
    for (const { reject } of waiters.splice(0)) reject(failed)
    socket.destroySoon()
  }

  function settle(): void {
    for (const waiter of waiters.filter(({ count }) => count <= length)) {
      waiters.splice(waiters.indexOf(waiter), 1)
      waiter.resolve(Buffer.concat(chunks))
    }
  }

  return {
    opened: opened.promise,
    ended: ended.promise,
    trace,
    received: () => Buffer.concat(chunks),
    until: (count) =>
      new Promise((resolve, reject) => {
        if (failed !== undefined) reject(failed)
        waiters.push({ count, resolve, reject })
        settle()
      }),
    async send(data) {
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data)
      writing = writing.then(() => run(() => layer.send(bytes, sink)))
      await writing
      if (failed !== undefined) throw failed
      if (socket.writableNeedDrain) await new Promise((resolve) => socket.once('drain', resolve))
    },
    async end() {
      writing = writing.then(() => run(() => layer.end(sink)))
      await writing
    },
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}
