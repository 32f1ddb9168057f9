// Lanes: first-in-first-out queues of calls that never overlap, two on each floor of a stack. A call that returns no
// promise costs none, and runs at once when nothing is before it. Turns bracket every entry from outside, so that what a
// whole turn put down leaves in one write. Gauges count what waits.
import type { MaybePromise } from '../layer.js'
import { isPromise } from './deferred.js'

/** What one chunk costs beside its bytes: a peer that sends one byte at a time must not evade the bounds. */
const CHUNK_OVERHEAD = 64

/** Bytes, with overhead, that wait somewhere in one direction. */
export interface Gauge {
  bytes: number
}

/** What a chunk counts for on a gauge; words like `end` are free. */
export function costOf(item: unknown): number {
  return item instanceof Uint8Array ? item.length + CHUNK_OVERHEAD : 0
}

/** Brackets of processing. `finished` runs when the outermost one closes. */
export class Turns {
  readonly #finished: () => void
  /** Made here: one made in `touch` would cost its scope at every call. */
  readonly #close = (): void => {
    this.#scheduled = false
    this.enter()
    this.leave()
  }
  #depth = 0
  #scheduled = false

  constructor(finished: () => void) {
    this.#finished = finished
  }

  enter(): void {
    this.#depth++
  }

  leave(): void {
    try {
      if (this.#depth === 1) this.#finished()
    } finally {
      this.#depth--
    }
  }

  /** Something was put down outside of any turn, from a promise of a layer: close a turn soon. */
  touch(): void {
    if (this.#depth > 0 || this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(this.#close)
  }
}

export interface LaneOptions<Item> {
  readonly turns: Turns
  readonly gauge: Gauge
  readonly call: (item: Item) => MaybePromise<void>
  readonly failed: (thrown: unknown) => void
  /** Hold everything until `release()`. */
  readonly held?: boolean
}

export class Lane<Item> {
  readonly #options: LaneOptions<Item>
  #queue: Array<Item | undefined> = []
  /** Index of the first item waiting: shifting the array at every call would be quadratic. */
  #head = 0
  #held: boolean
  #running = false
  /** Cost of the call in progress that returned a promise. */
  #cost = 0
  #closed = false

  constructor(options: LaneOptions<Item>) {
    this.#options = options
    this.#held = options.held === true
  }

  /** Items waiting, and the one in progress. */
  get outstanding(): number {
    return this.#queue.length - this.#head + (this.#running ? 1 : 0)
  }

  push(item: Item): void {
    if (this.#closed) return
    if (this.#running || this.#held) {
      this.#queue.push(item)
      this.#options.gauge.bytes += costOf(item)
    } else this.#run(item)
  }

  /** For the call in progress: the next item, if it is a chunk, as a part of this call. */
  more(): Item | undefined {
    if (this.#cost === 0 || !(this.#queue[this.#head] instanceof Uint8Array)) return undefined
    const { gauge, turns } = this.#options
    turns.enter()
    const item = this.#shift()
    // What it took before is as good as done.
    gauge.bytes -= this.#cost
    this.#cost = costOf(item)
    gauge.bytes += this.#cost
    turns.leave()
    return item
  }

  /** Let a held lane go. */
  release(): void {
    this.#held = false
    this.#next()
  }

  /** Everything that waits, removed. */
  takeAll(): Item[] {
    const items = this.#queue.slice(this.#head) as Item[]
    for (const item of items) this.#options.gauge.bytes -= costOf(item)
    this.#queue = []
    this.#head = 0
    return items
  }

  /** Drop what waits and ignore what comes; a call in progress goes on unheard. */
  close(): void {
    this.#closed = true
    this.takeAll()
  }

  #next(): void {
    const item = this.#shift()
    if (item !== undefined && !this.#running && !this.#closed) this.#run(item)
  }

  #shift(): Item | undefined {
    if (this.#head === this.#queue.length) return undefined
    const item = this.#queue[this.#head]
    // Its place may stay for a while, and must not keep it in memory.
    this.#queue[this.#head++] = undefined
    this.#options.gauge.bytes -= costOf(item)
    if (this.#head === this.#queue.length || this.#head > 256) {
      this.#queue.splice(0, this.#head)
      this.#head = 0
    }
    return item
  }

  #run(first: Item): void {
    const { call, failed } = this.#options
    let item: Item | undefined = first
    this.#running = true
    while (item !== undefined) {
      try {
        const pending = call(item)
        if (isPromise(pending)) {
          this.#wait(pending, costOf(item))
          return
        }
      } catch (thrown) {
        this.#running = false
        if (!this.#closed) failed(thrown)
        return
      }
      item = this.#shift()
    }
    this.#running = false
  }

  #wait(pending: Promise<void>, cost: number): void {
    const { gauge, turns, failed } = this.#options
    gauge.bytes += cost
    this.#cost = cost
    const settle = (then: () => void) => {
      turns.enter()
      gauge.bytes -= this.#cost
      this.#cost = 0
      this.#running = false
      if (!this.#closed) then()
      turns.leave()
    }
    pending.then(
      () => settle(() => this.#next()),
      (thrown: unknown) => settle(() => failed(thrown)),
    )
  }
}
