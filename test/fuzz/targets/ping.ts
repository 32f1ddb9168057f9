// Ping framing: the client's layer and the gateway's reader have to make the same of the same bytes, in any pieces; what one
// layer sends another reads.
import fc from 'fast-check'
import { concat, equal } from '../../../src/bytes/index.js'
import { PacketReader } from '../../../src/gateway/ping-framing.js'
import { pingFraming } from '../../../src/tunnel/index.js'
import { cut, cuts } from '../bytes.js'
import { runLayer } from '../layer-run.js'
import { must, outcome, type Target, target } from '../target.js'

interface Stream {
  readonly packets: ReadonlyArray<{ readonly length: number; readonly payload: Uint8Array }>
  readonly cuts: number[]
  readonly limit: number
  readonly sent: readonly Uint8Array[]
}

const payload = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  { weight: 1, arbitrary: fc.nat(40_000).map((n) => new Uint8Array(n)) },
)
const packet = fc.oneof(
  { weight: 10, arbitrary: payload.map((bytes) => ({ length: bytes.length, payload: bytes })) },
  {
    weight: 1,
    arbitrary: fc.record({
      length: fc.oneof(
        fc.nat(200),
        fc.constantFrom(2 ** 24, 2 ** 24 + 1, 0x7fffffff, 0x80000000, 0xffffffff),
      ),
      payload,
    }),
  },
)

export const pingTarget: Target = target('ping', 'ping framing, both ends', () => ({
  input: fc.record({
    packets: fc.array(packet, { maxLength: 12 }),
    cuts,
    limit: fc.constantFrom(1, 7, 16_384, 16 * 1024 * 1024),
    sent: fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 5 }),
  }),
  async execute({ packets, cuts: sizes, limit, sent }: Stream) {
    const bytes = concat(...packets.flatMap(({ length, payload }) => [header(length), payload]))
    const fresh = () => pingFraming({ limits: { packet: limit } })
    const end = (layer: ReturnType<typeof fresh>, sink: Parameters<typeof layer.start>[0]) =>
      layer.eof(undefined, sink)
    const whole = await runLayer(fresh(), [bytes.slice()], end)
    const pieced = await runLayer(fresh(), cut(bytes, sizes), end)
    const rose = Buffer.concat(whole.up)
    must(
      whole.error?.code === pieced.error?.code && whole.ends.join() === pieced.ends.join(),
      'the outcome depends on the pieces',
    )
    must(equal(rose, Buffer.concat(pieced.up)), 'what rises depends on the pieces')

    const reader = new PacketReader(limit)
    const read: Uint8Array[] = []
    const { error } = outcome(() => {
      for (const piece of cut(bytes, sizes))
        for (const each of reader.read(Buffer.from(piece))) read.push(each)
    })
    must(error?.code === whole.error?.code, 'client and gateway disagree')
    if (error === undefined) {
      must(equal(Buffer.concat(read), rose), 'client and gateway read differently')
      must(reader.betweenPackets === (whole.ends[0] === 'end'), 'client and gateway see another end')
    }

    const written = await runLayer(fresh(), [], async (layer, sink) => {
      for (const each of sent) await layer.send(each.slice(), sink)
    })
    const back = await runLayer(fresh(), cut(Buffer.concat(written.down), sizes), end)
    must(
      equal(Buffer.concat(back.up), Buffer.concat(sent)) && back.ends[0] === 'end',
      'what was framed is not read back',
    )
  },
}))

function header(length: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, length)
  return bytes
}
