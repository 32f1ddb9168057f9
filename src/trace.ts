// What the protocol lets you watch. Layers emit these events; nothing in the core logs. Handshake bytes carry spans so
// that a reader can annotate them. No event holds a secret or application data; secrets leave only through `KeyLog`.
import type { AlertName } from './errors.js'

/** `sent` by us, `received` from the peer. */
export type Direction = 'sent' | 'received'

/** A named part of `bytes`: `[start, end)` offsets, nested by order (a parent precedes its children). */
export interface Span {
  readonly start: number
  readonly end: number
  readonly label: string
  /** The value in words, when the bytes alone do not say it. */
  readonly value?: string
}

export type TraceEvent =
  /** A step of reaching the server: dns, tcp, proxy, attempt, verdict, retry … with plain facts. */
  | {
      readonly type: 'step'
      readonly name: string
      readonly facts: Readonly<Record<string, string | number | boolean>>
    }
  /** HTTP heads of the upgrade; values of credential-bearing headers are replaced before they get here. */
  | { readonly type: 'http'; readonly direction: Direction; readonly head: string }
  /** One WebSocket or ping-framing frame, without payload. */
  | {
      readonly type: 'frame'
      readonly direction: Direction
      readonly framing: 'websocket' | 'ping'
      readonly kind: string
      readonly length: number
    }
  /** One TLS record: outer content type, inner one once decrypted, total bytes on the wire. */
  | {
      readonly type: 'record'
      readonly direction: Direction
      readonly contentType: string
      readonly length: number
      readonly encrypted: boolean
    }
  /** One TLS handshake message in clear, with spans (certificates and keys in it are public by nature). */
  | {
      readonly type: 'message'
      readonly direction: Direction
      readonly name: string
      readonly bytes: Uint8Array
      readonly spans: readonly Span[]
    }
  | {
      readonly type: 'alert'
      readonly direction: Direction
      readonly alert: AlertName | `alert_${number}`
      readonly fatal: boolean
    }
  /** A thing that was checked and held: `chain`, `signature`, `finished`, `alpn`, `pin` …, with facts. */
  | {
      readonly type: 'check'
      readonly name: string
      readonly facts: Readonly<Record<string, string | number | boolean>>
    }
  /** A layer's life. */
  | {
      readonly type: 'state'
      readonly state: 'start' | 'open' | 'half-closed' | 'eof' | 'closed' | 'error'
      readonly code?: string
    }

/** An event as users see it: when (milliseconds since the dial began) and on which floor of the stack. */
export interface TimedTraceEvent {
  readonly at: number
  /** Name of the layer, with its position from the wire: `0:tls`, `1:upgrade`, … or `dial`. */
  readonly layer: string
  readonly event: TraceEvent
}

export type Trace = (event: TimedTraceEvent) => void

/** One line in NSS key log form without its newline: `LABEL <client random hex> <secret hex>`. */
export type KeyLog = (line: string) => void
