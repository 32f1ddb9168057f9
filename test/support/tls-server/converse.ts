// A layer and the scripted server in one room: bytes go to and fro until neither has more to say. No I/O, no timers.

import { type Bytes, concat } from '../../../src/bytes/index.js'
import type { TunnelError } from '../../../src/errors.js'
import type { Layer, Sink } from '../../../src/layer.js'
import type { TlsInfo } from '../../../src/tls/index.js'
import type { TraceEvent } from '../../../src/trace.js'

export interface Conversation {
  /** Set once the layer opened. */
  readonly info: TlsInfo | undefined
  /** What the layer threw. */
  readonly error: TunnelError | undefined
  /** Why the server stopped understanding the client; raised by the step it happens in unless `tolerant` was asked for. */
  readonly deaf: unknown
  /** Order of what the layer told above: `open`, `up`, `eof`, `finish`. */
  readonly told: readonly string[]
  readonly trace: readonly TraceEvent[]
  /** Every byte the layer sent, in the pieces it came. */
  readonly sent: readonly Uint8Array[]
  /** Application data that rose since the last call. */
  read(): Bytes
  /** Exchange bytes until nobody has more to say. */
  settle(): Promise<void>
  send(data: Uint8Array): Promise<void>
  end(): Promise<void>
  /** Bytes to the client, past the server. */
  inject(bytes: Uint8Array): Promise<void>
  eof(cause?: TunnelError): Promise<void>
}

/** Either scripted server. */
export interface ScriptedPeer {
  receive(bytes: Uint8Array): Promise<void>
  /** Bytes for the client since the last call. */
  take(): Bytes
}

/** How bytes travel. */
export interface Way {
  /** Bytes of the pieces in which the client receives. */
  readonly chunk?: number
  /** False leaves it to the test to move bytes. */
  readonly settle?: boolean
  /** A server that cannot read the client is no failure of the test. */
  readonly tolerant?: boolean
}

/** Start `layer` and let it talk to `server`. `chunk` cuts what the client receives into pieces of that many bytes. */
export async function converse(
  layer: Layer<TlsInfo>,
  server: ScriptedPeer,
  { chunk = Number.POSITIVE_INFINITY, settle: settled = true, tolerant = false }: Way = {},
): Promise<Conversation> {
  let info: TlsInfo | undefined
  let error: TunnelError | undefined
  let delivered = 0
  let deaf: unknown
  let risen: Uint8Array[] = []
  const told: string[] = []
  const trace: TraceEvent[] = []
  const sent: Uint8Array[] = []
  const sink: Sink<TlsInfo> = {
    down: (bytes) => void sent.push(bytes),
    up(bytes) {
      risen.push(bytes)
      told.push('up')
    },
    open(opened) {
      info = opened
      told.push('open')
    },
    finish: () => void told.push('finish'),
    eof: (cause) => void told.push(cause === undefined ? 'eof' : `eof ${cause.code}`),
    trace: (event) => void trace.push(event),
  }

  async function step(run: () => void | Promise<void>): Promise<void> {
    if (error !== undefined) return
    try {
      await run()
    } catch (thrown) {
      error = thrown as TunnelError
    }
  }

  async function inject(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += chunk) {
      const piece = bytes.slice(at, at + chunk)
      await step(() => layer.receive(piece, sink))
    }
  }

  async function settle(): Promise<void> {
    for (let busy = true; busy; ) {
      busy = false
      for (; delivered < sent.length; delivered++) {
        busy = true
        if (deaf !== undefined) continue
        try {
          await server.receive(sent[delivered]!.slice())
        } catch (thrown) {
          if (!tolerant) throw thrown
          deaf = thrown
        }
      }
      const answer = server.take()
      if (answer.length > 0 && error === undefined) {
        await inject(answer)
        busy = true
      }
    }
  }

  await step(() => layer.start(sink))
  if (settled) await settle()
  return {
    get info() {
      return info
    },
    get error() {
      return error
    },
    get deaf() {
      return deaf
    },
    told,
    trace,
    sent,
    read() {
      const data = concat(...risen)
      risen = []
      return data
    },
    settle,
    send: (data) => step(() => layer.send(data, sink)),
    end: () => step(() => layer.end(sink)),
    inject,
    eof: (cause) => step(() => layer.eof(cause, sink)),
  }
}
