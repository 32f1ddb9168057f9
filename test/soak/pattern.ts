// Traffic that can be checked without being kept: byte n of a tunnel is a function of its seed and n.

const period = 1_048_573 // A prime, so that no framing's rhythm repeats with it.
const most = 65_536

/** A pseudo-random sequence of numbers in [0, 1) from a seed. */
export function random(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const block = (() => {
  const bytes = new Uint8Array(period + most)
  const next = random(1)
  for (let at = 0; at < period; at++) bytes[at] = next() * 256
  bytes.copyWithin(period, 0, most)
  return bytes
})()

/** A copy of bytes [at, at + length) of the tunnel's stream; at most 64 KiB. */
export function piece(seed: number, at: number, length: number): Uint8Array<ArrayBuffer> {
  const start = (seed + at) % period
  return block.slice(start, start + length)
}

/** Whether `bytes` are those of the tunnel's stream from `at` on. */
export function fits(seed: number, at: number, bytes: Uint8Array): boolean {
  for (let done = 0; done < bytes.length; done += most) {
    const part = bytes.subarray(done, done + most)
    const start = (seed + at + done) % period
    if (Buffer.compare(part, block.subarray(start, start + part.length)) !== 0) return false
  }
  return true
}
