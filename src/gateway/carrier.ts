// What carries the inner TLS connection: the outer one, seen as a Duplex, whatever its framing. A half-close is the
// inner connection's matter (close_notify one way): many load balancers answer an outer FIN by cutting both directions
// (nginx does), so `end()` of a carrier sends nothing, and `hangUp` says goodbye once both directions are done.
import { Duplex } from 'node:stream'
import { deadlineAfter } from './deadline.js'

/** RFC 6455 §7.4.1, as far as the gateway says them; framings without a goodbye just finish. */
export const goodbye = {
  done: 1000,
  goingAway: 1001,
  notAllowed: 1003,
  policy: 1008,
  failed: 1011,
} as const

export type Goodbye = (typeof goodbye)[keyof typeof goodbye]

export abstract class Carrier extends Duplex {
  /** Resolves when the outer connection is gone. Never rejects. */
  readonly gone: Promise<void>
  readonly #linger: number
  #hungUp = false
  #lingering: (() => void) | undefined

  /** `linger`: milliseconds granted to the peer to close its side after ours. */
  constructor(options: { readonly buffer: number; readonly linger: number }, outerClosed: Promise<void>) {
    super({ highWaterMark: options.buffer, allowHalfOpen: true })
    this.#linger = options.linger
    this.gone = outerClosed.then(() => this.#lingering?.())
    // Failures are seen by whoever waits for this stream; nobody waiting is no reason to end the process.
    this.on('error', () => {})
  }

  /** Nothing that still comes in will be looked at. */
  protected get hungUp(): boolean {
    return this.#hungUp
  }

  /** One keep-alive, where the framing has one. */
  abstract ping(): void

  /**
   * Finish the outer connection in order: what was written first, then the goodbye, with a word for a person where the
   * framing carries one. The peer then has `linger`.
   */
  hangUp(reason: Goodbye, word = ''): void {
    if (this.#hungUp) return
    this.#hungUp = true
    this.sayGoodbye(reason, word)
    // A close over bytes that nobody has read would be a reset, and could cost the peer what we said last.
    this.#lingering = deadlineAfter(this.#linger, () => this.cut())
  }

  /** Drop the outer connection at once. */
  abstract cut(): void

  protected abstract sayGoodbye(reason: Goodbye, word: string): void

  override _final(callback: (error?: Error | null) => void): void {
    callback()
  }

  // TLS destroys what it stood on as soon as it is done, well or badly: the goodbye must still reach the peer.
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.hangUp(this.writableFinished ? goodbye.done : goodbye.policy)
    callback(error)
  }
}
