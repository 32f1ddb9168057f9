// The clock behind the pings: the only thing it knows about a framing is `ping()`.

/** Pings every `interval` milliseconds, the first one interval from now; answers what stops it. */
export function keepAlive(framing: { ping(): void }, interval: number): () => void {
  const timer = setInterval(() => framing.ping(), interval)
  return () => clearInterval(timer)
}
