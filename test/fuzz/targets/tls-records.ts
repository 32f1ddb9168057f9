// Records of an open TLS connection, and what comes before there are keys: right and wrong ones in any order and any pieces.
// What was sent properly before the first wrong record is delivered, and nothing else.
import fc from 'fast-check'
import { equal, fromHex } from '../../../src/bytes/index.js'
import { alertFor, TunnelError } from '../../../src/errors.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { createWorld } from '../../support/tls-server/index.js'
import { applied, type Edit, edits } from '../bytes.js'
import { must, named, type Target, target } from '../target.js'
import { silent } from '../tls-alerts.js'

/** Warning alerts that the client takes. */
const WARNINGS = 4

type Step =
  | { readonly do: 'send'; readonly data: Uint8Array; readonly padding: number }
  | {
      readonly do: 'record' | 'plain'
      readonly type: number
      readonly content: Uint8Array
      readonly padding: number
    }
  | { readonly do: 'raw'; readonly bytes: Uint8Array }
  | { readonly do: 'bent'; readonly data: Uint8Array; readonly edits: readonly Edit[] }
  | { readonly do: 'ticket' | 'update' | 'update back' | 'close' | 'warn' | 'hello request' }

interface Talk {
  readonly version: 12 | 13
  /** Say it before the ServerHello instead. */
  readonly early: boolean
  readonly chunk: number
  readonly steps: readonly Step[]
}

const data = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 50 }) },
  { weight: 1, arbitrary: fc.constantFrom(16_384, 16_385, 40_000).map((n) => new Uint8Array(n).fill(7)) },
)
const padding = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(17_000) })
const type = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(20, 21, 22, 23) },
  { weight: 1, arbitrary: fc.nat(255) },
)
// biome-ignore format: a list
const messages = ['00000000', '18000001 00', '18000001 01', '0400001400000001000000000101 00', '14000020', '0d00000c01010008000d000400020403', '0100', '015a', '0228', '01', '04ffffff'].map((text) => fromHex(text.replaceAll(' ', '')))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), data, padding }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('record' as const, 'plain' as const),
      type,
      content: fc.oneof(data, fc.constantFrom(...messages)),
      padding,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('raw' as const), bytes: fc.uint8Array({ maxLength: 40 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('bent' as const), data, edits }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('ticket' as const, 'update' as const, 'update back' as const, 'warn' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('close' as const, 'hello request' as const) }) },
)

export const tlsRecordsTarget: Target = target(
  'tls-records',
  'TLS records, in clear and protected',
  async () => {
    const world = await createWorld(nodeCrypto)
    return {
      input: fc.record({
        version: fc.constantFrom(13 as const, 13 as const, 12 as const),
        early: fc.oneof(
          { weight: 3, arbitrary: fc.constant(false) },
          { weight: 1, arbitrary: fc.constant(true) },
        ),
        chunk: fc.constantFrom(1 << 20, 1 << 20, 1000, 7),
        steps: fc.array(step, { minLength: 1, maxLength: 12 }),
      }),
      async execute({ version, early, chunk, steps }: Talk) {
        const expected: Uint8Array[] = []
        /** Nothing after a step of this kind is certain to arrive. */
        let certain = !early
        let warnings = 0
        let flooded = false
        const say = (server: Peer) => {
          for (const each of steps) {
            if (
              each.do !== 'send' &&
              each.do !== 'ticket' &&
              !(version === 13 && each.do.startsWith('update')) &&
              each.do !== 'warn'
            )
              certain = false
            if (each.do === 'warn' && ++warnings > WARNINGS) {
              flooded ||= certain
              certain = false
            }
            if (each.do === 'send' && certain && each.padding === 0) expected.push(each.data)
            else if (each.do === 'send') certain = false
            take(server, each)
          }
        }
        const before = (name: string, server: unknown) => {
          if (early && name === 'server_hello') say(server as Peer)
        }
        const client = { keyShares: ['X25519' as const], limits: { warnings: WARNINGS } }
        const way = { chunk, tolerant: true }
        const meeting =
          version === 13
            ? await world.meet({ before }, client, way)
            : await world.meet12({ before }, client, way)
        if (!early) {
          must(meeting.error === undefined && meeting.info !== undefined, 'an honest handshake fails')
          say(meeting.server as unknown as Peer)
          await meeting.settle()
        }
        const { error } = meeting
        const delivered = meeting.read()
        must(
          equal(delivered.subarray(0, total(expected)), Buffer.concat(expected)),
          'what was sent was not delivered',
        )
        must(
          !flooded || (error instanceof TunnelError && error.code === 'ERR_TLS_LIMIT'),
          'more warnings than may come end nothing',
        )
        must(Buffer.concat(meeting.sent).length < 64 * 1024, 'the client says more than 64 KiB')
        if (error === undefined) return
        if (!(error instanceof TunnelError)) throw error
        named(error)
        must(/^ERR_TLS_/.test(error.code), `a record that ends with ${error.code}`)
        const alert = alertFor(error)
        if (meeting.deaf === undefined && !silent.test(error.code))
          must(meeting.server.alerts.at(-1)?.name === alert, `${error.code} without its alert`)
        const told = meeting.told.length
        await meeting.inject(new Uint8Array(100))
        must(meeting.told.length === told, 'something is told after the error')
      },
    }
  },
)

/** What both servers can do. */
interface Peer {
  send(data: Uint8Array): void
  record(type: number, content: Uint8Array, padding?: number): void
  plain(type: number, content: Uint8Array): void
  raw(bytes: Uint8Array): void
  take(): Uint8Array
  alert(name: 'user_canceled', level?: number): void
  close(): void
  ticket?(): void
  keyUpdate?(request?: 'update_requested'): void
}

function take(server: Peer, each: Step): void {
  switch (each.do) {
    case 'send':
      if (each.padding === 0) server.send(each.data)
      else server.record(23, each.data, each.padding)
      return
    case 'record':
      server.record(each.type, each.content, each.padding)
      return
    case 'plain':
      server.plain(each.type, each.content)
      return
    case 'raw':
      server.raw(each.bytes)
      return
    case 'bent': {
      const held = server.take()
      server.send(each.data)
      const record = applied(server.take(), each.edits)
      server.raw(held)
      server.raw(record)
      return
    }
    case 'ticket':
      server.ticket?.()
      return
    case 'update':
      server.keyUpdate?.()
      return
    case 'update back':
      server.keyUpdate?.('update_requested')
      return
    case 'warn':
      server.alert('user_canceled', 1)
      return
    case 'hello request':
      server.record(22, new Uint8Array(4))
      return
    case 'close':
      server.close()
      return
  }
}

function total(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0)
}
