// A queue of chunks that reads as one run of bytes. Nothing is copied until a read crosses a chunk border.

const consumed = new Uint8Array(0)

export class ByteQueue {
  #chunks: Uint8Array[] = []
  /** Index of the first chunk not consumed: shifting the array at every read would be quadratic. */
  #head = 0
  /** Bytes of that chunk consumed already: a view of the rest at every read would be garbage. */
  #from = 0
  #length = 0

  /** Bytes waiting. */
  get length(): number {
    return this.#length
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    // Nearly always the only one, and room for more is garbage.
    if (this.#chunks.length === 0) this.#chunks = [chunk]
    else this.#chunks.push(chunk)
    this.#length += chunk.length
  }

  /** The byte at `index`, or undefined past the end. */
  at(index: number): number | undefined {
    index += this.#from
    for (let i = this.#head; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i]!
      if (index < chunk.length) return chunk[index]
      index -= chunk.length
    }
    return undefined
  }

  /** The next `length` bytes in one piece without consuming them; a view where one chunk holds them all. */
  peek(length: number): Uint8Array {
    const first = this.#chunks[this.#head]
    let from = this.#from
    if (length === 0 || first === undefined) return new Uint8Array(0)
    if (first.length - from >= length) return first.subarray(from, from + length)
    const joined = new Uint8Array(Math.min(length, this.#length))
    let at = 0
    for (let i = this.#head; at < joined.length; i++) {
      const part = this.#chunks[i]!.subarray(from, from + joined.length - at)
      joined.set(part, at)
      at += part.length
      from = 0
    }
    return joined
  }

  /** Consume `length` bytes (all of them must be there) in one piece. */
  take(length: number): Uint8Array {
    const taken = this.peek(length)
    this.skip(length)
    return taken
  }

  /** Consume up to `max` bytes without copying: what is left of the first chunk, or undefined when empty. */
  takeChunk(max: number = Number.POSITIVE_INFINITY): Uint8Array | undefined {
    const first = this.#chunks[this.#head]
    if (first === undefined) return undefined
    const from = this.#from
    const part = from === 0 && first.length <= max ? first : first.subarray(from, from + max)
    this.skip(part.length)
    return part
  }

  /** Everything left, chunk by chunk. */
  takeAll(): Uint8Array[] {
    const all = this.#chunks.slice(this.#head)
    if (this.#from > 0) all[0] = all[0]!.subarray(this.#from)
    this.clear()
    return all
  }

  skip(length: number): void {
    if (length > this.#length) throw new RangeError(`skip ${length} of ${this.#length}`)
    this.#length -= length
    this.#from += length
    while (this.#from > 0) {
      const { length: whole } = this.#chunks[this.#head]!
      if (this.#from < whole) return
      this.#from -= whole
      // Its place may stay for a while, and must not keep it in memory.
      this.#chunks[this.#head++] = consumed
    }
    if (this.#head === this.#chunks.length) this.clear()
    else if (this.#head > 64) {
      this.#chunks.splice(0, this.#head)
      this.#head = 0
    }
  }

  clear(): void {
    this.#chunks = []
    this.#head = 0
    this.#from = 0
    this.#length = 0
  }
}
