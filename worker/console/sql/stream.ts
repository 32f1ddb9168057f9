// A tunnel as the stream that the PostgreSQL client expects of Node: events and `write`, over WHATWG streams. It is handed
// an open tunnel, so connecting is a formality; writes go out in order, and an end or an error is told once.
import { Buffer } from 'buffer'
import { EventEmitter } from 'events'

export interface Bytes {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
}

export class TunnelStream extends EventEmitter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #over = false
  #waiting: (() => void) | undefined
  #paused = false

  constructor(bytes: Bytes) {
    super()
    this.#writer = bytes.writable.getWriter()
    this.#reader = bytes.readable.getReader()
    // Whoever writes is told; nobody else looks at this one.
    this.#writer.closed.catch(() => {})
  }

  get writable(): boolean {
    return !this.#over
  }

  connect(): this {
    queueMicrotask(() => {
      this.emit('connect')
      void this.#read()
    })
    return this
  }

  write(data: Uint8Array | string, ...rest: unknown[]): boolean {
    const done = rest.find((each) => typeof each === 'function') as ((error?: unknown) => void) | undefined
    // A copy: the client writes its next message into the same buffer, and the tunnel owns what it is given.
    const bytes = typeof data === 'string' ? Buffer.from(data) : new Uint8Array(data)
    this.#writer.write(bytes as Uint8Array<ArrayBuffer>).then(
      () => done?.(),
      (error) => {
        done?.(error)
        this.#fail(error)
      },
    )
    return (this.#writer.desiredSize ?? 0) > 0
  }

  end(data?: Uint8Array | string, done?: () => void): this {
    if (data !== undefined) this.write(data)
    this.#writer.close().then(
      () => done?.(),
      (error) => this.#fail(error),
    )
    return this
  }

  destroy(error?: unknown): this {
    if (this.#over) return this
    this.#over = true
    this.#waiting?.()
    this.#reader.cancel(error).catch(() => {})
    this.#writer.abort(error).catch(() => {})
    queueMicrotask(() => this.emit('close'))
    return this
  }

  pause(): this {
    this.#paused = true
    return this
  }

  resume(): this {
    this.#paused = false
    this.#waiting?.()
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  cork(): void {}

  uncork(): void {}

  async #read(): Promise<void> {
    try {
      while (!this.#over) {
        const { value, done } = await this.#reader.read()
        if (done) break
        await this.#resumed()
        if (!this.#over) this.emit('data', Buffer.from(value.buffer, value.byteOffset, value.byteLength))
      }
      if (this.#over) return
      // The other side is done: ours ends in order, where `destroy` would cut.
      this.#over = true
      this.#writer.close().catch(() => {})
      this.emit('end')
      queueMicrotask(() => this.emit('close'))
    } catch (error) {
      this.#fail(error)
    }
  }

  async #resumed(): Promise<void> {
    while (this.#paused && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.emit('error', error)
    this.destroy(error)
  }
}
