// How long an end may take: what was written is waited for as long as some of it leaves, a goodbye is not.
import { failure, type TunnelError } from '../errors.js'
import type { Spoken } from './spoken.js'
import { deadlineAfter, type Timer } from './timer.js'

/** Calls `over` after `ms` in which nothing left, with what `reason` says then: what ends the connection if its end is not clean. */
export function linger(
  ms: number,
  spoken: Spoken,
  reason: () => TunnelError | undefined,
  over: (error: TunnelError | undefined) => void,
): Timer {
  const wait = (before: number): Timer =>
    deadlineAfter(ms, () => {
      const error = reason()
      if (error !== undefined || !spoken.isUntaken) return over(error)
      const left = spoken.unsent
      if (left < before) timer = wait(left)
      else over(failure('ERR_TIMEOUT', `the peer took nothing of what was written for ${ms} ms`))
    })
  let timer = wait(spoken.unsent)
  return { cancel: () => timer.cancel() }
}
