// The driver: owns a wire and a growing stack of layers, and moves bytes through them. Here live order, backpressure,
// half-close, failure and abort, so that no layer needs to know of them. It knows nothing of any protocol.
//
// Each floor has two lanes: up (`receive`, `eof`) and down (`start`, `send`, `end`, `ping`). As long as layers return no
// promise everything happens in the tick of the call that caused it. An entry from outside is a turn; what all layers put
// down in one turn leaves in one `wire.write`.
import { asTunnelError, failure, type TunnelError } from '../errors.js'
import type { Layer, MaybePromise, Sink } from '../layer.js'
import type { Trace, TraceEvent } from '../trace.js'
import type { Wire, WireEvents } from './byte-stream.js'
import { type Deferred, deferred, handled, rejected } from './deferred.js'
import { costOf, type Gauge, Lane, Turns } from './lane.js'
import { type StreamLimits, streamLimits } from './limits.js'
import { Outbox, SLICE, slices } from './outbox.js'
import { Outlet } from './outlet.js'
import { abortError } from './signal.js'
import { type Timer, timerAfter } from './timer.js'

export interface ConnectionOptions {
  readonly trace?: Trace | undefined
  /** Milliseconds, monotonic; `at` in traces is what it returns. */
  readonly clock: () => number
  readonly limits?: Partial<StreamLimits> | undefined
}

/** What rises: bytes, the end, or (to the application only) the failure, behind the bytes that came before it. */
type Rising = Uint8Array | { readonly cause: TunnelError | undefined } | { readonly error: TunnelError }
type Falling = Uint8Array | 'start' | 'end' | 'ping'

interface Floor {
  readonly layer: Layer<unknown>
  readonly label: string
  readonly up: Lane<Rising>
  readonly down: Lane<Falling>
  readonly opened: Deferred<unknown>
  isOpen: boolean
  /** Nothing more goes down from here. */
  finished: boolean
  /** Nothing more comes up from here. */
  ended: boolean
  /** The layer threw, or one below did: it is not heard any more. */
  dead: boolean
  /** Forget the abort signal of the push. */
  release(): void
}

export class Connection {
  /** Resolves after a clean end of both directions, when everything is freed; rejects with what ended it otherwise. */
  readonly closed: Promise<void>

  readonly #wire: Wire
  readonly #options: ConnectionOptions
  readonly #limits: StreamLimits
  readonly #closing = deferred()
  readonly #rising: Gauge = { bytes: 0 }
  readonly #falling: Gauge = { bytes: 0 }
  readonly #turns = new Turns(() => this.#finishTurn())
  readonly #outlet: Outlet
  readonly #outbox: Outbox
  readonly #floors: Floor[] = []
  /** To the application; held until it starts reading. */
  readonly #top: Lane<Rising>
  readonly #face: Wire

  #began = false
  #wireEnded = false
  #heard: number
  #resume: Deferred | undefined

  #application: WireEvents | undefined
  /** The application ended its side. */
  #ended = false
  /** The application has heard the end. */
  #delivered: { readonly cause: TunnelError | undefined } | undefined
  /** A layer ended the way down by itself: the peer will not read any more. */
  #broken: TunnelError | undefined

  #failure: { error: TunnelError; floor: number; surfaced: boolean } | undefined
  #cut: TunnelError | undefined
  #linger: Timer | undefined
  #over: { readonly error: TunnelError | undefined } | undefined

  constructor(wire: Wire, options: ConnectionOptions) {
    this.#wire = wire
    this.#options = options
    this.#limits = { ...streamLimits, ...options.limits }
    this.closed = this.#closing.promise
    this.#heard = options.clock()
    this.#outlet = new Outlet(wire, this.#turns, this.#falling, (thrown) =>
      this.#wireFailed(asTunnelError(thrown, 'ERR_STREAM_RESET')),
    )
    this.#outbox = new Outbox({
      gauge: this.#falling,
      limit: this.#limits.unsent,
      pass: (item) => this.#fall(this.#floors.length, item),
      outstanding: () => this.#floors.at(-1)?.down.outstanding ?? 0,
    })
    this.#top = new Lane<Rising>({
      turns: this.#turns,
      gauge: this.#rising,
      held: true,
      call: (item) => this.#deliver(item),
      failed: (thrown) => this.destroy(asTunnelError(thrown)),
    })
    this.#face = this.#makeFace()
  }

  /**
   * Start a layer on top of the stack. Resolves with its info when it opens; rejects with what ended the connection
   * before that, which then frees itself. An abort destroys the connection and rejects with ERR_ABORTED, or with the
   * signal's reason if that is one of our errors. Waits for the layer below to open.
   */
  push<Info>(layer: Layer<Info>, signal?: AbortSignal): Promise<Info> {
    if (this.#over !== undefined || this.#failure !== undefined || this.#cut !== undefined)
      return rejected(this.#reason())
    if (this.#application !== undefined || this.#ended)
      return rejected(failure('ERR_STREAM_CLOSED', 'a layer was pushed under a running application'))
    if (signal?.aborted) {
      this.destroy(abortError(signal))
      return rejected(this.#reason())
    }
    const below = this.#floors.at(-1)
    if (below !== undefined && !below.isOpen)
      return handled(below.opened.promise.then(() => this.push(layer, signal)))

    const floor = this.#makeFloor(layer as Layer<unknown>, signal)
    this.#turns.enter()
    this.#floors.push(floor)
    this.#trace(floor, { type: 'state', state: 'start' })
    floor.down.push('start')
    for (const item of this.#top.takeAll()) floor.up.push(item)
    this.#begin()
    this.#turns.leave()
    return floor.opened.promise as Promise<Info>
  }

  /** The top of the stack as a wire. The same one at every call; it can be started once. */
  wire(): Wire {
    return this.#face
  }

  /** Send a keep-alive on the topmost layer that has one; false when none has. */
  ping(): boolean {
    const floor = this.#floors.findLast((one) => one.layer.ping !== undefined && one.isOpen && !one.finished)
    if (floor === undefined || this.#over !== undefined) return false
    // A peer that does not read must not make pings pile up: what waits already keeps the path busy.
    if (this.#falling.bytes >= this.#limits.unsent) return true
    this.#turns.enter()
    floor.down.push('ping')
    this.#turns.leave()
    return true
  }

  /** Milliseconds since the peer was last heard; 0 while we do not listen because of backpressure. */
  get quiet(): number {
    return this.#resume === undefined ? this.#options.clock() - this.#heard : 0
  }

  /** Free everything at once. `error` (ERR_ABORTED by default) is what pending calls, the application and `closed` get. */
  destroy(error: TunnelError = failure('ERR_ABORTED')): void {
    if (this.#over !== undefined) return
    this.#top.close()
    this.#finalize(this.#failure?.error ?? this.#cut ?? error)
    this.#application?.fail(this.#reason())
  }

  // --- the wire's side ---

  #begin(): void {
    if (this.#began) return
    this.#began = true
    this.#wire.start({
      data: (chunk) => this.#receive(chunk),
      end: (cause) => {
        if (this.#wireEnded) return
        this.#wireEnded = true
        this.#turns.enter()
        this.#above(-1).push({ cause })
        this.#turns.leave()
      },
      fail: (error) => this.#wireFailed(error),
    })
  }

  #receive(chunk: Uint8Array): MaybePromise<void> {
    if (this.#over !== undefined || chunk.length === 0) return
    this.#heard = this.#options.clock()
    if (chunk.length > SLICE) return this.#receiveLarge(slices(chunk))
    this.#turns.enter()
    this.#above(-1).push(chunk)
    this.#turns.leave()
    return this.#congestion()
  }

  /** Piece by piece, so that one huge message of a WebSocket cannot jump over the bounds. */
  #receiveLarge(pieces: Generator<Uint8Array>): MaybePromise<void> {
    for (const piece of pieces) {
      const congestion = this.#receive(piece)
      if (congestion !== undefined) return congestion.then(() => this.#receiveLarge(pieces))
    }
  }

  /** Undefined, or the promise that reading waits for: too much waits above, or our answers do not leave. */
  #congestion(): Promise<void> | undefined {
    if (!this.#congested()) return undefined
    this.#resume ??= deferred()
    return this.#resume.promise
  }

  #congested(): boolean {
    if (this.#over !== undefined) return false
    return this.#rising.bytes >= this.#limits.held / 4 || this.#falling.bytes >= this.#limits.unsent * 4
  }

  /** The transport is gone. What it delivered before is still processed: it may say why. */
  #wireFailed(error: TunnelError): void {
    if (this.#over !== undefined || this.#cut !== undefined) return
    this.#cut = error
    this.#turns.enter()
    this.#outlet.close()
    this.#outbox.close(error)
    this.#startLinger()
    this.#turns.leave()
  }

  // --- floors ---

  /** The lane above a floor; -1 is the wire. */
  #above(index: number): Lane<Rising> {
    return this.#floors[index + 1]?.up ?? this.#top
  }

  /** Hand something to what lies below a floor: the layer below, or the wire. */
  #fall(index: number, item: Uint8Array | 'end'): void {
    const below = this.#floors[index - 1]
    if (below !== undefined) below.down.push(item)
    else if (item === 'end') this.#outlet.finish()
    else this.#outlet.put(item)
  }

  #makeFloor(layer: Layer<unknown>, signal: AbortSignal | undefined): Floor {
    const index = this.#floors.length
    const failed = (thrown: unknown) => this.#layerFailed(index, thrown)
    const onAbort = () => this.destroy(abortError(signal))
    signal?.addEventListener('abort', onAbort)
    const sink = this.#makeSink(index)
    const floor: Floor = {
      layer,
      label: `${index}:${layer.name}`,
      opened: deferred(),
      up: new Lane<Rising>({
        turns: this.#turns,
        gauge: this.#rising,
        failed,
        call: (item) => {
          if (item instanceof Uint8Array) return layer.receive(item, sink)
          return layer.eof('cause' in item ? item.cause : item.error, sink)
        },
      }),
      down: new Lane<Falling>({
        turns: this.#turns,
        gauge: this.#falling,
        failed,
        call: (item) => {
          if (item === 'start') return layer.start(sink)
          if (floor.finished) return
          if (item === 'end') return layer.end(sink)
          if (item === 'ping') return layer.ping?.(sink)
          return layer.send(item, sink)
        },
      }),
      isOpen: false,
      finished: false,
      ended: false,
      dead: false,
      release: () => signal?.removeEventListener('abort', onAbort),
    }
    return floor
  }

  #makeSink(index: number): Sink<unknown> {
    const floors = this.#floors
    return {
      down: (chunk) => {
        const floor = floors[index]!
        if (chunk.length > 0 && !floor.dead && !floor.finished) this.#fall(index, chunk)
      },
      up: (chunk) => {
        const floor = floors[index]!
        if (chunk.length === 0 || floor.dead || floor.ended) return
        this.#turns.enter()
        this.#above(index).push(chunk)
        if (this.#rising.bytes > this.#limits.held) this.#overflow(index)
        this.#turns.leave()
      },
      open: (info) => {
        const floor = floors[index]!
        if (floor.isOpen || floor.dead) return
        floor.isOpen = true
        floor.release()
        this.#trace(floor, { type: 'state', state: 'open' })
        floor.opened.resolve(info)
      },
      finish: () => {
        const floor = floors[index]!
        if (floor.finished || floor.dead) return
        this.#turns.enter()
        floor.finished = true
        this.#trace(floor, { type: 'state', state: floor.ended ? 'closed' : 'half-closed' })
        this.#breakDown()
        this.#fall(index, 'end')
        this.#turns.leave()
      },
      eof: (cause) => {
        const floor = floors[index]!
        if (floor.ended || floor.dead) return
        this.#turns.enter()
        floor.ended = true
        this.#trace(floor, { type: 'state', state: floor.finished ? 'closed' : 'eof' })
        this.#above(index).push({ cause })
        this.#turns.leave()
      },
      trace: (event) => this.#trace(floors[index]!, event),
    }
  }

  #overflow(index: number): void {
    this.#layerFailed(index, failure('ERR_STREAM_LIMIT', `more than ${this.#limits.held} bytes wait above`))
  }

  /** A layer will send nothing more although the application has not ended: writing is over. */
  #breakDown(): void {
    if (this.#ended || this.#broken !== undefined) return
    this.#broken = failure('ERR_STREAM_RESET', 'the peer closed the connection and reads no more')
    this.#outbox.close(this.#broken)
  }

  /**
   * A layer threw. What it put down before goes out, the layers below end gracefully within `limits.linger`, those above
   * are dropped; the error surfaces when the wire has taken the last word.
   */
  #layerFailed(index: number, thrown: unknown): void {
    if (this.#over !== undefined) return
    const error = asTunnelError(thrown)
    const floor = this.#floors[index]!
    this.#trace(floor, { type: 'state', state: 'error', code: error.code })
    for (const one of this.#floors.slice(index)) {
      one.dead = true
      one.up.close()
      one.down.close()
    }
    if (this.#cut !== undefined) return this.#finalize(error)
    if (this.#failure === undefined) this.#failure = { error, floor: index, surfaced: false }
    else if (index >= this.#failure.floor) return
    else this.#failure.floor = index
    this.#turns.enter()
    this.#outbox.close(error)
    this.#fall(index, 'end')
    this.#startLinger()
    this.#turns.leave()
  }

  // --- the application's side ---

  #makeFace(): Wire {
    const wire = this.#wire
    return {
      start: (events) => {
        if (this.#application !== undefined) throw failure('ERR_STREAM_CLOSED', 'the stream is taken already')
        this.#application = events
        this.#turns.enter()
        this.#top.release()
        if (this.#over === undefined) this.#begin()
        this.#turns.leave()
      },
      write: (chunks) => this.#write(chunks),
      end: () => {
        if (this.#ended || this.#broken !== undefined || this.#over !== undefined) return
        if (this.#failure !== undefined || this.#cut !== undefined) return
        this.#ended = true
        return this.#write('end')
      },
      destroy: (reason) => {
        this.#top.close()
        this.#application = undefined
        // Both sides have said all, or the failure's last words are on their way: that ends by itself, within the linger.
        if (this.#failure !== undefined || (this.#delivered !== undefined && this.#isDownDone())) return
        this.destroy(reason)
      },
      ref: (active) => wire.ref?.(active),
      ...(wire.facts === undefined ? {} : { facts: wire.facts }),
    }
  }

  #write(chunks: readonly Uint8Array[] | 'end'): MaybePromise<void> {
    if (this.#over !== undefined || this.#failure !== undefined || this.#cut !== undefined)
      return rejected(this.#reason())
    if (this.#ended && chunks !== 'end') return rejected(failure('ERR_STREAM_CLOSED', 'written after the end'))
    if (this.#broken !== undefined) return rejected(this.#broken)
    this.#turns.enter()
    this.#outbox.add(chunks)
    this.#turns.leave()
    // What was added may have failed the connection meanwhile.
    if (this.#failure !== undefined || this.#cut !== undefined || this.#over?.error !== undefined)
      return rejected(this.#reason())
    return this.#outbox.drained()
  }

  #deliver(item: Rising): MaybePromise<void> {
    const application = this.#application!
    if (item instanceof Uint8Array) return application.data(item)
    if ('error' in item) return application.fail(item.error)
    if (this.#delivered !== undefined) return
    this.#delivered = item
    return application.end(item.cause)
  }

  /** Why nothing works any more. */
  #reason(): TunnelError {
    return (
      this.#over?.error ??
      this.#failure?.error ??
      this.#cut ??
      failure('ERR_STREAM_CLOSED', 'the connection is closed')
    )
  }

  // --- turns and the end ---

  #finishTurn(): void {
    do {
      this.#outbox.pump()
      this.#outlet.flush()
      this.#settle()
    } while (this.#over === undefined && (this.#outbox.ready || this.#outlet.ready))
  }

  #settle(): void {
    this.#outbox.settle()
    if (this.#resume !== undefined && !this.#congested()) {
      this.#heard = this.#options.clock()
      this.#resume.resolve()
      this.#resume = undefined
    }
    if (this.#over !== undefined) return
    if (this.#cut !== undefined) {
      if (this.#floors.every((floor) => floor.up.outstanding === 0)) this.#finalize(this.#cut)
    } else if (this.#failure !== undefined) this.#settleFailure(this.#failure)
    else if (this.#delivered !== undefined && this.#isDownDone()) {
      this.#startLinger()
      if (this.#outlet.finished) this.#finalize(this.#delivered.cause)
    }
  }

  #settleFailure(failed: { readonly error: TunnelError; readonly floor: number; surfaced: boolean }): void {
    const below = this.#floors.slice(0, failed.floor)
    if (!failed.surfaced && this.#outlet.idle && below.every((floor) => floor.down.outstanding === 0)) {
      failed.surfaced = true
      this.#surface(failed.error)
    }
    if (this.#outlet.finished && this.#wireEnded) this.#finalize(failed.error)
  }

  /** Nothing the application could still send remains to be sent by the topmost layer. */
  #isDownDone(): boolean {
    if (this.#broken !== undefined) return true
    const top = this.#floors.at(-1)
    return top === undefined ? this.#outlet.finished : top.finished
  }

  #surface(error: TunnelError): void {
    for (const floor of this.#floors) {
      floor.release()
      if (!floor.isOpen) floor.opened.reject(error)
    }
    this.#outbox.close(error)
    this.#top.push({ error })
  }

  #startLinger(): void {
    this.#linger ??= timerAfter(this.#limits.linger, () => {
      this.#finalize(this.#cut ?? this.#failure?.error ?? this.#delivered?.cause)
    })
  }

  #finalize(error: TunnelError | undefined): void {
    if (this.#over !== undefined) return
    this.#over = { error }
    this.#linger?.cancel()
    this.#turns.enter()
    for (const floor of this.#floors) {
      floor.release()
      floor.dead = true
      floor.up.close()
      floor.down.close()
    }
    this.#outlet.close()
    this.#wire.destroy(error)
    if (error === undefined || this.#delivered !== undefined) this.#outbox.close(error)
    else this.#surface(error)
    this.#turns.leave()
    if (error === undefined) this.#closing.resolve()
    else this.#closing.reject(error)
  }

  #trace(floor: Floor, event: TraceEvent): void {
    this.#options.trace?.({ at: this.#options.clock(), layer: floor.label, event })
  }
}
