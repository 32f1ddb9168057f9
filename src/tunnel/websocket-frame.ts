// WebSocket frames of the client role: writing masked ones, reading headers of unmasked ones (RFC 6455 §5). No connection
// state lives here: which frame may follow which, and the close handshake, are in `websocket.ts`.
import type { Bytes } from '../bytes/index.js'
import { failure } from '../errors.js'

/** RFC 6455 §5.2. */
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export type FrameKind = keyof typeof opcodes

export interface FrameHeader {
  readonly kind: FrameKind
  readonly fin: boolean
  /** Payload bytes. */
  readonly length: number
}

export function isControl(kind: FrameKind): boolean {
  return opcodes[kind] >= 8
}

/** A final frame, masked with `key`: 4 bytes in memory order as one word. The payload is copied, never changed. */
export function maskedFrame(kind: FrameKind, payload: Uint8Array, key: number): Bytes {
  const { length } = payload
  // The payload starts on a word border whatever the header's length, so that it is masked in words to the last one.
  const at = length > 0xffff ? 16 : 8
  const start = length > 0xffff ? 2 : length > 125 ? 0 : 2
  const buffer = new ArrayBuffer((at + length + 3) & ~3)
  const frame = new Uint8Array(buffer, start, at - start + length)
  frame[0] = 0x80 | opcodes[kind]
  const view = new DataView(buffer)
  // RFC 6455 §5.2: the shortest form of the length. §5.1: a client masks every frame.
  if (length <= 125) frame[1] = 0x80 | length
  else if (length <= 0xffff) {
    frame[1] = 0x80 | 126
    view.setUint16(start + 2, length)
  } else {
    frame[1] = 0x80 | 127
    view.setUint32(start + 6, length)
  }
  new Uint32Array(buffer, at - 4, 1)[0] = key
  frame.set(payload, at - start)
  // RFC 6455 §5.3. A zero key changes nothing.
  if (key !== 0) {
    const words = new Uint32Array(buffer, at)
    for (let i = 0; i < words.length; i++) words[i] = words[i]! ^ key
  }
  return frame
}

/** Fresh masking keys, drawn from `random` in batches (RFC 6455 §5.3: from a strong source, a new one for each frame). */
export function maskingKeys(random: (length: number) => Bytes): () => number {
  const BATCH = 128
  let keys = new Uint32Array(0)
  let next = 0
  return () => {
    if (next === keys.length) {
      keys = new Uint32Array(random(4 * BATCH).slice().buffer)
      next = 0
    }
    return keys[next++]!
  }
}

/**
 * Reads frame headers byte by byte: the header once it is whole, else undefined. Throws ERR_WS_PROTOCOL, ERR_WS_MASKED,
 * ERR_WS_TEXT and ERR_WS_TOO_LARGE (more than `limit` payload bytes claimed) at the first byte that shows it.
 */
export function frameHeaderReader(limit: number): (byte: number) => FrameHeader | undefined {
  let position = 0
  let needed = 2
  let fin = false
  let kind: FrameKind = 'binary'
  let length = 0

  return (byte) => {
    if (position++ === 0) {
      fin = (byte & 0x80) !== 0
      kind = kindOf(byte)
      return undefined
    }
    if (position === 2) {
      // RFC 6455 §5.1: a client closes when it sees a masked frame.
      if (byte & 0x80) throw failure('ERR_WS_MASKED')
      // RFC 6455 §5.5: control frames are whole and have at most 125 bytes.
      if (isControl(kind) && (!fin || byte > 125))
        throw failure('ERR_WS_PROTOCOL', 'a control frame that is fragmented or too long')
      needed = byte === 126 ? 4 : byte === 127 ? 10 : 2
      length = needed === 2 ? byte : 0
    } else {
      // Exact up to 2^53; what is rounded beyond is far over any limit.
      length = length * 256 + byte
    }
    if (position < needed) return undefined
    // RFC 6455 §5.2: the minimal number of bytes must be used to encode the length.
    if (length < (needed === 10 ? 0x1_0000 : needed === 4 ? 126 : 0))
      throw failure('ERR_WS_PROTOCOL', 'a length that is not minimal')
    if (!isControl(kind) && length > limit) throw failure('ERR_WS_TOO_LARGE', `limit ${limit}`)
    position = 0
    return { kind, fin, length }
  }
}

function kindOf(byte: number): FrameKind {
  // RFC 6455 §5.2: reserved bits are zero unless an extension was negotiated, and none ever is.
  if (byte & 0x70) throw failure('ERR_WS_PROTOCOL', 'a reserved bit is set')
  const opcode = byte & 15
  for (const kind of Object.keys(opcodes) as FrameKind[]) {
    if (opcodes[kind] !== opcode) continue
    if (kind === 'text') throw failure('ERR_WS_TEXT')
    return kind
  }
  throw failure('ERR_WS_PROTOCOL', `reserved opcode ${opcode}`)
}
