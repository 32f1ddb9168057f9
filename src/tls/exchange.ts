// Where the handshake, one linear async function, meets bytes that come when they come: it asks for the next message and
// waits; whoever delivers one waits until the handshake has done with it what it can. One message at a time, so that no
// byte after a key change is looked at before the keys are changed.
import type { HandshakeMessage } from './messages/message.js'

export class Exchange {
  #deliver: ((message: HandshakeMessage) => void) | undefined
  #idle: Deferred = deferred()
  /** It may fail while it is idle, of what it left under way. */
  #failed = false
  #held: Promise<unknown> | undefined

  /** Run the handshake. It is idle for good once it ends; whoever waits for it learns how it failed. */
  run(handshake: Promise<void>): void {
    handshake.then(
      () => this.#idle.resolve(),
      (error) => {
        if (this.#deliver) this.#idle = deferred()
        this.#failed = true
        this.#idle.reject(error)
      },
    )
  }

  /** For the handshake, which goes on meanwhile: nobody who receives is done before this is. */
  hold(work: Promise<unknown>): void {
    work.catch(() => {})
    this.#held = this.#held ? Promise.all([this.#held, work]) : work
  }

  /** What is still under way when there is no more to deliver. */
  async settled(): Promise<void> {
    const held = this.#held
    this.#held = undefined
    await held
  }

  /** For the handshake: the next message. */
  next(): Promise<HandshakeMessage> {
    return new Promise((deliver) => {
      this.#deliver = deliver
      this.#idle.resolve()
    })
  }

  /** Resolves when the handshake waits for a message or is over; rejects when it failed. */
  idle(): Promise<void> {
    return this.#idle.promise
  }

  /** Hand over a message; the handshake must be idle and not over. */
  deliver(message: HandshakeMessage): Promise<void> {
    if (this.#failed) return this.#idle.promise
    const deliver = this.#deliver!
    this.#deliver = undefined
    this.#idle = deferred()
    deliver(message)
    return this.#idle.promise
  }
}

interface Deferred {
  readonly promise: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

function deferred(): Deferred {
  let resolve!: () => void
  let reject!: (error: unknown) => void
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  // Somebody may wait or not: a failure nobody waits for is told to the next who asks.
  promise.catch(() => {})
  return { promise, resolve, reject }
}
