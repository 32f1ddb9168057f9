// What the wire brings, on its way to the lowest lane: in pieces of bounded size, and only while those above keep up.
import type { MaybePromise } from '../layer.js'
import { type Deferred, deferred } from './deferred.js'
import { SLICE, slices } from './outbox.js'

export interface IntakeOptions {
  /** Milliseconds, monotonic. */
  readonly clock: () => number
  readonly rise: (chunk: Uint8Array) => void
  /** Too much is held above, or our answers to the peer do not leave. */
  readonly isCongested: () => boolean
}

export class Intake {
  readonly #options: IntakeOptions
  #heard: number
  #resume: Deferred | undefined

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#heard = options.clock()
  }

  /** Milliseconds since the peer was last heard; 0 while backpressure keeps us from listening. */
  get quiet(): number {
    return this.#resume === undefined ? this.#options.clock() - this.#heard : 0
  }

  /** As `WireEvents.data`. */
  receive(chunk: Uint8Array): MaybePromise<void> {
    if (chunk.length === 0) return
    this.#heard = this.#options.clock()
    if (chunk.length > SLICE) return this.#receiveLarge(slices(chunk))
    this.#options.rise(chunk)
    if (!this.#options.isCongested()) return
    this.#resume ??= deferred()
    return this.#resume.promise
  }

  /** Let the wire go on if it may. */
  settle(): void {
    if (this.#resume === undefined || this.#options.isCongested()) return
    this.#heard = this.#options.clock()
    this.#resume.resolve()
    this.#resume = undefined
  }

  /** Piece by piece, so that one huge message of a WebSocket cannot jump over the bounds. */
  #receiveLarge(pieces: Generator<Uint8Array>): MaybePromise<void> {
    // By hand: leaving a for-of loop would close the generator.
    for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
      const congestion = this.receive(next.value)
      if (congestion !== undefined) return congestion.then(() => this.#receiveLarge(pieces))
    }
  }
}
