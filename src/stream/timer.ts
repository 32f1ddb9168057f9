// One-shot timers that do not keep a Node process alive, where the runtime can be told so.

export interface Timer {
  cancel(): void
}

/** Run `task` after `ms` milliseconds. What the timer guards keeps the process alive by itself if it must. */
export function timerAfter(ms: number, task: () => void): Timer {
  const handle: unknown = setTimeout(task, ms)
  if (isUnrefable(handle)) handle.unref()
  return { cancel: () => clearTimeout(handle as number) }
}

/**
 * The same for a deadline: what has arrived by then is heard first. A process that was late itself runs its timers before
 * it reads, and must not call a peer silent whose answer waits in its own socket.
 */
export function deadlineAfter(ms: number, task: () => void): Timer {
  let timer = timerAfter(ms, () => {
    timer = timerAfter(0, task)
  })
  return { cancel: () => timer.cancel() }
}

function isUnrefable(handle: unknown): handle is { unref(): void } {
  return typeof handle === 'object' && handle !== null && 'unref' in handle
}
