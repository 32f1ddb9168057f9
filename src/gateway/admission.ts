// How many may be inside at once, in all and from one address. Counting only: who is over is told by the caller.

export class Admission {
  readonly #limit: number
  readonly #limitPerAddress: number
  readonly #inside = new Map<string, number>()
  #total = 0

  constructor(limit: number, limitPerAddress: number) {
    this.#limit = limit
    this.#limitPerAddress = limitPerAddress
  }

  get total(): number {
    return this.#total
  }

  /** What gives the place back (once), or undefined when there is none. */
  enter(address: string): (() => void) | undefined {
    const here = this.#inside.get(address) ?? 0
    if (this.#total >= this.#limit || here >= this.#limitPerAddress) return undefined
    this.#total++
    this.#inside.set(address, here + 1)
    let inside = true
    return () => {
      if (!inside) return
      inside = false
      this.#total--
      const left = this.#inside.get(address)! - 1
      if (left === 0) this.#inside.delete(address)
      else this.#inside.set(address, left)
    }
  }
}
