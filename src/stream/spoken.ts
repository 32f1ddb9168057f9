// What the application has said, until the wire has taken it: whether an end is a clean one hangs on this. Goodbyes that
// layers add by themselves do not count.
import type { TunnelError } from '../errors.js'
import type { Wire } from './byte-stream.js'
import type { Floor } from './floor.js'
import type { Gauge } from './lane.js'
import type { Outbox } from './outbox.js'
import type { Outlet } from './outlet.js'

export class Spoken {
  readonly #wire: Wire
  readonly #falling: Gauge
  readonly #outbox: Outbox
  readonly #outlet: Outlet
  readonly #floors: readonly Floor[]
  /** Something may not have reached the outlet yet. */
  #isOnItsWay = false
  #isUnheard = false
  #dropped: TunnelError | undefined

  constructor(wire: Wire, falling: Gauge, outbox: Outbox, outlet: Outlet, floors: readonly Floor[]) {
    this.#wire = wire
    this.#falling = falling
    this.#outbox = outbox
    this.#outlet = outlet
    this.#floors = floors
  }

  /** The application writes; `isLate` when it has heard the end of the other side. */
  add(isLate: boolean): void {
    this.#isOnItsWay = true
    if (isLate) this.#isUnheard = true
  }

  /** At the end of a turn: tell what the application said from the goodbyes behind it. */
  follow(): void {
    if (!this.#isOnItsWay) return
    this.#outlet.mark()
    this.#isOnItsWay = !this.#outbox.isEmpty || this.#floors.some(({ down }) => down.outstanding > 0)
  }

  /** The application hears the end of the other side. */
  answered(): void {
    this.#isUnheard = this.isUntaken
  }

  /** The peer reads no more; what was on its way is lost for this reason. */
  drop(reason: TunnelError): void {
    if (this.#isOnItsWay) this.#dropped = reason
  }

  /** Why something was lost, if so. */
  get dropped(): TunnelError | undefined {
    return this.#dropped
  }

  /** Something was on its way, or was written, after the end of the other side. */
  get isUnheard(): boolean {
    return this.#isUnheard
  }

  /** The wire has not taken all, as far as can be known. */
  get isUntaken(): boolean {
    return this.#isOnItsWay || this.#outlet.isUntaken || (this.#wire.unsent?.() ?? 0) > 0
  }

  /** Bytes that have not left, with overhead. */
  get unsent(): number {
    return this.#outbox.bytes + this.#falling.bytes + (this.#wire.unsent?.() ?? 0)
  }
}
