// Two wires joined in memory, with the faults of real paths as knobs: latency, tiny chunks, full buffers, loss. For tests
// on any runtime; no socket and no file enters here.
import { failure, type TunnelError } from '../../errors.js'
import type { MaybePromise } from '../../layer.js'
import type { Wire, WireEvents } from '../../stream/byte-stream.js'
import { type Deferred, deferred, isPromise, rejected } from '../../stream/deferred.js'

export interface DirectionOptions {
  /** Milliseconds from write to arrival; 0 is the next microtask. */
  readonly latency?: number
  /** Largest chunk that arrives: bytes, or a function of what is left of the written chunk. */
  readonly chop?: number | ((left: number) => number)
  /** Let so many bytes through, then end the direction: cleanly, with a reset of both directions, or with silence. */
  readonly loss?: { readonly after: number; readonly how: 'fin' | 'rst' | 'silence' }
  /** Bytes under way from which on a write waits. Default 64 KiB. */
  readonly capacity?: number
}

export interface MemoryPairOptions extends DirectionOptions {
  /** What differs from the first to the second. */
  readonly forth?: DirectionOptions
  /** What differs from the second to the first. */
  readonly back?: DirectionOptions
  readonly facts?: Readonly<Record<string, string | number | boolean>>
}

/** Two connected wires. */
export function memoryPair(options: MemoryPairOptions = {}): [Wire, Wire] {
  const forth = new Channel({ ...options, ...options.forth })
  const back = new Channel({ ...options, ...options.back })
  const reset = (error: TunnelError) => {
    forth.fail(error)
    back.fail(error)
  }
  forth.onReset = reset
  back.onReset = reset
  return [wireOf(forth, back, options.facts), wireOf(back, forth, options.facts)]
}

function wireOf(out: Channel, into: Channel, facts: MemoryPairOptions['facts']): Wire {
  return {
    start: (events) => into.listen(events),
    write: (chunks) => out.write(chunks),
    end: () => out.end(),
    destroy: () => {
      into.leave()
      out.abandon()
    },
    ...(facts === undefined ? {} : { facts }),
  }
}

/** One direction. */
class Channel {
  /** Called when loss resets both directions. */
  onReset: (error: TunnelError) => void = () => {}
  readonly #options: DirectionOptions
  #queue: Array<Uint8Array | 'end' | 'cut'> = []
  /** Index of the first item waiting. */
  #head = 0
  #waiting = 0
  #passed = 0
  #events: WireEvents | undefined
  #error: TunnelError | undefined
  /** Nobody reads this end any more. */
  #left = false
  /** Nobody writes this end any more. */
  #ended = false
  #pumping = false
  /** The path swallows what follows. */
  #lost = false
  #room: Deferred | undefined
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()

  constructor(options: DirectionOptions) {
    this.#options = options
  }

  listen(events: WireEvents): void {
    this.#events = events
    queueMicrotask(() => this.#pump())
  }

  write(chunks: readonly Uint8Array[]): MaybePromise<void> {
    if (this.#error !== undefined) return rejected(this.#error)
    if (this.#ended) return rejected(failure('ERR_STREAM_CLOSED'))
    if (this.#lost) return
    for (const chunk of chunks) this.#waiting += chunk.length
    this.#arrive(chunks.filter((chunk) => chunk.length > 0))
    if (this.#waiting < (this.#options.capacity ?? 64 * 1024)) return
    this.#room ??= deferred()
    return this.#room.promise
  }

  end(): void {
    if (this.#error !== undefined || this.#ended) return
    this.#ended = true
    this.#arrive(['end'])
  }

  /** The direction broke: the reader hears it behind what has already arrived. */
  fail(error: TunnelError): void {
    if (this.#error !== undefined) return
    this.#error = error
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#room?.reject(error)
    queueMicrotask(() => this.#pump())
  }

  /** The writer is gone: a reset, unless it had ended before. */
  abandon(): void {
    if (!this.#ended) this.fail(failure('ERR_STREAM_RESET', 'the peer destroyed the connection'))
    this.#ended = true
  }

  /** The reader is gone: what is written now hits a closed connection. */
  leave(): void {
    this.#left = true
    this.#events = undefined
    this.#clear()
    this.fail(failure('ERR_STREAM_RESET', 'the peer is gone'))
  }

  #arrive(items: ReadonlyArray<Uint8Array | 'end'>): void {
    const { latency } = this.#options
    if (!latency) {
      if (!this.#lost) for (const item of items) this.#queue.push(item)
      queueMicrotask(() => this.#pump())
      return
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (!this.#lost) for (const item of items) this.#queue.push(item)
      this.#pump()
    }, latency)
    this.#timers.add(timer)
  }

  #pump(): void {
    if (this.#pumping || this.#events === undefined) return
    this.#pumping = true
    while (this.#head < this.#queue.length && !this.#left) {
      // Shifting the array for every item would be quadratic, never shifting it would keep what was read.
      if (this.#head > 256) this.#head -= this.#queue.splice(0, this.#head).length
      const pending = this.#step(this.#queue[this.#head++]!)
      if (isPromise(pending)) {
        const go = () => {
          this.#pumping = false
          this.#pump()
        }
        pending.then(go, go)
        return
      }
    }
    this.#clear()
    this.#pumping = false
    if (this.#error === undefined || this.#left) return
    const events = this.#events
    this.#events = undefined
    events?.fail(this.#error)
  }

  #step(item: Uint8Array | 'end' | 'cut'): MaybePromise<void> {
    if (item === 'end') return this.#events?.end()
    if (item === 'cut') return this.#lose()
    const { chop, loss } = this.#options
    const limit = typeof chop === 'function' ? chop(item.length) : (chop ?? item.length)
    const left = (loss?.after ?? Number.POSITIVE_INFINITY) - this.#passed
    const part = item.subarray(0, Math.min(Math.max(1, limit), left))
    const rest = item.subarray(part.length)
    if (rest.length > 0) this.#queue[--this.#head] = rest
    this.#passed += part.length
    if (part.length === left) this.#swallow()
    this.#waiting -= part.length
    this.#makeRoom()
    return part.length > 0 ? this.#events?.data(part) : undefined
  }

  #swallow(): void {
    this.#lost = true
    this.#clear()
    this.#queue.push('cut')
    this.#waiting = 0
  }

  /** Whatever waited waits no more. */
  #clear(): void {
    this.#queue = []
    this.#head = 0
  }

  #lose(): MaybePromise<void> {
    const how = this.#options.loss?.how
    if (how === 'rst') this.onReset(failure('ERR_STREAM_RESET', 'the connection was reset'))
    else if (how === 'fin') return this.#events?.end()
  }

  #makeRoom(): void {
    if (this.#waiting >= (this.#options.capacity ?? 64 * 1024)) return
    this.#room?.resolve()
    this.#room = undefined
  }
}
