// The way down from the lowest layer to the wire: what one turn put down leaves in one write, one write is in flight at
// a time, and the end comes after the last byte.
import type { Wire } from './byte-stream.js'
import { isPromise } from './deferred.js'
import { costOf, type Gauge, type Turns } from './lane.js'

export class Outlet {
  readonly #wire: Wire
  readonly #turns: Turns
  readonly #gauge: Gauge
  readonly #failed: (thrown: unknown) => void
  #pending: Uint8Array[] = []
  #cost = 0
  #busy = false
  #end: 'no' | 'wanted' | 'called' | 'done' = 'no'
  #closed = false

  constructor(wire: Wire, turns: Turns, gauge: Gauge, failed: (thrown: unknown) => void) {
    this.#wire = wire
    this.#turns = turns
    this.#gauge = gauge
    this.#failed = failed
  }

  put(chunk: Uint8Array): void {
    if (this.#closed || this.#end !== 'no') return
    const cost = costOf(chunk)
    this.#pending.push(chunk)
    this.#cost += cost
    this.#gauge.bytes += cost
    this.#turns.touch()
  }

  /** Nothing more will be put: end the wire after what is there. */
  finish(): void {
    if (this.#closed || this.#end !== 'no') return
    this.#end = 'wanted'
    this.#turns.touch()
  }

  /** The end went out. */
  get finished(): boolean {
    return this.#end === 'done'
  }

  /** The wire took everything that was put, and the end if it was wanted. */
  get idle(): boolean {
    return !this.#busy && this.#pending.length === 0 && this.#end !== 'wanted'
  }

  /** A flush would do something. */
  get ready(): boolean {
    return !this.#closed && !this.#busy && (this.#pending.length > 0 || this.#end === 'wanted')
  }

  flush(): void {
    while (this.ready) {
      const chunks = this.#pending
      const cost = this.#cost
      if (chunks.length === 0) {
        this.#end = 'called'
        this.#hand(
          () => this.#wire.end(),
          () => {
            this.#end = 'done'
          },
        )
        return
      }
      this.#pending = []
      this.#cost = 0
      this.#hand(
        () => this.#wire.write(chunks),
        () => {
          this.#gauge.bytes -= cost
        },
      )
    }
  }

  /** Drop everything; a write in flight goes on unheard. */
  close(): void {
    this.#closed = true
    this.#pending = []
    this.#gauge.bytes -= this.#cost
    this.#cost = 0
  }

  #hand(call: () => unknown, done: () => void): void {
    let pending: unknown
    this.#busy = true
    try {
      pending = call()
    } catch (thrown) {
      this.#busy = false
      done()
      this.#failed(thrown)
      return
    }
    if (!isPromise(pending)) {
      this.#busy = false
      done()
      return
    }
    const settle = (then: () => void) => {
      this.#turns.enter()
      this.#busy = false
      then()
      this.#turns.leave()
    }
    pending.then(
      () => settle(done),
      (thrown: unknown) =>
        settle(() => {
          done()
          this.#failed(thrown)
        }),
    )
  }
}
