// Values that may come now or later: a synchronous provider must not pay for a promise.
import type { MaybePromise } from '../layer.js'

export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function'
}

/** A failure that nobody waits for any more is not told. */
export function quiet<T>(value: MaybePromise<T>): MaybePromise<T> {
  if (isPromise(value)) value.catch(() => {})
  return value
}

/** Continue now or later, whichever `value` allows. */
export function whenReady<T, U>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<U>,
): MaybePromise<U> {
  return isPromise(value) ? value.then(next) : next(value)
}
