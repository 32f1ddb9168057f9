// The least of a DER encoder: one element around parts that are DER already.
import { type Bytes, concat, Writer } from '../bytes/index.js'

/** One element of up to 16 MiB. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Bytes {
  const content = concat(...parts)
  const { length } = content
  const writer = new Writer(length + 5).u8(tag)
  // X.690 §10.1: the fewest length octets.
  if (length < 0x80) return writer.u8(length).bytes(content).finish()
  const octets = length < 0x100 ? 1 : length < 0x10000 ? 2 : 3
  return writer
    .u8(0x80 | octets)
    .vector(octets, () => writer.bytes(content))
    .finish()
}
