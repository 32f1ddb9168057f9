// The buffer under node-forge's digests, with what they call and nothing else: the build puts it in the place of
// node-forge's util.js, which is ten times as large (scripts/forge-digests.ts). Binary strings, as the digests want them:
// a character is a byte.

/** What is put in at the end and read from `read` on. */
class BinaryBuffer {
  data = ''
  read = 0

  length(): number {
    return this.data.length - this.read
  }

  /** What is left; it stays. */
  bytes(): string {
    return this.data.slice(this.read)
  }

  putBytes(bytes: string): this {
    this.data += bytes
    return this
  }

  putInt32(word: number): this {
    return this.putBytes(String.fromCharCode(word >>> 24, (word >> 16) & 255, (word >> 8) & 255, word & 255))
  }

  /** Big-endian, signed. */
  getInt32(): number {
    const { data, read } = this
    this.read = read + 4
    return (
      (data.charCodeAt(read) << 24) |
      (data.charCodeAt(read + 1) << 16) |
      (data.charCodeAt(read + 2) << 8) |
      data.charCodeAt(read + 3)
    )
  }

  /** Forget what was read. */
  compact(): this {
    this.data = this.bytes()
    this.read = 0
    return this
  }
}

export function createBuffer(): BinaryBuffer {
  return new BinaryBuffer()
}

export function fillString(text: string, count: number): string {
  return text.repeat(count)
}

/**
 * FIPS 180-4 §4.2.2: the first 32 bits behind the point of the cube roots of the first primes, which are the constants of
 * SHA-256. A table of them does not compress. Doubles have 15 bits to spare.
 */
export function cubeRootWords(count: number): Uint32Array {
  const primes: number[] = []
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  return Uint32Array.from(primes, (prime) => (Math.cbrt(prime) % 1) * 2 ** 32)
}
