// Two streams back to back, in memory: what is written to one is read from the other, with its backpressure and its ends.
// One of them passes for the socket of a service.
import { Duplex } from 'node:stream'

export class PairedDuplex extends Duplex {
  bytesRead = 0
  bytesWritten = 0
  #other: PairedDuplex | undefined
  #waiting: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  /** The other has ended and gone: it reads no more. */
  #unheard = false

  static pair(highWaterMark: number): readonly [PairedDuplex, PairedDuplex] {
    const one = new PairedDuplex({ highWaterMark, allowHalfOpen: true })
    const two = new PairedDuplex({ highWaterMark, allowHalfOpen: true })
    one.#other = two
    two.#other = one
    return [one, two]
  }

  /** Emit `timeout` after `ms` without a byte either way; 0 for never. */
  setTimeout(ms: number): this {
    clearTimeout(this.#timer)
    this.#timer = ms === 0 ? undefined : setTimeout(() => this.emit('timeout'), ms)
    return this
  }

  override _read(): void {
    const written = this.#waiting
    this.#waiting = undefined
    written?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error) => void): void {
    const other = this.#other!
    if (this.#unheard) {
      callback(new Error('the other end is gone'))
      return
    }
    this.bytesWritten += chunk.length
    other.bytesRead += chunk.length
    this.#timer?.refresh()
    other.#timer?.refresh()
    if (other.push(chunk)) callback()
    else other.#waiting = callback
  }

  override _final(callback: () => void): void {
    this.#other!.push(null)
    callback()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer)
    const other = this.#other!
    // After an end in order, what was written may still be read there; anything else is a cut.
    if (error === null && this.writableFinished) other.#loseHearing()
    else other.destroy()
    callback(error)
  }

  #loseHearing(): void {
    this.#unheard = true
    const written = this.#other!.#waiting
    this.#other!.#waiting = undefined
    written?.()
  }
}
