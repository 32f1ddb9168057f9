// What a layer does to its sink, written down; and the crypto a tunnel needs, deterministic where bytes are asserted.
import { expect } from 'vitest'
import { type Bytes, concat } from '../../../src/bytes/index.js'
import { TunnelError } from '../../../src/errors.js'
import type { Layer, Sink } from '../../../src/layer.js'
import type { TraceEvent } from '../../../src/trace.js'

export interface Recorder<Info> extends Sink<Info> {
  /** Calls in order: `down`, `up`, `open`, `finish`, `eof`. */
  readonly calls: string[]
  readonly downs: Uint8Array[]
  readonly ups: Uint8Array[]
  readonly traces: TraceEvent[]
  info: Info | undefined
  /** Causes given to eof. */
  readonly ends: Array<TunnelError | undefined>
}

export function recorder<Info>(): Recorder<Info> {
  const calls: string[] = []
  const downs: Uint8Array[] = []
  const ups: Uint8Array[] = []
  const traces: TraceEvent[] = []
  const ends: Array<TunnelError | undefined> = []
  return {
    calls,
    downs,
    ups,
    traces,
    ends,
    info: undefined,
    down(chunk) {
      calls.push('down')
      downs.push(chunk)
    },
    up(chunk) {
      calls.push('up')
      ups.push(chunk)
    },
    open(info) {
      calls.push('open')
      this.info = info
    },
    finish() {
      calls.push('finish')
    },
    eof(cause) {
      calls.push('eof')
      ends.push(cause)
    },
    trace(event) {
      traces.push(event)
    },
  }
}

/** Everything in one piece. */
export function joined(chunks: readonly Uint8Array[]): Buffer {
  return Buffer.from(concat(...chunks))
}

/** The error that `action` throws; it must be one of ours. */
export function thrown(action: () => unknown): TunnelError {
  try {
    action()
  } catch (error) {
    expect(error).toBeInstanceOf(TunnelError)
    return error as TunnelError
  }
  throw new Error('nothing was thrown')
}

/** The same for what takes its time. */
export async function rejected(action: () => unknown): Promise<TunnelError> {
  const outcome = await Promise.resolve()
    .then(action)
    .catch((error: unknown) => ({ error }))
  return thrown(() => {
    if (typeof outcome === 'object' && outcome !== null && 'error' in outcome) throw outcome.error
  })
}

/** The ways a run of bytes may arrive: whole, byte by byte, and cut in two at every position. */
export function waysToArrive(bytes: Uint8Array): Uint8Array[][] {
  const ways = [[bytes.slice()], Array.from(bytes, (byte) => Uint8Array.of(byte))]
  for (let at = 1; at < bytes.length; at++) ways.push([bytes.slice(0, at), bytes.slice(at)])
  return ways
}

/** Feed chunks until one throws. */
export function feed<Info>(layer: Layer<Info>, chunks: readonly Uint8Array[], sink: Sink<Info>): void {
  for (const chunk of chunks) void layer.receive(chunk, sink)
}

/** Bytes 0, 1, 2 … for every call. */
export function counting(length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => i)
}
