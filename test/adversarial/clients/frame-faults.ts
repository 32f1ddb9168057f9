// What a client may get wrong in the framing between the upgrade and TLS, a rule broken a line: the bytes, the Close it gets, the
// code that is told. RFC 6455 §5, and ping framing. docs/hardening.md shows them as a table.
import { concat, fromHex, latin1, utf8 } from '../../../src/bytes/index.js'
import type { ErrorCode } from '../../../src/errors-node.js'

export interface FrameFault {
  readonly what: string
  readonly bytes: Uint8Array
  /** Status code of the Close it gets; the other framings have no goodbye. */
  readonly close?: number
  readonly code: ErrorCode
}

/** The first bytes of a ClientHello, so that nobody takes the connection for something else. */
const beginning = fromHex('160301020001000001fc0303')

/** A client's frame, masked with zeros. RFC 6455 §5.2. */
function frame(first: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const { length } = payload
  const head = length < 126 ? [first, 0x80 | length] : [first, 0xfe, length >> 8, length & 255]
  return concat(new Uint8Array(head), new Uint8Array(4), payload)
}

function closing(code: number, reason: Uint8Array = new Uint8Array(0)): Uint8Array {
  return frame(0x88, concat(Uint8Array.of(code >> 8, code & 255), reason))
}

function flood(count: number, one: Uint8Array): Uint8Array {
  return concat(...Array.from({ length: count }, () => one))
}

const byte = Uint8Array.of(22)
const protocol = { close: 1002, code: 'ERR_WS_PROTOCOL' } as const
const large = { close: 1009, code: 'ERR_WS_TOO_LARGE' } as const

// biome-ignore format: a fault a line
export const frameFaults: readonly FrameFault[] = [
  { what: 'a frame without a mask', bytes: concat(Uint8Array.of(0x82, 12), beginning), ...protocol },
  { what: 'RSV1 without an extension', bytes: frame(0xc2, beginning), ...protocol },
  { what: 'RSV2', bytes: frame(0xa2, beginning), ...protocol },
  { what: 'RSV3', bytes: frame(0x92, beginning), ...protocol },
  { what: 'RSV1 on a continuation', bytes: concat(frame(0x02, byte), frame(0xc0, byte)), ...protocol },
  { what: 'RSV1 on a ping', bytes: frame(0xc9), ...protocol },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => ({ what: `opcode ${opcode}`, bytes: frame(0x80 | opcode, byte), ...protocol })),
  { what: 'a text message', bytes: frame(0x81, utf8('hello')), close: 1003, code: 'ERR_WS_TEXT' },
  { what: 'a text message that is no UTF-8', bytes: frame(0x81, Uint8Array.of(0xff, 0xfe)), close: 1007, code: 'ERR_WS_PROTOCOL' },
  { what: 'a continuation of nothing', bytes: frame(0x80, byte), ...protocol },
  { what: 'a message inside a message', bytes: concat(frame(0x02, byte), frame(0x82, byte)), ...protocol },
  { what: 'a ping in fragments', bytes: frame(0x09), ...protocol },
  { what: 'a Close in fragments', bytes: frame(0x08), ...protocol },
  { what: 'a ping of 126 bytes', bytes: frame(0x89, new Uint8Array(126)), ...protocol },
  { what: 'a pong of 126 bytes', bytes: frame(0x8a, new Uint8Array(126)), ...protocol },
  { what: 'a Close of 126 bytes', bytes: frame(0x88, new Uint8Array(126)), ...protocol },
  { what: 'a Close of one byte', bytes: frame(0x88, byte), ...protocol },
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535].map((code) => ({ what: `a Close with ${code}`, bytes: closing(code), ...protocol })),
  { what: 'a Close whose reason is no UTF-8', bytes: closing(1000, Uint8Array.of(0xff)), close: 1007, code: 'ERR_WS_PROTOCOL' },
  { what: 'a frame of 2^63 bytes', bytes: fromHex('82ff800000000000000000000000'), ...large },
  { what: 'a frame of 2^53 bytes', bytes: fromHex('82ff002000000000000000000000'), ...large },
  { what: 'a frame of 2^20 + 1 bytes', bytes: fromHex('82ff000000000010000100000000'), ...large },
  { what: 'fragments of more than 2^20 bytes', bytes: concat(flood(17, concat(fromHex('00feffff00000000'), new Uint8Array(65_535)).fill(2, 0, 1)).map((b, i) => (b === 2 && i > 0 ? 0 : b)), frame(0x80, byte)), ...large },
  { what: 'a flood of fragments', bytes: concat(frame(0x02, byte), flood(5_000, frame(0x00, byte))), close: 1008, code: 'ERR_WS_TOO_LARGE' },
  { what: 'a flood of pings', bytes: flood(5_000, frame(0x89)), close: 1008, code: 'ERR_GATEWAY_LIMIT' },
  { what: 'a flood of pongs', bytes: flood(5_000, frame(0x8a)), close: 1008, code: 'ERR_GATEWAY_LIMIT' },
  { what: 'a flood of empty messages', bytes: flood(5_000, frame(0x82)), close: 1008, code: 'ERR_GATEWAY_LIMIT' },
  { what: 'a Close before anything, and data after it', bytes: concat(closing(1000), frame(0x82, beginning)), close: 1000, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'TLS without frames', bytes: concat(beginning, new Uint8Array(300)), ...protocol },
]

// biome-ignore format: a fault a line
export const pingFaults: readonly FrameFault[] = [
  { what: 'TLS without packets', bytes: concat(beginning, new Uint8Array(300)), code: 'ERR_PING_TOO_LARGE' },
  { what: 'text without packets', bytes: latin1('GET / HTTP/1.1\r\n\r\n'), code: 'ERR_PING_TOO_LARGE' },
  { what: 'a packet of 2^32 - 1 bytes', bytes: fromHex('ffffffff'), code: 'ERR_PING_TOO_LARGE' },
  { what: 'a packet of 2^28 + 1 bytes', bytes: fromHex('10000001'), code: 'ERR_PING_TOO_LARGE' },
  { what: 'half a length, then FIN', bytes: fromHex('0000'), code: 'ERR_PING_TRUNCATED' },
  { what: 'half a packet, then FIN', bytes: concat(fromHex('00000064'), beginning), code: 'ERR_PING_TRUNCATED' },
  { what: 'a flood of pings', bytes: new Uint8Array(4 * 5_000), code: 'ERR_GATEWAY_LIMIT' },
]
