// A TCP relay on loopback that loses the network on request: with a bang, as a reset does, or without a word, as a dead
// radio does. What is open tells whether anything was left behind.
import { startRelay } from './relay.js'

export interface FragileRelay {
  readonly port: number
  /** Sockets of connections that pass through here now. */
  readonly open: number
  /** Reset every connection at both ends. */
  cut(): void
  /** From here on the connections that are open carry nothing, and neither end can tell. New ones are sound. */
  fallSilent(): void
  stop(): Promise<void>
}

/** Relays to a port of 127.0.0.1. */
export async function startFragileRelay(targetPort: number): Promise<FragileRelay> {
  const { port, sockets, stop } = await startRelay(targetPort, () => {})
  return {
    port,
    get open() {
      return sockets.size
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    fallSilent() {
      // Who does not read sees neither bytes nor an end; the kernel takes what comes, as a network's queues do.
      for (const socket of sockets) {
        socket.unpipe()
        socket.pause()
      }
    },
    stop,
  }
}
