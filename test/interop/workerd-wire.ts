// What the gateway was sent, taken apart: the upgrade request, and the WebSocket frames behind it held to what a server of
// Teleport can read (it drops text and continuation frames, and takes one subprotocol).
import { expect } from 'vitest'

export interface SentHead {
  readonly line: string
  /** Values of the fields of that name, in order. */
  fields(name: string): readonly string[]
  /** What follows the head. */
  readonly rest: Buffer
}

export function headOf(sent: Buffer): SentHead {
  const end = sent.indexOf('\r\n\r\n')
  const [line = '', ...fields] = sent.subarray(0, end).toString('latin1').split('\r\n')
  const pairs = fields.map((field) => [
    field.slice(0, field.indexOf(':')),
    field.slice(field.indexOf(':') + 1),
  ])
  return {
    line,
    fields: (name) =>
      pairs.flatMap(([key, value]) => (key?.toLowerCase() === name ? [value?.trim() ?? ''] : [])),
    rest: sent.subarray(end + 4),
  }
}

const mostOfMessage = 64 * 1024

/** Frames of a client, RFC 6455 §5.2: whole, masked, binary or control, small, and `least` bytes in all of them. */
export function assertTunnelFrames(bytes: Buffer, { least }: { readonly least: number }): void {
  const kinds = new Set<string>()
  let total = 0
  let largest = 0
  for (let at = 0; at < bytes.length; ) {
    const [first = 0, second = 0] = bytes.subarray(at, at + 2)
    const short = second & 0x7f
    const length =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short
    const head = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + 4
    kinds.add(`fin ${first >> 7} rsv ${(first >> 4) & 7} opcode ${first & 15} masked ${second >> 7}`)
    largest = Math.max(largest, length)
    total += (first & 15) === 2 ? length : 0
    at += head + length
  }
  const allowed = ['2', '8', '9', '10'].map((opcode) => `fin 1 rsv 0 opcode ${opcode} masked 1`)
  expect([...kinds].filter((kind) => !allowed.includes(kind))).toEqual([])
  expect(largest).toBeLessThanOrEqual(mostOfMessage)
  expect(total).toBeGreaterThan(least)
}
