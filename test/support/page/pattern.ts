// Bytes that both ends know: every block says which one it is, so that lost, doubled and swapped ones show. No runtime's
// nouns: the page and the server behind the tunnel both make them.
export const block = 65_536

const pattern = new Uint8Array(block)
for (let i = 0; i < block; i++) pattern[i] = (i * 167 + (i >> 8) * 31) & 0xff

/** Block number `at`, cut to `length`. */
export function patternBlock(at: number, length: number = block): Uint8Array<ArrayBuffer> {
  const chunk = pattern.slice(0, length)
  const head = new Uint8Array([at >>> 24, at >>> 16, at >>> 8, at])
  chunk.set(head.subarray(0, length))
  return chunk
}

/** Says of each chunk whether it goes on as it should; `at` counts. */
export class PatternCheck {
  at = 0

  continues(chunk: Uint8Array): boolean {
    for (let start = 0; start < chunk.length; ) {
      const offset = this.at % block
      const expected = patternBlock(Math.floor(this.at / block)).subarray(offset)
      const length = Math.min(expected.length, chunk.length - start)
      for (let i = 0; i < length; i++) if (chunk[start + i] !== expected[i]) return false
      start += length
      this.at += length
    }
    return true
  }
}
