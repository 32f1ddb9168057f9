// Bring your own bytes: a stack of layers over any byte stream, without dialing, detecting or deciding anything.
import { asTunnelError } from '../errors.js'
import type { Layer } from '../layer.js'
import type { ByteStream, TunnelSocket } from '../stream/index.js'
import { Connection, tunnelSocket, wireFromStream } from '../stream/index.js'
import type { Trace } from '../trace.js'

export interface ConnectOverOptions {
  /** Ends the opening of the layers; once they are open it has no say any more. */
  readonly signal?: AbortSignal
  readonly trace?: Trace
  /** Milliseconds, monotonic. Default `performance.now`. */
  readonly clock?: () => number
}

/** What the last layer of a list says when it opens. */
export type InfoOfLast<Layers extends readonly Layer[]> = Layers extends readonly [...infer _, infer Last]
  ? Last extends Layer<infer Info>
    ? Info
    : unknown
  : unknown

/**
 * Opens `layers` over `stream`, the first one at the bottom, and returns the top as a socket whose `info` is the last
 * layer's. Rejects with what ended a layer, after everything is freed.
 */
export async function connectOver<const Layers extends readonly Layer[]>(
  stream: ByteStream,
  layers: Layers,
  options: ConnectOverOptions = {},
): Promise<TunnelSocket<InfoOfLast<Layers>>> {
  const { signal, trace } = options
  const connection = new Connection(wireFromStream(stream), {
    clock: options.clock ?? (() => performance.now()),
    ...(trace && { trace }),
  })
  let info: unknown
  try {
    for (const layer of layers) info = await connection.push(layer, signal)
  } catch (thrown) {
    const error = asTunnelError(thrown)
    connection.destroy(error)
    throw error
  }
  return tunnelSocket(connection.wire(), info as InfoOfLast<Layers>, {
    closed: connection.closed,
    destroy: () => connection.destroy(),
  })
}
