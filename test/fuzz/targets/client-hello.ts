// The gateway's look at a ClientHello: real ones, changed, in any pieces and any records. What it reads of a hello that the
// client's own parser takes too is the same.
import fc from 'fast-check'
import { concat } from '../../../src/bytes/index.js'
import { clientHelloReader, parseClientHello } from '../../../src/gateway/client-hello.js'
import { readClientHello, writeClientHello } from '../../../src/tls/messages/client-hello.js'
import { applied, cut, cuts, type Edit, edits } from '../bytes.js'
import { must, outcome, type Target, target } from '../target.js'

interface Hello {
  readonly edits: readonly Edit[]
  readonly framed: boolean
  readonly fragment: number
  readonly outside: readonly Edit[]
  readonly cuts: number[]
}

const random = new Uint8Array(32).fill(3)
const real = writeClientHello({
  random,
  sessionId: random,
  suites: [0x1301, 0x1302, 0xc02b],
  serverName: 'Inner.Example.com',
  groups: [29, 23],
  signatureSchemes: [0x403, 0x804],
  alpn: ['teleport-postgres-ping', 'h2'],
  versions: [0x304, 0x303],
  keyShares: [{ group: 29, key: random }],
}).bytes
const limit = 16 * 1024

export const clientHelloTarget: Target = target('client-hello', "the gateway's ClientHello reader", () => ({
  input: fc.record({
    edits,
    framed: fc.oneof(
      { weight: 5, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
    fragment: fc.constantFrom(1 << 14, 1 << 14, 100, 3, 1),
    outside: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: edits }),
    cuts,
  }),
  execute({ edits: changes, framed, fragment, outside, cuts: sizes }: Hello) {
    const message = applied(real, changes)
    const body = message.length - 4
    if (framed && body >= 0) message.set([body >> 16, body >> 8, body & 255], 1)
    const records = cut(message, [fragment]).map((part) =>
      concat(new Uint8Array([22, 3, 1, part.length >> 8, part.length & 255]), part),
    )
    const bytes = applied(concat(...records), outside)
    const read = (pieces: readonly Uint8Array[]) =>
      outcome(() => {
        const reader = clientHelloReader(limit)
        for (const [i, piece] of pieces.entries()) {
          const hello = reader(piece)
          if (hello !== undefined) return { hello, i }
        }
        return undefined
      })
    const whole = read([bytes])
    const pieced = read(cut(bytes, sizes))
    // Past the limit it may be told earlier or later; never as something read.
    const over = [whole, pieced].some(({ error }) => error?.code === 'ERR_GATEWAY_LIMIT')
    if (!over) {
      must(
        whole.error?.code === pieced.error?.code,
        `${whole.error?.code} whole, ${pieced.error?.code} in pieces`,
      )
      must(
        JSON.stringify(whole.value?.hello) === JSON.stringify(pieced.value?.hello),
        'what is read depends on the pieces',
      )
    }
    const hello = whole.value?.hello
    if (hello?.serverName !== undefined)
      must(/^[a-z0-9._-]{0,255}$/.test(hello.serverName), 'a server name that is none')
    outcome(() => parseClientHello(message.subarray(4)))
    if (!framed || outside.length > 0 || hello === undefined) return
    const { value: ours } = outcome(() => readClientHello({ type: 1, bytes: message }).value)
    if (ours === undefined) return
    // The other parser is for test servers: it takes a name of any type for a host name.
    must(
      hello.serverName === undefined ||
        ours.serverName?.toLowerCase().replace(/\.$/, '') === hello.serverName,
      'another server name than the other parser reads',
    )
    must((ours.alpn ?? []).join() === hello.alpn.join(), 'another ALPN than the other parser reads')
  },
}))
