// How late a process runs what is due: the evidence that a deadline passed because its own process had no processor, and
// not because the other side was silent.
import { tell } from './processes.js'

export interface Late {
  /** Milliseconds since 1970, by the real clock. */
  readonly at: number
  readonly milliseconds: number
}

const every = 100
const worthTelling = 250

/** In a child: tell whenever the event loop was late. */
export function tellLateness(): void {
  const now = Date.now
  let due = performance.now() + every
  setInterval(() => {
    const milliseconds = Math.round(performance.now() - due)
    if (milliseconds >= worthTelling) tell({ late: { at: now(), milliseconds } satisfies Late })
    due = performance.now() + every
  }, every).unref()
}
