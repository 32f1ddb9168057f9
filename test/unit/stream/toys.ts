// Toy layers, simple enough to be right at sight, for everything the driver has to do with real ones.
import type { TunnelError } from '../../../src/errors.js'
import { failure } from '../../../src/errors.js'
import type { Layer } from '../../../src/layer.js'
import { type MemoryPairOptions, memoryPair } from '../../../src/platform/memory/index.js'
import type { Wire, WireEvents } from '../../../src/stream/index.js'
import { Connection, type ConnectionOptions } from '../../../src/stream/index.js'

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
export const bytes = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value)
export const tick = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Opens at once, flips every byte both ways, passes the ends on. */
export function xor(key: number): Layer<{ key: number }> {
  const flip = (chunk: Uint8Array) => chunk.map((byte) => byte ^ key)
  return {
    name: 'xor',
    start: (sink) => sink.open({ key }),
    receive: (chunk, sink) => sink.up(flip(chunk)),
    send: (chunk, sink) => sink.down(flip(chunk)),
    end: (sink) => sink.finish(),
    eof: (cause, sink) => sink.eof(cause),
  }
}

/** One length byte before each message; length 0 is the end, as close_notify is. EOF without it is truncation. */
export function framed(options: { readonly pings?: string[] } = {}): Layer<object> {
  let rest = new Uint8Array(0)
  let over = false
  return {
    name: 'framed',
    start: (sink) => sink.open({}),
    receive(chunk, sink) {
      rest = new Uint8Array([...rest, ...chunk])
      while (rest.length > 0 && !over && rest.length > rest[0]!) {
        const length = rest[0]!
        if (length === 0) {
          over = true
          sink.eof()
        } else if (length === 255) sink.down(new Uint8Array([1, 0x21]))
        else sink.up(rest.slice(1, 1 + length))
        rest = rest.slice(length === 255 ? 1 : 1 + length)
      }
    },
    send(chunk, sink) {
      for (let at = 0; at < chunk.length; at += 200) {
        const part = chunk.subarray(at, at + 200)
        sink.down(new Uint8Array([part.length]))
        sink.down(part)
      }
    },
    end(sink) {
      sink.down(new Uint8Array([0]))
      sink.finish()
    },
    eof(cause, sink) {
      if (!over) throw failure('ERR_TLS_TRUNCATED', undefined, { cause })
      sink.eof(cause)
    },
    ping(sink) {
      options.pings?.push('ping')
      sink.down(new Uint8Array([0xfe]))
    },
  }
}

/** Passes everything on unchanged, each call after a pause of its own, and notes calls that overlap. */
export function slow(overlaps: string[] = [], pause: () => Promise<void> = () => tick()): Layer<object> {
  const busy = { up: 0, down: 0 }
  const lane = async (which: 'up' | 'down', task: () => void) => {
    if (++busy[which] > 1) overlaps.push(which)
    await pause()
    task()
    busy[which]--
  }
  return {
    name: 'slow',
    start: (sink) => lane('down', () => sink.open({})),
    receive: (chunk, sink) => lane('up', () => sink.up(chunk)),
    send: (chunk, sink) => lane('down', () => sink.down(chunk)),
    end: (sink) => lane('down', () => sink.finish()),
    eof: (cause, sink) => lane('up', () => sink.eof(cause)),
  }
}

export type Moment = 'start' | 'receive' | 'send' | 'end' | 'eof'

/** Says `alert` and throws at one moment, at once or after a pause. */
export function failing(moment: Moment, how: 'sync' | 'async', alert = 'ALERT'): Layer<object> {
  const guard = (here: Moment, sink: { down(chunk: Uint8Array): void }, otherwise: () => void) => {
    if (here !== moment) return otherwise()
    if (how === 'sync') {
      sink.down(bytes(alert))
      throw failure('ERR_TLS_BAD_RECORD_MAC')
    }
    return tick().then(() => {
      sink.down(bytes(alert))
      throw failure('ERR_TLS_BAD_RECORD_MAC')
    })
  }
  return {
    name: 'failing',
    start: (sink) => guard('start', sink, () => sink.open({})),
    receive: (chunk, sink) => guard('receive', sink, () => sink.up(chunk)),
    send: (chunk, sink) => guard('send', sink, () => sink.down(chunk)),
    end: (sink) => guard('end', sink, () => sink.finish()),
    eof: (cause, sink) => guard('eof', sink, () => sink.eof(cause)),
  }
}

/** Never opens. */
export function mute(): Layer<object> {
  return { name: 'mute', start() {}, receive() {}, send() {}, end: (sink) => sink.finish(), eof() {} }
}

/** What came out of a wire. */
export interface Heard {
  readonly chunks: Uint8Array[]
  all(): Uint8Array
  text(): string
  /** Resolves with the cause of the end, or rejects with the failure. */
  readonly end: Promise<TunnelError | undefined>
}

/** Start a wire and note all it says. */
export function hear(wire: Wire, onData?: WireEvents['data']): Heard {
  const chunks: Uint8Array[] = []
  let settle!: { resolve(cause?: TunnelError): void; reject(error: unknown): void }
  const end = new Promise<TunnelError | undefined>((resolve, reject) => {
    settle = { resolve, reject }
  })
  end.catch(() => {})
  wire.start({
    data(chunk) {
      chunks.push(chunk)
      return onData?.(chunk)
    },
    end: (cause) => settle.resolve(cause),
    fail: (error) => settle.reject(error),
  })
  const all = () => new Uint8Array(Buffer.concat(chunks))
  return { chunks, all, text: () => text(all()), end }
}

export const clock = (): number => performance.now()

/** A connection over one end of a memory pair, and the other end raw. */
export function connected(
  path: MemoryPairOptions = {},
  options: Partial<ConnectionOptions> = {},
): { connection: Connection; far: Wire; near: Wire } {
  const [near, far] = memoryPair(path)
  return { connection: new Connection(near, { clock, ...options }), far, near }
}

/** Bytes that are different at every place that matters. */
export function pattern(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    made[i] = state >>> 16
  }
  return made
}
