// The driver: owns a wire and a growing stack of layers, and moves bytes through them. Here live order, backpressure,
// half-close, failure and abort, so that no layer needs to know of them. It knows nothing of any protocol.
//
// Each floor has two lanes: up (`receive`, `eof`) and down (`start`, `send`, `end`, `ping`). As long as layers return no
// promise everything happens in the tick of the call that caused it. An entry from outside is a turn; what all layers put
// down in one turn leaves in one `wire.write`.
import { asTunnelError, failure, type TunnelError } from '../errors.js'
import type { Layer, MaybePromise } from '../layer.js'
import type { Trace, TraceEvent } from '../trace.js'
import type { Wire, WireEvents } from './byte-stream.js'
import { deferred, handled, rejected } from './deferred.js'
import { type Falling, Floor, type House, type Rising } from './floor.js'
import { Intake } from './intake.js'
import { type Gauge, Lane, Turns } from './lane.js'
import { type StreamLimits, streamLimits } from './limits.js'
import { linger } from './linger.js'
import { Outbox } from './outbox.js'
import { Outlet } from './outlet.js'
import { abortError } from './signal.js'
import { Spoken } from './spoken.js'
import type { Timer } from './timer.js'

export interface ConnectionOptions {
  readonly trace?: Trace | undefined
  /** Milliseconds, monotonic; `at` in traces is what it returns. */
  readonly clock: () => number
  readonly limits?: Partial<StreamLimits> | undefined
}

/** What a watcher throws is its own affair: it must not look like the fault of a layer. */
function watch(options: ConnectionOptions, layer: string, event: TraceEvent): void {
  try {
    options.trace?.({ at: options.clock(), layer, event })
  } catch {}
}

export class Connection {
  /** Resolves after a clean end of both directions, when everything is freed; rejects with what ended it otherwise. */
  readonly closed: Promise<void>

  readonly #wire: Wire
  readonly #limits: StreamLimits
  readonly #closing = deferred()
  readonly #rising: Gauge = { bytes: 0 }
  readonly #falling: Gauge = { bytes: 0 }
  readonly #turns = new Turns(() => this.#finishTurn())
  readonly #intake: Intake
  readonly #outlet: Outlet
  readonly #outbox: Outbox
  readonly #spoken: Spoken
  readonly #house: House
  readonly #floors: Floor[] = []
  /** To the application; held until it starts reading. */
  readonly #top: Lane<Rising>
  readonly #face: Wire

  #began = false
  #wireEnded = false

  #started = false
  #application: WireEvents | undefined
  /** The application ended its side. */
  #ended = false
  /** The application has heard the end. */
  #delivered: { readonly cause: TunnelError | undefined } | undefined
  /** A layer ended the way down by itself: the peer will not read any more. */
  #broken: TunnelError | undefined

  /** A layer threw; those below are ending. */
  #failure: { readonly error: TunnelError; floor: number; surfaced: boolean } | undefined
  /** The wire failed; what it brought before is still being processed. */
  #cut: TunnelError | undefined
  #linger: Timer | undefined
  #over: { readonly error: TunnelError | undefined } | undefined

  constructor(wire: Wire, options: ConnectionOptions) {
    this.#wire = wire
    this.#limits = { ...streamLimits, ...options.limits }
    this.closed = this.#closing.promise
    this.#intake = new Intake({
      clock: options.clock,
      rise: (chunk) => this.#rise(-1, chunk),
      isCongested: () => this.#isCongested(),
    })
    this.#outlet = new Outlet(wire, this.#turns, this.#falling, (thrown) =>
      this.#wireFailed(asTunnelError(thrown, 'ERR_STREAM_RESET')),
    )
    this.#outbox = new Outbox({
      gauge: this.#falling,
      limit: this.#limits.unsent,
      pass: (item) => this.#fall(this.#floors.length, item),
      outstanding: () => this.#floors.at(-1)?.down.outstanding ?? 0,
    })
    this.#spoken = new Spoken(wire, this.#falling, this.#outbox, this.#outlet, this.#floors)
    this.#top = new Lane<Rising>({
      turns: this.#turns,
      gauge: this.#rising,
      held: true,
      call: (item) => this.#deliver(item),
      failed: (thrown) => this.destroy(asTunnelError(thrown)),
    })
    this.#house = {
      turns: this.#turns,
      rising: this.#rising,
      falling: this.#falling,
      rise: (index, item) => this.#rise(index, item),
      fall: (index, item) => this.#fall(index, item),
      failed: (index, thrown) => this.#layerFailed(index, thrown),
      broke: () => this.#breakDown(),
      trace: options.trace && ((layer, event) => watch(options, layer, event)),
    }
    this.#face = this.#makeFace()
  }

  /**
   * Start a layer on top of the stack; waits for the one below to open. Resolves with its info when it opens. Rejects
   * with what ended the connection before that, which then frees itself within `limits.linger`. An abort destroys the
   * connection and rejects with ERR_ABORTED, or with the signal's reason if that is one of our errors.
   */
  push<Info>(layer: Layer<Info>, signal?: AbortSignal): Promise<Info> {
    const fault = this.#fault()
    if (fault !== undefined) return rejected(fault)
    if (this.#started || this.#ended)
      return rejected(failure('ERR_STREAM_CLOSED', 'a layer was pushed under a running application'))
    if (signal?.aborted) {
      this.destroy(abortError(signal))
      return rejected(this.#fault())
    }
    const below = this.#floors.at(-1)
    if (below !== undefined && !below.isOpen)
      return handled(below.opened.promise.then(() => this.push(layer, signal)))

    const onAbort = () => this.destroy(abortError(signal))
    const release = () => signal?.removeEventListener('abort', onAbort)
    signal?.addEventListener('abort', onAbort)
    const floor = new Floor(layer as Layer<unknown>, this.#floors.length, this.#house, release)
    this.#turns.enter()
    this.#floors.push(floor)
    floor.start()
    for (const item of this.#top.takeAll()) floor.up.push(item)
    this.#begin()
    this.#turns.leave()
    return floor.opened.promise as Promise<Info>
  }

  /** The top of the stack as a wire. The same one at every call; it can be started once. */
  wire(): Wire {
    return this.#face
  }

  /** Some layer has pings: who can send them hears the peer's too. */
  get hasPing(): boolean {
    return this.#floors.some((one) => one.layer.ping !== undefined)
  }

  /** Send a keep-alive on the topmost layer that has one; false when none has. */
  ping(): boolean {
    const floor = this.#floors.findLast((one) => one.layer.ping !== undefined && one.isOpen)
    if (floor === undefined || floor.isFinished || this.#fault() !== undefined) return false
    // A peer that does not read must not make pings pile up: what waits already keeps the path busy.
    if (this.#falling.bytes >= this.#limits.unsent) return true
    this.#turns.enter()
    floor.down.push('ping')
    this.#turns.leave()
    return true
  }

  /** Milliseconds since the peer was last heard; 0 while backpressure keeps us from listening. */
  get quiet(): number {
    return this.#intake.quiet
  }

  /** Free everything at once. `error` (ERR_ABORTED by default) is what pending calls, the application and `closed` get. */
  destroy(error?: TunnelError): void {
    if (this.#over !== undefined) return
    const both = this.#delivered !== undefined && this.#isDownDone() && !this.#spoken.isUntaken
    if (error === undefined && both) {
      this.#finalize(this.#partingError())
      return
    }
    if (this.#started) this.#top.close()
    else this.#top.takeAll()
    const reason = this.#fault() ?? error ?? failure('ERR_ABORTED')
    this.#finalize(reason)
    if (this.#started) this.#tell(reason)
  }

  // The wire's side.

  #begin(): void {
    if (this.#began) return
    this.#began = true
    this.#wire.start({
      data: (chunk) => (this.#over === undefined ? this.#intake.receive(chunk) : undefined),
      end: (cause) => {
        if (this.#wireEnded) return
        this.#wireEnded = true
        this.#rise(-1, { cause })
      },
      fail: (error) => this.#wireFailed(error),
    })
  }

  /** Reading waits: too much is held above, or our answers to the peer do not leave. */
  #isCongested(): boolean {
    if (this.#over !== undefined) return false
    return this.#rising.bytes >= this.#limits.held / 4 || this.#falling.bytes >= this.#limits.unsent * 4
  }

  /** The transport is gone. What it delivered before is still processed: an alert in it says more than the reset. */
  #wireFailed(error: TunnelError): void {
    if (this.#over !== undefined || this.#cut !== undefined) return
    this.#turns.enter()
    if (this.#failure !== undefined) this.#finalize(this.#failure.error)
    else if (this.#ended && this.#delivered !== undefined && !this.#spoken.isUnheard) {
      // The peer ended cleanly and left: only our goodbye was not heard.
      this.#finalize(this.#partingError())
    } else {
      this.#cut = error
      this.#outlet.close()
      this.#outbox.close(error)
      this.#startLinger()
    }
    this.#turns.leave()
  }

  // Between the floors.

  #rise(index: number, item: Rising): void {
    this.#turns.enter()
    const above = this.#floors[index + 1]?.up ?? this.#top
    above.push(item)
    if (this.#rising.bytes > this.#limits.held) this.#overflow(index)
    this.#turns.leave()
  }

  #fall(index: number, item: Falling): void {
    // Asked first: looking at -1 in an array takes twenty times as long.
    if (index > 0) this.#floors[index - 1]!.down.push(item)
    else if (item === 'end') this.#outlet.finish()
    else this.#outlet.put(item)
  }

  #overflow(index: number): void {
    const error = failure('ERR_STREAM_LIMIT', `more than ${this.#limits.held} bytes wait above`)
    if (index >= 0) this.#layerFailed(index, error)
    else this.destroy(error)
  }

  /** A layer sends nothing more although nobody above has ended: writing is over. */
  #breakDown(): void {
    if (this.#broken !== undefined) return
    this.#broken = failure('ERR_STREAM_RESET', 'the peer closed the connection and reads no more')
    this.#spoken.drop(this.#broken)
    this.#outbox.close(this.#broken)
  }

  /**
   * A layer threw. What it put down before goes out, the layers below end gracefully within `limits.linger`, those above
   * are dropped; the error surfaces when the wire has taken the last word.
   */
  #layerFailed(index: number, thrown: unknown): void {
    if (this.#over !== undefined) return
    const error = asTunnelError(thrown)
    this.#floors[index]!.trace({ type: 'state', state: 'error', code: error.code })
    for (const floor of this.#floors.slice(index)) floor.close()
    if (this.#failure === undefined) this.#failure = { error, floor: index, surfaced: false }
    else this.#failure.floor = Math.min(index, this.#failure.floor)
    this.#turns.enter()
    this.#outbox.close(error)
    this.#fall(index, 'end')
    if (this.#cut === undefined) this.#startLinger()
    else this.#finalize(error)
    this.#turns.leave()
  }

  // The application's side.

  #makeFace(): Wire {
    const wire = this.#wire
    return {
      start: (events) => {
        if (this.#started) throw failure('ERR_STREAM_CLOSED', 'the stream is taken already')
        this.#started = true
        this.#application = events
        this.#turns.enter()
        this.#top.release()
        if (this.#over === undefined) this.#begin()
        this.#turns.leave()
      },
      write: (chunks) => {
        if (this.#ended)
          return rejected(this.#fault() ?? failure('ERR_STREAM_CLOSED', 'written after the end'))
        return this.#send(chunks)
      },
      end: () => {
        if (this.#ended || this.#broken !== undefined || this.#fault() !== undefined) return
        this.#ended = true
        return this.#send('end')
      },
      destroy: (reason) => {
        this.#started = true
        this.#application = undefined
        this.#top.close()
        // All is said on both sides, or the last words of a failure are on their way: that ends by itself, within the linger.
        if (this.#failure !== undefined || (this.#delivered !== undefined && this.#isDownDone())) return
        this.destroy(reason)
      },
      unsent: () => this.#spoken.unsent,
      ref: (active) => wire.ref?.(active),
      ...(wire.facts === undefined ? {} : { facts: wire.facts }),
    }
  }

  #send(chunks: readonly Uint8Array[] | 'end'): MaybePromise<void> {
    const before = this.#fault() ?? this.#broken
    if (before !== undefined) return rejected(before)
    if (chunks !== 'end') this.#spoken.add(this.#delivered !== undefined)
    this.#turns.enter()
    this.#outbox.add(chunks)
    // Not at the end of the turn: who answers what just came would have to wait for a promise.
    this.#outbox.pump()
    this.#turns.leave()
    // What was added may have failed the connection, or have ended it well.
    const after = this.#over === undefined ? (this.#fault() ?? this.#broken) : this.#over.error
    // An end is one when the wire has taken what was written.
    return after === undefined ? this.#outbox.drained(chunks === 'end' ? 1 : undefined) : rejected(after)
  }

  #deliver(item: Rising): MaybePromise<void> {
    if (item instanceof Uint8Array) return this.#application?.data(item)
    if ('error' in item) return this.#tell(item.error)
    if (this.#delivered !== undefined) return
    this.#delivered = item
    this.#spoken.answered()
    return this.#application?.end(item.cause)
  }

  #tell(error: TunnelError): void {
    const application = this.#application
    this.#application = undefined
    application?.fail(error)
  }

  /** Why nothing works any more, if so. */
  #fault(): TunnelError | undefined {
    if (this.#over === undefined) return this.#failure?.error ?? this.#cut
    return this.#over.error ?? failure('ERR_STREAM_CLOSED', 'the connection is closed')
  }

  // Turns and the end.

  #finishTurn(): void {
    do {
      this.#outbox.pump()
      this.#spoken.follow()
      this.#outlet.flush()
      this.#settle()
    } while (this.#over === undefined && (this.#outbox.ready || this.#outlet.ready))
  }

  #settle(): void {
    this.#outbox.settle()
    this.#intake.settle()
    if (this.#over !== undefined) return
    if (this.#cut !== undefined) {
      if (this.#floors.every((floor) => floor.up.outstanding === 0)) this.#finalize(this.#cut)
    } else if (this.#failure !== undefined) this.#settleFailure(this.#failure)
    else if (this.#delivered !== undefined && this.#isDownDone()) {
      this.#startLinger()
      if (this.#outlet.finished) this.#finalize(this.#partingError())
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

  /** The way down has carried all that the application can still say. */
  #isDownDone(): boolean {
    return this.#broken !== undefined || (this.#floors.at(-1)?.isFinished ?? this.#outlet.finished)
  }

  /** What tells an end on both sides from a clean one, if anything does. */
  #partingError(): TunnelError | undefined {
    return this.#delivered?.cause ?? this.#spoken.dropped
  }

  #surface(error: TunnelError): void {
    for (const floor of this.#floors) {
      floor.release()
      floor.opened.reject(error)
    }
    this.#outbox.close(error)
    this.#top.push({ error })
  }

  #startLinger(): void {
    this.#linger ??= linger(
      this.#limits.linger,
      this.#spoken,
      () => this.#cut ?? this.#failure?.error ?? this.#partingError(),
      (error) => this.#finalize(error),
    )
  }

  #finalize(error: TunnelError | undefined): void {
    if (this.#over !== undefined) return
    this.#turns.enter()
    this.#over = { error }
    this.#linger?.cancel()
    for (const floor of this.#floors) floor.close()
    this.#outlet.close()
    this.#wire.destroy(error)
    // A cause that came with the end was heard then.
    if (error === undefined || error === this.#delivered?.cause) this.#outbox.close(error)
    else this.#surface(error)
    this.#turns.leave()
    if (error === undefined) this.#closing.resolve()
    else this.#closing.reject(error)
  }
}
