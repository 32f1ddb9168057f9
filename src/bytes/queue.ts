// A queue of chunks that reads as one run of bytes. Nothing is copied until a read crosses a chunk border.

export class ByteQueue {
  #chunks: Uint8Array[] = []
  /** Index of the first chunk not consumed: shifting the array at every read would be quadratic. */
  #head = 0
  #length = 0

  /** Bytes waiting. */
  get length(): number {
    return this.#length
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }

  /** The byte at `index`, or undefined past the end. */
  at(index: number): number | undefined {
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
    if (length === 0 || first === undefined) return new Uint8Array(0)
    if (first.length >= length) return first.subarray(0, length)
    const joined = new Uint8Array(Math.min(length, this.#length))
    let at = 0
    for (let i = this.#head; at < joined.length; i++) {
      const chunk = this.#chunks[i]!
      const part = chunk.subarray(0, joined.length - at)
      joined.set(part, at)
      at += part.length
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
    const part = first.length <= max ? first : first.subarray(0, max)
    this.skip(part.length)
    return part
  }

  /** Everything left, chunk by chunk. */
  takeAll(): Uint8Array[] {
    const all = this.#chunks.slice(this.#head)
    this.clear()
    return all
  }

  skip(length: number): void {
    if (length > this.#length) throw new RangeError(`skip ${length} of ${this.#length}`)
    this.#length -= length
    while (length > 0) {
      const first = this.#chunks[this.#head]!
      if (first.length > length) {
        this.#chunks[this.#head] = first.subarray(length)
        return
      }
      length -= first.length
      this.#head++
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
    this.#length = 0
  }
}
