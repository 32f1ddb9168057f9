// The clock behind the pings: the only thing it knows about a framing is `ping()`.

/** Pings every `interval` milliseconds, the first one interval from now; answers what stops it. */
export function keepAlive(framing: { ping(): void }, interval: number): () => void {
  let heard: NodeJS.Immediate | undefined
  const timer = setInterval(() => {
    // A ping may find the peer dead: what has come while this process was late is heard first.
    heard = setImmediate(() => framing.ping())
  }, interval)
  return () => {
    clearInterval(timer)
    clearImmediate(heard)
  }
}
