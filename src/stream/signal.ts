// Deadlines and abort signals, as one signal whose reason is one of our errors. Whatever is set up here is taken down
// when the work settles: no timer and no listener stays on a signal that outlives it.
import { failure, type Phase, TunnelError } from '../errors.js'
import { handled } from './deferred.js'

export interface DeadlineOptions {
  /** Any of them aborts. */
  readonly signals?: ReadonlyArray<AbortSignal | undefined>
  /** Milliseconds; none when undefined. */
  readonly timeout?: number | undefined
  /** What ERR_TIMEOUT and ERR_ABORTED say about where it happened. */
  readonly phase: Phase
  /**
   * Controllers that work of before left as they were, taken from and given back to: a signal of its own for every piece
   * of work outlives it by far in Node, where only a full garbage collection ends one.
   */
  readonly spare?: AbortController[]
}

/** A signal for the length of one piece of work. */
export interface SignalScope extends Disposable {
  /** Its reason is a TunnelError: ERR_ABORTED or ERR_TIMEOUT with the phase. */
  readonly signal: AbortSignal
  /** Remove every listener and timer; the signal stays as it is. */
  dispose(): void
}

/** Combine signals and a deadline. Call `dispose()` when the work settled. */
export function signalScope(options: DeadlineOptions): SignalScope {
  const controller = options.spare?.pop() ?? new AbortController()
  const signals = (options.signals ?? []).filter((signal) => signal !== undefined)
  let timer: ReturnType<typeof setTimeout> | undefined
  const abort = (reason: TunnelError) => {
    release()
    controller.abort(reason)
  }
  const onAbort = () => {
    const aborted = signals.find((signal) => signal.aborted)
    abort(abortError(aborted, options.phase))
  }
  let deaf: ReadonlyArray<() => void> = []
  const release = () => {
    clearTimeout(timer)
    for (const stop of deaf) stop()
  }
  let disposed = false
  const dispose = () => {
    release()
    if (!disposed && !controller.signal.aborted) options.spare?.push(controller)
    disposed = true
  }
  if (signals.some((signal) => signal.aborted)) onAbort()
  else {
    deaf = signals.map((signal) => whenAborted(signal, onAbort))
    if (options.timeout !== undefined)
      timer = setTimeout(() => {
        // What has arrived by then is heard first: see `deadlineAfter`.
        timer = setTimeout(() =>
          abort(failure('ERR_TIMEOUT', `${options.timeout} ms passed`, { phase: options.phase })),
        )
      }, options.timeout)
  }
  return { signal: controller.signal, dispose, [Symbol.dispose]: dispose }
}

/** Who waits for each signal. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>()

/** Always waits: V8 makes a new table for each Set that becomes empty, in old space if the Set is old. */
function nothing(): void {}

/** The one listener of ours on any of them. Each that waits takes itself out, and may take out others before their turn. */
function tell(this: AbortSignal): void {
  for (const act of waiting.get(this) ?? []) act()
}

/**
 * Calls `act` when the signal aborts; returns what takes that back. However many wait, the signal has one listener: a
 * dialer's many dials all end with it, and Node warns of more than ten listeners as of a leak.
 */
export function whenAborted(signal: AbortSignal, act: () => void): () => void {
  const acts = waiting.get(signal) ?? new Set([nothing])
  waiting.set(signal, acts.add(act))
  // Added again it is still one.
  signal.addEventListener('abort', tell)
  return () => {
    acts.delete(act)
    if (acts.size === 1) signal.removeEventListener('abort', tell)
  }
}

/**
 * Run work under a deadline. Rejects with ERR_TIMEOUT or ERR_ABORTED as soon as the signal says so, even if the work does
 * not listen; what such work yields too late goes to `discard`.
 */
export async function withDeadline<T>(
  options: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<T>,
  discard?: (late: T) => void,
): Promise<T> {
  const scope = signalScope(options)
  const { signal } = scope
  let onAbort: (() => void) | undefined
  try {
    signal.throwIfAborted()
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason)
      signal.addEventListener('abort', onAbort)
    })
    const working = work(signal)
    if (discard !== undefined) handled(working.then((late) => (signal.aborted ? discard(late) : undefined)))
    return await Promise.race([working, aborted])
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
    scope.dispose()
  }
}

/** Why a signal aborted, as one of ours: its own TunnelError, ERR_TIMEOUT for AbortSignal.timeout(), else ERR_ABORTED. */
export function abortError(signal: AbortSignal | undefined, phase?: Phase): TunnelError {
  const reason: unknown = signal?.reason
  if (reason instanceof TunnelError) return reason
  const timedOut = reason instanceof Error && reason.name === 'TimeoutError'
  return failure(timedOut ? 'ERR_TIMEOUT' : 'ERR_ABORTED', undefined, {
    cause: reason,
    ...(phase === undefined ? {} : { phase }),
  })
}
