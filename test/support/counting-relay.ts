// A TCP relay on loopback that counts connections: what stands between a dialer and a load balancer in tests that assert
// how many connections a dial costs.
import { startRelay } from './relay.js'

export interface CountingRelay {
  readonly port: number
  /** Connections taken so far. */
  readonly connections: number
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Relay everything to a port of 127.0.0.1. */
export async function startCountingRelay(targetPort: number): Promise<CountingRelay> {
  let connections = 0
  const { port, stop } = await startRelay(targetPort, () => {
    connections++
  })
  return {
    port,
    get connections() {
      return connections
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
