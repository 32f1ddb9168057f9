// A layer by itself: fed with chunks until it throws or they are used up, everything it does written down.
import type { TunnelError } from '../../src/errors.js'
import type { Layer, Sink } from '../../src/layer.js'
import { must, named } from './target.js'

export interface Run<Info> {
  readonly info: Info | undefined
  readonly error: TunnelError | undefined
  readonly up: Uint8Array[]
  readonly down: Uint8Array[]
  /** Codes of the ends told above; `end` for a clean one. */
  readonly ends: string[]
  readonly finished: number
}

/** `after` runs when all chunks are in: more of the layer's calls. */
export async function runLayer<Info>(
  layer: Layer<Info>,
  chunks: readonly Uint8Array[],
  after?: (layer: Layer<Info>, sink: Sink<Info>) => Promise<void> | void,
): Promise<Run<Info>> {
  const up: Uint8Array[] = []
  const down: Uint8Array[] = []
  const ends: string[] = []
  let info: Info | undefined
  let opened = 0
  let finished = 0
  let error: TunnelError | undefined
  const sink: Sink<Info> = {
    down: (chunk) => void down.push(chunk),
    up(chunk) {
      must(opened === 1, 'bytes rise before the layer is open')
      must(ends.length === 0, 'bytes rise after the end')
      up.push(chunk)
    },
    open(told) {
      opened++
      info = told
    },
    finish: () => void finished++,
    eof: (cause) => void ends.push(cause?.code ?? 'end'),
    trace: () => {},
  }
  try {
    await layer.start(sink)
    for (const chunk of chunks) await layer.receive(chunk, sink)
    await after?.(layer, sink)
  } catch (thrown) {
    error = named(thrown)
  }
  must(opened <= 1, 'a layer that opens twice')
  must(ends.length <= 1, 'a layer that ends twice')
  must(finished <= 1, 'a layer that finishes twice')
  return { info, error, up, down, ends, finished }
}
