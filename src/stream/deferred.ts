// A promise settled from outside, and the two tests on promises that this room needs. A failure nobody awaits must not
// end the process, so every promise made here counts as handled.

export interface Deferred<T = void> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(reason: unknown): void
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise: handled(promise), resolve, reject }
}

/** A rejected promise that may be ignored. */
export function rejected(reason: unknown): Promise<never> {
  return handled(Promise.reject(reason))
}

/** The same promise; its rejection is no unhandled one even if nobody looks. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

export function isPromise(value: unknown): value is Promise<void> {
  return typeof value === 'object' && value !== null && 'then' in value
}
