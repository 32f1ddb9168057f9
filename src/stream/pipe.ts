// Two byte streams joined into one: what local proxies and gateways are made of. Bounded by the backpressure of both
// sides; half-close is kept; an unclean end on one side is passed on as a destroy, never as a clean end.
import { asTunnelError, type TunnelError } from '../errors.js'
import type { ByteStream, Wire, WireEvents } from './byte-stream.js'
import { deferred, isPromise } from './deferred.js'
import { abortError, whenAborted } from './signal.js'
import { wireFromStream } from './wire.js'

export interface Piped {
  /** Bytes that went from the first to the second. */
  readonly forth: number
  /** Bytes that went from the second to the first. */
  readonly back: number
}

/** Resolves with byte counts when both directions have ended; rejects with the first error, both sides destroyed. */
export async function pipe(
  first: Wire | ByteStream,
  second: Wire | ByteStream,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Piped> {
  const a = asWire(first)
  const b = asWire(second)
  const done = deferred()
  const counts = { forth: 0, back: 0 }
  let open = 2
  let settled = false
  const fail = (thrown: unknown) => {
    if (settled) return
    settled = true
    const error = asTunnelError(thrown, 'ERR_STREAM_RESET')
    a.destroy(error)
    b.destroy(error)
    done.reject(error)
  }
  const between = (to: Wire, way: keyof typeof counts): WireEvents => ({
    data: (chunk) => {
      counts[way] += chunk.length
      return guarded(() => to.write([chunk]), fail)
    },
    end: async (cause?: TunnelError) => {
      if (cause !== undefined) return fail(cause)
      await guarded(() => to.end(), fail)
      if (--open === 0) {
        settled = true
        done.resolve()
      }
    },
    fail,
  })
  const { signal } = options
  const onAbort = () => fail(abortError(signal))
  let deaf: (() => void) | undefined
  if (signal?.aborted) onAbort()
  else {
    deaf = signal && whenAborted(signal, onAbort)
    a.start(between(b, 'forth'))
    b.start(between(a, 'back'))
  }
  try {
    await done.promise
  } finally {
    deaf?.()
  }
  return { ...counts }
}

function asWire(side: Wire | ByteStream): Wire {
  return 'readable' in side ? wireFromStream(side) : side
}

/** Both faces of failing are one. */
function guarded(call: () => unknown, fail: (thrown: unknown) => void): Promise<void> | undefined {
  try {
    const pending = call()
    return isPromise(pending) ? pending.catch(fail) : undefined
  } catch (thrown) {
    fail(thrown)
    return undefined
  }
}
