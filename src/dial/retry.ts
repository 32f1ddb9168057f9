// Dialing again after a failure that may pass by itself: bounded, with exponential pauses and full jitter. An open
// stream is never replaced silently; only the way to it is tried again.
import type { TunnelError } from '../errors.js'
import { asTunnelError } from '../errors.js'
import type { RetryPolicy } from './options.js'
import { type Run, within } from './run.js'

export interface RetryContext {
  readonly policy: RetryPolicy
  /** Four random bytes or more, for the jitter. */
  random(length: number): Uint8Array
  /** Rejects when the dial is aborted. */
  pause(milliseconds: number): Promise<void>
  /** Told before each pause. */
  retrying(facts: { readonly attempt: number; readonly delay: number; readonly code: string }): void
}

/** Runs `dial` until it succeeds, fails for good, or the policy's retries are used up. */
export async function withRetries<T>(context: RetryContext, dial: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await dial()
    } catch (thrown) {
      const error = asTunnelError(thrown)
      if (attempt > context.policy.retries || !mayPass(error)) throw error
      const delay = pauseBefore(attempt, context)
      context.retrying({ attempt, delay, code: error.code })
      await context.pause(delay)
    }
  }
}

// A truncated or refused certificate does not mend itself; neither does what the caller did.
function mayPass(error: TunnelError): boolean {
  return error.retryable && error.code !== 'ERR_ABORTED'
}

/** Full jitter: anything between nothing and the doubled delay, so that a fleet does not come back in step. */
export function pauseBefore(attempt: number, context: Pick<RetryContext, 'policy' | 'random'>): number {
  const ceiling = Math.min(context.policy.maxDelay, context.policy.delay * 2 ** (attempt - 1))
  const [a = 0, b = 0] = context.random(2)
  return Math.round((ceiling * (a * 256 + b)) / 65_535)
}

/** A pause that ends with the dial. */
export async function pauseOf(run: Run, milliseconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    await within(run, { milliseconds: 0, phase: 'dial' }, () => {
      return new Promise<void>((resolve) => {
        timer = setTimeout(resolve, milliseconds)
      })
    })
  } finally {
    clearTimeout(timer)
  }
}
