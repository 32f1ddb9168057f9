// A node:stream Duplex over a tunnel that passes for a net.Socket: what database drivers, HTTP agents and node:tls ask of
// one, and no more. Bytes go between the stream and the wire without another stream in between.
import { Duplex } from 'node:stream'
import { asTunnelError, failure, type TunnelError } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import type { Wire } from '../stream/byte-stream.js'
import { deferred } from '../stream/deferred.js'
import { type TunnelSocket, takeWire } from '../stream/index.js'

/** Bytes that may wait on each side of the stream. */
const HIGH_WATER_MARK = 64 * 1024

type Callback = (error?: Error | null) => void

export interface TunnelDuplexOptions {
  /** As net.Socket's: false (the default) ends our side when the peer ends its. */
  readonly allowHalfOpen?: boolean | undefined
  /** Bytes that may wait on each side; 64 KiB by default. */
  readonly highWaterMark?: number | undefined
  /** True when the tunnel is open already: no `connect` event is owed unless `connect()` is called. */
  readonly connected?: boolean | undefined
  /** Open at once instead of at the first use: for a tunnel that exists and has to be freed with the stream. */
  readonly eager?: boolean | undefined
}

/** Opens the tunnel when it is first needed. */
export type OpenTunnel = (signal: AbortSignal) => Promise<TunnelSocket<unknown>>

/** Emits `connect` and `ready` when the tunnel is open; errors are TunnelErrors with their `code`. */
export class TunnelDuplex extends Duplex {
  /** False until the tunnel was asked for and is open. */
  connecting: boolean
  bytesRead = 0
  bytesWritten = 0
  /** Milliseconds set by `setTimeout`, if any. */
  timeout: number | undefined
  readonly #open: OpenTunnel
  readonly #abort = new AbortController()
  #opening: Promise<void> | undefined
  #tunnel: TunnelSocket<unknown> | undefined
  #wire: Wire | undefined
  #referenced = true
  #resume: (() => void) | undefined
  /** What ended the tunnel, while bytes that came before it wait to be read. */
  #failure: TunnelError | undefined
  #timer: NodeJS.Timeout | undefined
  /** Bytes that had not left when the timer was last looked at. */
  #unsent = 0

  constructor(open: OpenTunnel, options: TunnelDuplexOptions = {}) {
    super({
      allowHalfOpen: options.allowHalfOpen ?? false,
      highWaterMark: options.highWaterMark ?? HIGH_WATER_MARK,
      // `_destroy` does, and says whether it was an error, as net.Socket's `close` does: postgres counts its retries by it.
      emitClose: false,
    })
    this.#open = open
    this.connecting = options.connected !== true
    // Whoever waits for the connection wants it opened.
    this.on('newListener', (event) => {
      if (this.connecting && (event === 'connect' || event === 'ready' || event === 'secureConnect'))
        this.#dial()
    })
    if (options.eager) this.#dial()
  }

  /** What the dialer found out about the tunnel, once it is open. */
  get info(): unknown {
    return this.#tunnel?.info
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.destroyed) return 'closed'
    if (this.connecting) return 'opening'
    if (this.readable) return this.writable ? 'open' : 'readOnly'
    return this.writable ? 'writeOnly' : 'closed'
  }

  get pending(): boolean {
    return this.#wire === undefined
  }

  get remoteAddress(): string | undefined {
    return this.#text('remoteAddress')
  }

  get remotePort(): number | undefined {
    return this.#number('remotePort')
  }

  get remoteFamily(): string | undefined {
    return this.#text('remoteFamily')
  }

  get localAddress(): string | undefined {
    return this.#text('localAddress')
  }

  get localPort(): number | undefined {
    return this.#number('localPort')
  }

  address(): { address?: string; family?: string; port?: number } {
    const { localAddress, localPort, remoteFamily } = this
    if (localAddress === undefined || localPort === undefined) return {}
    return { address: localAddress, port: localPort, family: remoteFamily ?? 'IPv4' }
  }

  /** Where to is the dialer's affair: the arguments are ignored, except for a listener. `connect` is emitted afterwards. */
  connect(...args: unknown[]): this {
    const listener = args.findLast((arg) => typeof arg === 'function')
    if (listener !== undefined) this.once('connect', listener as () => void)
    if (this.connecting) this.#dial()
    else process.nextTick(() => this.#announce())
    return this
  }

  /** Always so: the wire is dialed without Nagle's delay. */
  setNoDelay(): this {
    return this
  }

  /** The tunnel has its own keep-alive. */
  setKeepAlive(): this {
    return this
  }

  /** Emit `timeout` after so many milliseconds without traffic; 0 turns it off. */
  setTimeout(ms: number, listener?: () => void): this {
    if (this.destroyed) return this
    clearTimeout(this.#timer)
    this.timeout = ms
    // A timer takes a signed 32-bit count of milliseconds and fires at once beyond it.
    this.#timer = ms > 0 ? setTimeout(() => this.#quiet(), Math.min(ms, 2 ** 31 - 1)).unref() : undefined
    if (listener !== undefined) {
      if (ms > 0) this.once('timeout', listener)
      else this.off('timeout', listener)
    }
    return this
  }

  ref(): this {
    return this.#reference(true)
  }

  unref(): this {
    return this.#reference(false)
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  resetAndDestroy(): this {
    return this.destroy(failure('ERR_ABORTED'))
  }

  override _read(): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
    if (this.#wire === undefined) this.#dial()
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size)
    // The reader has taken the last of what came before the failure; `data` listeners still have to see it.
    if (this.#failure !== undefined && this.readableLength === 0)
      process.nextTick(() => this.destroy(this.#failure))
    return chunk
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#send([chunk], callback)
  }

  override _writev(chunks: Array<{ chunk: Buffer }>, callback: Callback): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      callback,
    )
  }

  override _final(callback: Callback): void {
    this.#send(undefined, callback)
  }

  override _destroy(error: Error | null, callback: Callback): void {
    clearTimeout(this.#timer)
    this.connecting = false
    this.#resume?.()
    const reason = error === null ? undefined : asTunnelError(error, 'ERR_ABORTED')
    // Once the tunnel is there nobody listens any more, and an error costs its stack trace.
    if (this.#tunnel === undefined) this.#abort.abort(reason ?? failure('ERR_ABORTED'))
    this.#wire?.destroy(reason)
    callback(error)
    process.nextTick(() => this.emit('close', error !== null))
  }

  /** As in net.Socket a long write is traffic, as long as some of it leaves from one look to the next. */
  #quiet(): void {
    const before = this.#unsent
    this.#unsent = this.#wire?.unsent?.() ?? 0
    if (this.#unsent === before) this.emit('timeout')
    else this.#timer?.refresh()
  }

  /** Write, or end without chunks. Call back when it is done, at once if that is at once. */
  #send(chunks: readonly Uint8Array[] | undefined, callback: Callback): void {
    const wire = this.#wire
    if (wire === undefined) {
      this.#dial().then(() => {
        if (this.#wire === undefined) callback(this.#failure ?? failure('ERR_STREAM_CLOSED'))
        else this.#send(chunks, callback)
      })
      return
    }
    if (chunks !== undefined) {
      for (const { length } of chunks) this.bytesWritten += length
      this.#timer?.refresh()
    }
    const pending = chunks === undefined ? wire.end() : wire.write(chunks)
    if (pending === undefined) callback()
    else pending.then(() => callback(), callback)
  }

  /** Never rejects: a failure destroys the stream. */
  #dial(): Promise<void> {
    this.#opening ??= this.#openWire()
    return this.#opening
  }

  async #openWire(): Promise<void> {
    try {
      const tunnel = await this.#open(this.#abort.signal)
      const wire = tunnel[takeWire]()
      if (this.destroyed) {
        wire.destroy()
        return
      }
      this.#tunnel = tunnel
      this.#wire = wire
    } catch (thrown) {
      this.#failure = asTunnelError(thrown, 'ERR_DIAL_FAILED')
      this.destroy(this.#failure)
      return
    }
    if (!this.#referenced) this.#wire.ref?.(false)
    // Before anything is read: a server may have spoken already, and `connect` comes before its data.
    if (this.connecting) {
      try {
        this.#announce()
      } catch (thrown) {
        toProcess(thrown)
      }
    }
    if (this.destroyed) return
    this.#wire.start({
      data: (chunk) => this.#receive(chunk),
      end: (cause) => {
        if (cause === undefined) this.push(null)
        else this.#fail(cause)
      },
      fail: (error) => this.#fail(error),
    })
  }

  #announce(): void {
    if (this.destroyed) return
    this.connecting = false
    this.emit('connect')
    this.emit('ready')
  }

  #receive(chunk: Uint8Array): MaybePromise<void> {
    this.bytesRead += chunk.length
    this.#timer?.refresh()
    try {
      if (this.push(chunk)) return
    } catch (thrown) {
      toProcess(thrown)
      return
    }
    const read = deferred()
    this.#resume = read.resolve
    return read.promise
  }

  /** Destroying a stream drops what it holds: let the reader have first what came before the failure. */
  #fail(error: TunnelError): void {
    this.#failure = error
    if (this.readableLength === 0 || error.code === 'ERR_ABORTED') this.destroy(error)
  }

  #reference(active: boolean): this {
    this.#referenced = active
    this.#wire?.ref?.(active)
    return this
  }

  #text(name: string): string | undefined {
    const value = this.#wire?.facts?.[name]
    return typeof value === 'string' ? value : undefined
  }

  #number(name: string): number | undefined {
    const value = this.#wire?.facts?.[name]
    return typeof value === 'number' ? value : undefined
  }
}

/** What a listener throws is for the process to hear, as with a net.Socket: no failure of the tunnel, nor of its reader. */
function toProcess(thrown: unknown): void {
  process.nextTick(() => {
    throw thrown
  })
}
