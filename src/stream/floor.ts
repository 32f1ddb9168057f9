// One floor of the stack: a layer, its two lanes, and the sink it speaks into. What it says is passed to the house, which
// knows the neighbours. A floor that failed, or whose house is gone, is not heard any more.
import { failure, type TunnelError } from '../errors.js'
import type { Layer, MaybePromise, Sink } from '../layer.js'
import type { TraceEvent } from '../trace.js'
import { type Deferred, deferred } from './deferred.js'
import { type Gauge, Lane, type Turns } from './lane.js'

/** What rises: bytes, the end, or (to the application only) the failure, behind the bytes that came before it. */
export type Rising =
  | Uint8Array
  | { readonly cause: TunnelError | undefined }
  | { readonly error: TunnelError }
/** What falls from floor to floor, and in the end to the wire. */
export type Falling = Uint8Array | 'end'

/** What a floor needs of the connection it stands in. */
export interface House {
  readonly turns: Turns
  readonly rising: Gauge
  readonly falling: Gauge
  /** Pass to what lies above floor `index`. */
  rise(index: number, item: Rising): void
  /** Pass to what lies below floor `index`. */
  fall(index: number, item: Falling): void
  /** A layer threw. */
  failed(index: number, thrown: unknown): void
  /** A layer finished although nothing above had ended. */
  broke(): void
  /** Absent: nobody watches. */
  readonly trace: ((label: string, event: TraceEvent) => void) | undefined
}

export class Floor {
  readonly layer: Layer<unknown>
  readonly up: Lane<Rising>
  readonly down: Lane<Falling | 'start' | 'ping'>
  readonly opened: Deferred<unknown> = deferred<unknown>()
  /** Forget the abort signal of the push. */
  readonly release: () => void
  readonly #house: House
  readonly #index: number
  #open = false
  #dead = false
  #asked = false
  #finished = false
  #ended = false

  constructor(layer: Layer<unknown>, index: number, house: House, release: () => void) {
    this.layer = layer
    this.release = release
    this.#house = house
    this.#index = index
    const { turns, rising, falling } = house
    const failed = (thrown: unknown) => house.failed(index, thrown)
    const sink = this.#sink()
    this.up = new Lane({ turns, gauge: rising, failed, call: (item) => this.#receive(item, sink) })
    this.down = new Lane({ turns, gauge: falling, failed, call: (item) => this.#send(item, sink) })
  }

  get isOpen(): boolean {
    return this.#open
  }

  /** Nothing more goes down from here. */
  get isFinished(): boolean {
    return this.#finished
  }

  start(): void {
    this.state('start')
    this.down.push('start')
  }

  close(): void {
    this.#dead = true
    this.up.close()
    this.down.close()
  }

  state(state: 'start' | 'open' | 'half-closed' | 'eof' | 'closed'): void {
    this.trace({ type: 'state', state })
  }

  trace(event: TraceEvent): void {
    this.#house.trace?.(`${this.#index}:${this.layer.name}`, event)
  }

  #receive(item: Rising, sink: Sink<unknown>): MaybePromise<void> {
    if (item instanceof Uint8Array) return this.layer.receive(item, sink)
    return this.layer.eof('cause' in item ? item.cause : item.error, sink)
  }

  #send(item: Falling | 'start' | 'ping', sink: Sink<unknown>): MaybePromise<void> {
    if (item === 'start') return this.layer.start(sink)
    if (this.#finished) return
    if (item === 'ping') return this.layer.ping?.(sink)
    if (item !== 'end') return this.layer.send(item, sink)
    this.#asked = true
    return this.layer.end(sink)
  }

  #sink(): Sink<unknown> {
    const house = this.#house
    const index = this.#index
    return {
      down: (chunk) => {
        if (chunk.length > 0 && !this.#dead && !this.#finished) house.fall(index, chunk)
      },
      up: (chunk) => {
        if (chunk.length > 0 && !this.#dead && !this.#ended) house.rise(index, chunk)
      },
      open: (info) => {
        if (this.#open || this.#dead) return
        this.#open = true
        this.release()
        this.state('open')
        this.opened.resolve(info)
      },
      finish: () => {
        if (this.#finished || this.#dead) return
        this.#finished = true
        this.state(this.#ended ? 'closed' : 'half-closed')
        house.turns.enter()
        if (!this.#asked) house.broke()
        house.fall(index, 'end')
        house.turns.leave()
      },
      eof: (cause) => {
        if (this.#ended || this.#dead) return
        if (!this.#open)
          return house.failed(
            index,
            cause ?? failure('ERR_STREAM_RESET', `${this.layer.name} ended before it opened`),
          )
        this.#ended = true
        this.state(this.#finished ? 'closed' : 'eof')
        house.rise(index, { cause })
      },
      trace: (event) => this.trace(event),
      more: () => this.up.more() as Uint8Array | undefined,
      unwatched: house.trace === undefined,
    }
  }
}
