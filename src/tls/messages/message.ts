// What every handshake message shares: the four-byte header, and spans that name its parts for traces. RFC 8446 §4.
import { Reader, Writer } from '../../bytes/index.js'
import type { Span } from '../../trace.js'
import { type HandshakeName, handshakeType } from '../registry.js'

/** One handshake message with its header: the bytes that enter the transcript. */
export interface HandshakeMessage {
  readonly type: number
  readonly bytes: Uint8Array
  /** Nobody looks at its spans. */
  readonly unwatched?: boolean
}

export interface WrittenMessage extends HandshakeMessage {
  readonly spans: readonly Span[]
}

/** What was read from a message, and where each part of it lies. */
export interface Parsed<T> {
  readonly value: T
  readonly spans: readonly Span[]
}

export function writeMessage(name: HandshakeName, body: (w: Writer) => void): WrittenMessage {
  const w = new Writer(512)
  w.span('msg_type', () => w.u8(handshakeType[name]), name)
  w.vector(3, body)
  const bytes = w.finish()
  const spans = [w.spans[0]!, { start: 1, end: 4, label: 'length' }, ...w.spans.slice(1)]
  return { type: handshakeType[name], bytes, spans }
}

/** Read the body of a message to its last byte. Violations raise ERR_TLS_DECODE. */
export function readMessage<T>(message: HandshakeMessage, read: (r: Reader) => T): Parsed<T> {
  const spans: Span[] | undefined = message.unwatched
    ? undefined
    : [
        { start: 0, end: 1, label: 'msg_type' },
        { start: 1, end: 4, label: 'length' },
      ]
  const r = new Reader(message.bytes, 'ERR_TLS_DECODE', { start: 4, spans })
  const value = read(r)
  r.end('message')
  return { value, spans: spans ?? [] }
}

/** Read one field and name it; the spans of what is read inside follow it. */
export function field<T>(r: Reader, label: string, read: () => T, say?: (value: T) => string): T {
  const { spans } = r
  if (spans === undefined) return read()
  const at = spans.length
  const start = r.offset
  const value = read()
  const span = { start, end: r.offset, label }
  spans.splice(at, 0, say === undefined ? span : { ...span, value: say(value) })
  return value
}

/** Two bytes as they are written in RFCs. */
export function hex16(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`
}
