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
  #pending: Uint8Array[] | undefined
  #cost = 0
  /** Chunks that were put, that the wire took, and that hold all which the application has said. */
  #put = 0
  #taken = 0
  #said = 0
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
    // Nearly always the only one, and room for more is garbage.
    if (this.#pending === undefined) this.#pending = [chunk]
    else this.#pending.push(chunk)
    this.#put++
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

  /** All that was put until now may be the application's; what follows is only goodbyes, until this is called again. */
  mark(): void {
    this.#said = this.#put
  }

  /** The wire has not taken what the application said. */
  get isUntaken(): boolean {
    return this.#taken < this.#said
  }

  /** The end went out. */
  get finished(): boolean {
    return this.#end === 'done'
  }

  /** The wire took everything that was put, and the end if it was wanted. */
  get idle(): boolean {
    return !this.#busy && this.#pending === undefined && this.#end !== 'wanted'
  }

  /** A flush would do something. */
  get ready(): boolean {
    return !this.#closed && !this.#busy && (this.#pending !== undefined || this.#end === 'wanted')
  }

  flush(): void {
    while (this.ready) {
      const chunks = this.#pending
      const cost = this.#cost
      const put = this.#put
      const isEnd = chunks === undefined
      if (isEnd) this.#end = 'called'
      else {
        this.#pending = undefined
        this.#cost = 0
      }
      let pending: unknown
      this.#busy = true
      try {
        pending = isEnd ? this.#wire.end() : this.#wire.write(chunks)
      } catch (thrown) {
        this.#done(isEnd, cost, put)
        this.#failed(thrown)
        return
      }
      if (isPromise(pending)) {
        this.#wait(pending, isEnd, cost, put)
        return
      }
      this.#done(isEnd, cost, put)
    }
  }

  /** Drop everything; a write in flight goes on unheard. */
  close(): void {
    this.#closed = true
    this.#pending = undefined
    this.#gauge.bytes -= this.#cost
    this.#cost = 0
  }

  #done(isEnd: boolean, cost: number, put: number): void {
    this.#busy = false
    if (isEnd) {
      this.#end = 'done'
      return
    }
    this.#gauge.bytes -= cost
    this.#taken = put
  }

  #wait(pending: Promise<void>, isEnd: boolean, cost: number, put: number): void {
    const settle = (thrown?: { readonly reason: unknown }) => {
      this.#turns.enter()
      this.#done(isEnd, cost, put)
      if (thrown !== undefined) this.#failed(thrown.reason)
      this.#turns.leave()
    }
    pending.then(
      () => settle(),
      (reason: unknown) => settle({ reason }),
    )
  }
}
