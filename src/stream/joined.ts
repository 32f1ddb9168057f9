// Small chunks made larger ones, for transports whose writes cost more than a copy.
import { concat } from '../bytes/index.js'

/** Chunks are joined into writes of at most this many bytes. */
const joinBelow = 64 * 1024

/** Chunks in their order, the small ones joined. */
export function* joined(chunks: readonly Uint8Array[]): Generator<Uint8Array> {
  for (let i = 0; i < chunks.length; ) {
    let length = 0
    let next = i
    while (next < chunks.length && (next === i || length + chunks[next]!.length <= joinBelow))
      length += chunks[next++]!.length
    yield next === i + 1 ? chunks[i]! : concat(...chunks.slice(i, next))
    i = next
  }
}
