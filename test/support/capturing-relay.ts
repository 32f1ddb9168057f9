// A TCP relay on loopback that keeps what passes: for tests that assert what a peer saw on the wire.
import { startRelay } from './relay.js'

export interface Capture {
  /** What the client sent so far. */
  sent(): Buffer
  /** What came back so far. */
  received(): Buffer
}

export interface CapturingRelay extends AsyncDisposable {
  readonly port: number
  /** Connections in their order. */
  readonly captures: readonly Capture[]
}

/** Relay everything to a port of 127.0.0.1. */
export async function startCapturingRelay(targetPort: number): Promise<CapturingRelay> {
  const captures: Capture[] = []
  const { port, stop } = await startRelay(targetPort, (near, far) => {
    const [sent, received]: [Buffer[], Buffer[]] = [[], []]
    captures.push({ sent: () => Buffer.concat(sent), received: () => Buffer.concat(received) })
    near.on('data', (chunk: Buffer) => sent.push(chunk))
    far.on('data', (chunk: Buffer) => received.push(chunk))
  })
  return { port, captures, [Symbol.asyncDispose]: stop }
}
