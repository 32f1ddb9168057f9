// Bugs planted on purpose, at the seams and not in the sources: each must be found by the fault matrix, the stalls or the tables of
// bad peers, and be reported as what it is. A matrix that finds nothing is worth something only if it would find these.
import { describe, expect, it } from 'vitest'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import { failure } from '../../src/errors.js'
import { dangerously } from '../../src/pki/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import type { Wire, WireEvents } from '../../src/stream/index.js'
import { certificateFaults, encryptedFaults, serverHelloFaults } from '../adversarial/handshake-faults.js'
import { createWorld } from '../support/tls-server/index.js'
import { runMatrix } from './matrix.js'
import { runStalls } from './stalls.js'
import type { Fault, Plant, Shape } from './tunnel.js'

const shapes: readonly Shape[] = [{ framing: 'direct', version: '1.3', outer: false }]
const sample = { stride: 397, offset: 11, silenceStride: 1_201, shapes } as const

/** A wire of which some parts are replaced. */
function changed(
  wire: Wire,
  { events, ...parts }: Partial<Wire> & { readonly events?: (owner: WireEvents) => Partial<WireEvents> },
): Wire {
  return {
    start: (owner) =>
      wire.start({
        data: (chunk) => owner.data(chunk),
        end: (cause) => owner.end(cause),
        fail: (error) => owner.fail(error),
        ...events?.(owner),
      }),
    write: (chunks) => wire.write(chunks),
    end: () => wire.end(),
    destroy: (reason) => wire.destroy(reason),
    ...parts,
  }
}

interface Planted {
  readonly what: string
  readonly plant: Plant
  readonly kinds: readonly Fault['kind'][]
  /** Every violation is of this kind, and there are some. */
  readonly found: RegExp
  /** Where it hangs, and nobody has to wait for long to know. */
  readonly patience?: number
  /** Where not every byte will do. */
  readonly stride?: number
}

const planted: readonly Planted[] = [
  {
    what: 'the last byte of a chunk is lost',
    plant: { near: (wire) => changed(wire, { events: (o) => ({ data: (c) => o.data(c.slice(0, -1)) }) }) },
    kinds: ['none'],
    found: /^what arrived is no prefix of what was sent$|^a clean end after 69\d bytes$/,
  },
  {
    what: 'a chunk is delivered twice',
    plant: {
      near: (wire) =>
        changed(wire, {
          events: (o) => ({
            async data(chunk) {
              await o.data(chunk.slice())
              await o.data(chunk)
            },
          }),
        }),
    },
    kinds: ['none'],
    found: /^what arrived is no prefix of what was sent$/,
  },
  {
    what: 'bytes get to the server in another order',
    plant: { near: (wire) => changed(wire, { write: (c) => wire.write(c.map((b) => b.slice().reverse())) }) },
    kinds: ['none'],
    found: /^the server got what the client never sent$/,
  },
  {
    what: 'a truncation is told to the client as a clean end',
    plant: {
      near: (wire) => changed(wire, { events: (o) => ({ end: () => o.end(), fail: () => o.end() }) }),
    },
    kinds: ['fin'],
    stride: 61,
    found: /^a clean end (?:after \d+ bytes|of a writer that was not taken at its word)$/,
  },
  {
    what: 'a reset is told to the client as a clean end',
    plant: { near: (wire) => changed(wire, { events: (o) => ({ fail: () => o.end() }) }) },
    kinds: ['rst'],
    stride: 61,
    found: /^a clean end (?:after \d+ bytes|of a writer that was not taken at its word)$/,
  },
  {
    what: 'a truncation is told to the server as a clean end',
    plant: { far: (wire) => changed(wire, { events: (o) => ({ end: () => o.end(), fail: () => o.end() }) }) },
    kinds: ['fin', 'rst'],
    found: /^the server saw a clean end of a part$/,
  },
  {
    what: 'an error is swallowed',
    plant: {
      near: (wire) =>
        changed(wire, {
          events: (o) => ({
            end: (cause) => (cause === undefined ? o.end() : undefined),
            fail: () => {},
          }),
        }),
    },
    kinds: ['fin'],
    found: /^nobody said that it ended$/,
    patience: 2_000,
  },
  {
    what: 'a write is never settled',
    plant: {
      near: (wire) =>
        changed(wire, {
          write(chunks) {
            void wire.write(chunks)
            return new Promise(() => {})
          },
        }),
    },
    kinds: ['none'],
    found: /^nobody said that it ended$/,
    patience: 2_000,
  },
  {
    what: 'bytes are delivered after the end',
    plant: {
      far: (wire) =>
        changed(wire, {
          events: (o) => ({
            async end(cause) {
              await o.end(cause)
              await o.data(new Uint8Array(0))
            },
          }),
        }),
    },
    kinds: ['none'],
    found: /^the server got bytes after the end$/,
  },
  {
    what: 'an error has no name',
    plant: {
      near: (wire) =>
        changed(wire, { events: (o) => ({ fail: () => o.fail(new Error('socket hang up') as never) }) }),
    },
    kinds: ['rst'],
    found: /^not named: Error: socket hang up$/,
  },
  {
    what: 'an error is an internal one',
    plant: {
      near: (wire) => changed(wire, { events: (o) => ({ fail: () => o.fail(failure('ERR_INTERNAL')) }) }),
    },
    kinds: ['rst'],
    found: /^ERR_INTERNAL$/,
  },
  {
    what: 'what the path did not take is told as taken',
    plant: {
      path: (wire) =>
        changed(wire, { write: (chunks) => void wire.write(chunks), end: () => void wire.end() }),
    },
    kinds: ['stall'],
    // All of the last bytes of what goes up.
    stride: 23,
    found: /^a clean end of a writer that was not taken at its word$/,
  },
  {
    what: 'the path below loses a byte by itself',
    plant: { path: (wire) => changed(wire, { events: (o) => ({ data: (c) => o.data(c.slice(0, -1)) }) }) },
    kinds: ['none'],
    // The tunnel is right to fail: that there was no fault is what the matrix knows.
    found: /^(?:ERR_\w+ without a fault|nobody said that it ended)$/,
    patience: 2_000,
  },
]

it('a clean run has no violations', async () => {
  const { violations, cases } = await runMatrix(sample)
  expect(violations).toEqual([])
  expect(cases).toBeGreaterThan(20)
})

describe('the matrix finds it when', () => {
  it.each(planted)('$what', async ({ plant, kinds, found, patience, stride = sample.stride }) => {
    const { violations } = await runMatrix({
      ...sample,
      stride,
      ...(kinds.includes('stall') && { silenceStride: stride }),
      kinds,
      plant,
      ...(patience !== undefined && { patience }),
    })
    // What was lied to may linger on for a moment.
    const whats = violations.map(({ what }) => what).filter((what) => !what.endsWith('cannot be collected'))
    expect(whats).not.toEqual([])
    for (const what of whats) expect(what).toMatch(found)
  })

  it('a timer is left', async () => {
    const timers: NodeJS.Timeout[] = []
    const plant: Plant = { got: () => void timers.push(setInterval(() => {}, 60_000)) }
    const { violations } = await runMatrix({ ...sample, kinds: ['none'], plant, patience: 2_000 })
    for (const timer of timers) clearInterval(timer)
    expect(violations.map(({ what }) => what)).toEqual([
      expect.stringMatching(new RegExp(`^left after a batch of 5: ${timers.length} Timeout$`)),
    ])
  })

  it('sockets are kept for ever', async () => {
    const kept: object[] = []
    const plant: Plant = { got: (socket) => void kept.push(socket) }
    const { violations } = await runMatrix({ ...sample, kinds: ['none'], plant })
    expect(violations.map(({ what }) => what)).toEqual([
      expect.stringMatching(/^\d+ of \d+ objects cannot be collected$/),
    ])
    expect(kept).not.toEqual([])
  })

  it('what is written is taken without bound', async () => {
    const plant: Plant = {
      near(wire) {
        let order: Promise<unknown> = Promise.resolve()
        const inOrder = (act: () => unknown) => {
          order = order.then(act)
          order.catch(() => {})
        }
        return changed(wire, {
          write: (chunks) => inOrder(() => wire.write(chunks)),
          end: () => inOrder(() => wire.end()),
        })
      },
    }
    const stalls = await runStalls({ shapes, plant })
    const found = stalls.filter(({ what }) => what.startsWith('writer'))
    expect(found.map(({ violation }) => violation)).toEqual([
      expect.stringMatching(/^\d+ bytes were taken while nobody read$/),
      expect.stringMatching(/^\d+ bytes were taken while nobody read$/),
    ])
    expect(stalls.filter(({ what }) => what.startsWith('reader')).map(({ violation }) => violation)).toEqual([
      undefined,
      undefined,
    ])
  })
})

/** A provider that does not look at what it is there to look at. */
const blind: readonly (readonly [what: string, crypto: Partial<CryptoProvider>, code: string])[] = [
  ['signatures are not verified', { verify: () => true }, 'ERR_TLS_SIGNATURE'],
  [
    'key shares are not checked',
    {
      groups: nodeCrypto.groups.map((group) => ({
        ...group,
        async generate() {
          const { publicKey } = await group.generate()
          return { publicKey, derive: () => new Uint8Array(32) }
        },
      })),
    },
    'ERR_TLS_KEY_SHARE',
  ],
]

describe('the table of bad servers finds it when', () => {
  it.each(blind)('%s', async (_, crypto, code) => {
    const world = await createWorld(nodeCrypto)
    const rows = [...serverHelloFaults, ...encryptedFaults].filter((row) => row.code === code)
    expect(rows).not.toEqual([])
    for (const { script, options } of rows) {
      const meeting = await world
        .meet(script, { ...options, crypto: { ...nodeCrypto, ...crypto } })
        .catch((error: unknown) => ({ error: error as { readonly code?: string } }))
      expect(meeting.error?.code).not.toBe(code)
    }
  })

  it('certificates are not verified', async () => {
    const [world, stranger] = await Promise.all([createWorld(nodeCrypto), createWorld(nodeCrypto)])
    const codes: (string | undefined)[] = []
    for (const { make } of certificateFaults) {
      const { script, options } = await make(world, stranger)
      const meeting = await world.meet(script, { ...options, trust: dangerously.anyCertificate('planted') })
      codes.push(meeting.error?.code)
    }
    expect(codes.filter((code) => code === undefined).length).toBeGreaterThan(3)
  })
})
