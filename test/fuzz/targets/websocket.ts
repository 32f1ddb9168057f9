// WebSocket frames to the client: right ones and wrong ones, in any pieces. Payload rises whatever the frames are; how the
// bytes were cut changes nothing but which of several pings is answered.
import fc from 'fast-check'
import { concat, equal } from '../../../src/bytes/index.js'
import { webSocket } from '../../../src/tunnel/index.js'
import { applied, cut, cuts, type Edit, edits } from '../bytes.js'
import { runLayer } from '../layer-run.js'
import { must, type Target, target } from '../target.js'

interface Frame {
  readonly first: number
  readonly payload: Uint8Array
  /** 7, 16 or 64 bits of length, or as short as it goes. */
  readonly form: 0 | 7 | 16 | 64
  /** Claimed instead of the payload's own length. */
  readonly claim: number | null
  readonly masked: boolean
}

interface Stream {
  readonly frames: readonly Frame[]
  readonly edits: readonly Edit[]
  readonly cuts: number[]
  readonly end: boolean
}

const opcodes = [0x82, 0x82, 0x82, 0x02, 0x80, 0x00, 0x89, 0x8a, 0x88]
const frame: fc.Arbitrary<Frame> = fc.record({
  first: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...opcodes) },
    { weight: 1, arbitrary: fc.nat(255) },
  ),
  payload: fc.oneof(
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 140 }) },
    { weight: 1, arbitrary: fc.nat(70_000).map((n) => new Uint8Array(n)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        Uint8Array.of(3, 232),
        Uint8Array.of(3, 233),
        Uint8Array.of(3, 237),
        Uint8Array.of(15, 160, 0xff),
      ),
    },
  ),
  form: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0 as const) },
    { weight: 1, arbitrary: fc.constantFrom(7 as const, 16 as const, 64 as const) },
  ),
  claim: fc.oneof(
    { weight: 15, arbitrary: fc.constant(null) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(125, 126, 65_536, 2 ** 20, 2 ** 20 + 1, 2 ** 31, 2 ** 53, 2 ** 63),
    },
  ),
  masked: fc.oneof(
    { weight: 30, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
})

export const webSocketTarget: Target = target('websocket', 'WebSocket frames, client side', () => ({
  input: fc.record({
    frames: fc.array(frame, { maxLength: 12 }),
    edits: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: edits }),
    cuts,
    end: fc.boolean(),
  }),
  async execute({ frames, edits: changes, cuts: sizes, end }: Stream) {
    const bytes = applied(concat(...frames.map(encode)), changes)
    let key = 0
    const fresh = () => webSocket({ random: (n) => new Uint8Array(n).fill(++key) })
    const after = end
      ? (layer: ReturnType<typeof fresh>, sink: Parameters<typeof layer.start>[0]) =>
          layer.eof(undefined, sink)
      : undefined
    const whole = await runLayer(fresh(), [bytes.slice()], after)
    const pieced = await runLayer(fresh(), cut(bytes, sizes), after)
    must(
      whole.error?.code === pieced.error?.code,
      `${whole.error?.code} whole, ${pieced.error?.code} in pieces`,
    )
    must(equal(Buffer.concat(whole.up), Buffer.concat(pieced.up)), 'what rises depends on the pieces')
    must(whole.ends.join() === pieced.ends.join(), 'the end depends on the pieces')
    must(whole.finished === pieced.finished, 'finishing depends on the pieces')
    must(Buffer.concat(whole.up).length <= bytes.length, 'more rises than came')
    // A pong or a close answers with no more than it was asked.
    must(Buffer.concat(pieced.down).length <= 2 * bytes.length + 64, 'an answer larger than the question')
  },
}))

function encode({ first, payload, form, claim, masked }: Frame): Uint8Array {
  const length = claim ?? payload.length
  const bits = form !== 0 ? form : length <= 125 ? 7 : length <= 0xffff ? 16 : 64
  const mask = masked ? 0x80 : 0
  const head =
    bits === 7
      ? Uint8Array.of(first, mask | Math.min(length, 125))
      : bits === 16
        ? Uint8Array.of(first, mask | 126, (length >> 8) & 255, length & 255)
        : long(first, mask | 127, length)
  return concat(head, ...(masked ? [new Uint8Array(4)] : []), payload)
}

function long(first: number, second: number, length: number): Uint8Array {
  const head = new Uint8Array(10)
  head.set([first, second])
  new DataView(head.buffer).setBigUint64(2, BigInt(length))
  return head
}
