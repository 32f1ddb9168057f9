// Deadlines of a process that may be late itself: Node runs timers before it reads, so after a pause of ours every deadline
// would pass over answers that wait in our own sockets. Those are heard first.

/** Run `task` after `ms` milliseconds and one look at the sockets; answers what prevents it. */
export function deadlineAfter(ms: number, task: () => void): () => void {
  let heard: NodeJS.Immediate | undefined
  const timer = setTimeout(() => {
    heard = setImmediate(task)
  }, ms)
  return () => {
    clearTimeout(timer)
    clearImmediate(heard)
  }
}
