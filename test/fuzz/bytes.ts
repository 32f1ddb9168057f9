// Inputs made of bytes: real ones changed in the places where parsers go wrong (lengths, counts, ends), runs long enough to
// show what takes more than linear time, and ways to cut what arrives.
import fc, { type Arbitrary } from 'fast-check'
import { concat } from '../../src/bytes/index.js'

/** A change at a place given as a fraction, so that it fits whatever is changed. */
export interface Edit {
  readonly kind: (typeof kinds)[number]
  /** Parts of 65 536. */
  readonly at: number
  readonly value: number
  readonly length: number
}

// biome-ignore format: a list
const kinds = ['flip', 'set', 'insert', 'remove', 'repeat', 'cut', 'u16', 'u24', 'u32', 'swap', 'append', 'run'] as const

const interesting = [0, 1, 2, 4, 0x20, 0x2d, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x84, 0xa0, 0xfe, 0xff]

export const edit: Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom(...kinds),
  at: fc.nat(65_535),
  value: fc.oneof(fc.constantFrom(...interesting), fc.nat(255), fc.nat(65_535)),
  length: fc.oneof({ weight: 20, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.nat(40_000) }),
})

export const edits: Arbitrary<Edit[]> = fc.array(edit, { minLength: 0, maxLength: 6 })

export function applied(bytes: Uint8Array, changes: readonly Edit[]): Uint8Array<ArrayBuffer> {
  return changes.reduce(change, new Uint8Array(bytes))
}

function change(
  bytes: Uint8Array<ArrayBuffer>,
  { kind, at: part, value, length }: Edit,
): Uint8Array<ArrayBuffer> {
  const at = Math.floor((part * bytes.length) / 65_536)
  const to = Math.min(bytes.length, at + length)
  const copy = bytes.slice()
  const view = new DataView(copy.buffer)
  switch (kind) {
    case 'flip':
      if (at < copy.length) copy[at]! ^= 1 << (value & 7)
      return copy
    case 'set':
      if (at < copy.length) copy[at] = value
      return copy
    case 'u16':
      if (at + 2 <= copy.length) view.setUint16(at, value)
      return copy
    case 'u24':
      if (at + 3 <= copy.length) copy.set([value >> 16, value >> 8, value & 255], at)
      return copy
    case 'u32':
      if (at + 4 <= copy.length) view.setUint32(at, value * 65_537)
      return copy
    case 'insert':
      return concat(
        bytes.subarray(0, at),
        new Uint8Array(Math.min(length, 64)).fill(value),
        bytes.subarray(at),
      )
    case 'run':
      return concat(bytes.subarray(0, at), new Uint8Array(length).fill(value), bytes.subarray(at))
    case 'remove':
      return concat(bytes.subarray(0, at), bytes.subarray(to))
    case 'repeat':
      return concat(
        bytes.subarray(0, to),
        ...Array(1 + (value % 4)).fill(bytes.subarray(at, to)),
        bytes.subarray(to),
      )
    case 'cut':
      return bytes.slice(0, at)
    case 'append':
      return concat(bytes, bytes.subarray(at, to))
    case 'swap': {
      const other = Math.floor(((value & 0xffff) * bytes.length) / 65_536)
      const [first, second] = at < other ? [at, other] : [other, at]
      const size = Math.min(length, second - first, bytes.length - second)
      return concat(
        bytes.subarray(0, first),
        bytes.subarray(second, second + size),
        bytes.subarray(first + size, second),
        bytes.subarray(first, first + size),
        bytes.subarray(second + size),
      )
    }
  }
}

/** Real bytes with changes; now and then bytes of nothing. */
export function mutated(bases: readonly Uint8Array[], max = 70_000): Arbitrary<Uint8Array<ArrayBuffer>> {
  const real = fc
    .tuple(fc.nat(bases.length - 1), edits)
    .map(([base, changes]) => applied(bases[base]!, changes).slice(0, max))
  const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes))
  return fc.oneof({ weight: 12, arbitrary: real }, { weight: 1, arbitrary: random })
}

/** The same for text in Latin-1, with pieces of its own grammar slipped in. */
export function mutatedText(bases: readonly string[], pieces: readonly string[]): Arbitrary<string> {
  const slip = fc.record({
    at: fc.nat(65_535),
    piece: fc.constantFrom(...pieces),
    times: fc.oneof(
      { weight: 12, arbitrary: fc.integer({ min: 1, max: 3 }) },
      { weight: 1, arbitrary: fc.nat(12_000) },
    ),
    remove: fc.oneof(fc.constant(0), fc.nat(20)),
  })
  return fc
    .tuple(fc.constantFrom(...bases), fc.array(slip, { maxLength: 5 }), fc.array(edit, { maxLength: 2 }))
    .map(([base, slips, changes]) => {
      let text = base
      for (const { at: part, piece, times, remove } of slips) {
        const at = Math.floor((part * text.length) / 65_536)
        text =
          text.slice(0, at) +
          piece.repeat(Math.min(times, Math.ceil(40_000 / piece.length))) +
          text.slice(at + remove)
      }
      return Buffer.from(applied(Buffer.from(text, 'utf8'), changes))
        .toString('utf8')
        .slice(0, 100_000)
    })
}

/** Where to cut: sizes of the pieces, again and again until the bytes are used up. */
export const cuts: Arbitrary<number[]> = fc.oneof(
  fc.constant<number[]>([1]),
  fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3000 })), {
    minLength: 1,
    maxLength: 8,
  }),
)

export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  // Tens of thousands of pieces take their time and find nothing that hundreds do not.
  const least = Math.ceil(bytes.length / 2000)
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.max(least, sizes[i % sizes.length]!)
    pieces.push(bytes.slice(at, at + size))
    at += size
  }
  return pieces
}
