// A wire that is read from the start, so that a client that goes away is noticed before its tunnel is open, and whose first
// bytes can be looked at. Requests are taken off it; everything else waits, bounded, for whoever starts it.
import { failure, type TunnelError } from '../errors-node.js'
import type { MaybePromise } from '../layer.js'
import type { Wire, WireEvents } from '../stream/index.js'

/** What a parser of first bytes says: nothing yet, or a value and how many bytes it was. Throws for what it is not. */
export type Parse<T> = (bytes: Uint8Array) => { readonly value: T; readonly used: number } | undefined

export interface HeldWire {
  /** Takes a message off the front. Rejects with ERR_LOCAL_REQUEST when the client ends early, ERR_LOCAL_LIMIT past the limit. */
  take<T>(parse: Parse<T>): Promise<T>
  /** The rest, as a wire. */
  readonly wire: Wire
  /** Resolves with why, when the client is gone before the wire was started. */
  readonly lost: Promise<TunnelError>
}

export interface HeldOptions {
  /** Bytes of one message. */
  readonly request: number
  /** Bytes that may wait. */
  readonly early: number
}

export function heldWire(below: Wire, limits: HeldOptions): HeldWire {
  let waiting: Uint8Array[] = []
  let length = 0
  let ended: { readonly cause: TunnelError | undefined } | undefined
  let failed: TunnelError | undefined
  /** Where bytes go once nothing waits any more. */
  let reader: WireEvents | undefined
  let started: WireEvents | undefined
  let wake: (() => void) | undefined
  let resume: (() => void) | undefined
  let lose!: (error: TunnelError) => void
  const lost = new Promise<TunnelError>((resolve) => {
    lose = resolve
  })

  const front = (): Uint8Array => {
    if (waiting.length > 1) waiting = [Buffer.concat(waiting)]
    return waiting[0] ?? new Uint8Array(0)
  }
  const keep = (bytes: Uint8Array): void => {
    waiting = bytes.length === 0 ? [] : [bytes]
    length = bytes.length
  }
  const drained = (): void => {
    const go = resume
    resume = undefined
    go?.()
  }

  below.start({
    data(chunk): MaybePromise<void> {
      if (reader !== undefined) return reader.data(chunk)
      waiting.push(chunk)
      length += chunk.length
      wake?.()
      if (length < limits.early) return
      return new Promise((resolve) => {
        resume = resolve
      })
    },
    end(cause): MaybePromise<void> {
      if (reader !== undefined) return reader.end(cause)
      ended = { cause }
      wake?.()
    },
    fail(error): void {
      failed = error
      lose(error)
      wake?.()
      drained()
      started?.fail(error)
    },
  })

  /** Hands over what waited, one after the other, and then steps aside. */
  async function handOver(events: WireEvents): Promise<void> {
    for (;;) {
      const chunk = waiting.shift()
      if (chunk === undefined) break
      length -= chunk.length
      const busy = events.data(chunk)
      if (busy !== undefined) await busy
      if (failed !== undefined) return
    }
    reader = events
    drained()
    if (ended !== undefined) await events.end(ended.cause)
  }

  return {
    lost,
    async take(parse) {
      for (;;) {
        if (failed !== undefined) throw failed
        const bytes = front()
        const found = parse(bytes)
        if (found !== undefined && found.used <= limits.request) {
          keep(bytes.subarray(found.used))
          if (length < limits.early) drained()
          return found.value
        }
        if (length >= limits.request)
          throw failure('ERR_LOCAL_LIMIT', `a request longer than ${limits.request} bytes`)
        if (ended !== undefined) {
          const said =
            length === 0 ? 'the client ended without a request' : 'the client ended within its request'
          throw failure('ERR_LOCAL_REQUEST', said)
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        wake = undefined
      }
    },
    wire: {
      ...below,
      start(events) {
        started = events
        if (failed !== undefined) events.fail(failed)
        else
          handOver(events).catch(() => {
            // What the reader throws it has dealt with; the wire goes with it.
            below.destroy()
          })
      },
    },
  }
}
