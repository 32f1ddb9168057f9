// What lives long gathers nothing: thousands of reads, writes and pings on one tunnel, and thousands of dials under one signal,
// leave no listener on the signal, no reaction on a promise and no memory.
import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { failure } from '../../src/errors.js'
import { dialerOn } from '../../src/index.js'
import { memoryPair, memoryPlatform } from '../../src/platform/memory/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { Connection, keepAlive, pipe, tunnelSocket, withDeadline } from '../../src/stream/index.js'
import { pingFraming } from '../../src/tunnel/index.js'
import { createAuthority } from '../support/certificates.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes of heap that so many rounds leave behind, a first lot aside. */
async function growth(rounds: number, round: () => Promise<unknown>): Promise<number> {
  const lot = async () => {
    for (let i = 0; i < rounds; i++) await round()
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
    collect()
    return process.memoryUsage().heapUsed
  }
  // What is compiled and cached once is no growth, and neither is what one lot of three happens to leave.
  const before = await lot()
  const grown = [await lot(), await lot(), await lot()].map((heap, i) => (heap - before) / (i + 1))
  return Math.min(...grown) / rounds
}

/** One reaction on a promise, or one listener, is more than this. */
const nothing = 64

describe('one tunnel', () => {
  it('of thousands of writes, reads and pings', async () => {
    const clock = () => performance.now()
    const connections = memoryPair().map((wire) => new Connection(wire, { clock }))
    const abort = new AbortController()
    const sockets = await Promise.all(
      connections.map(async (connection) => {
        await connection.push(pingFraming(), abort.signal)
        keepAlive(connection, { interval: 3_600_000, timeout: 3_600_000 })
        return tunnelSocket(connection.wire(), {}, { closed: connection.closed })
      }),
    )
    const [near, far] = sockets as [(typeof sockets)[0], (typeof sockets)[0]]
    const writer = near.writable.getWriter()
    const reader = far.readable.getReader()
    const chunk = new Uint8Array(100)
    const grown = await growth(5_000, async () => {
      const reading = reader.read()
      await writer.write(chunk)
      connections[0]!.ping()
      await reading
    })
    expect(grown).toBeLessThan(nothing)
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    for (const connection of connections) {
      connection.closed.catch(() => {})
      connection.destroy()
    }
  }, 60_000)
})

describe('one signal', () => {
  const { signal } = new AbortController()

  it('of thousands of pieces of work', async () => {
    const grown = await growth(5_000, () =>
      withDeadline({ signals: [signal], timeout: 60_000, phase: 'dial' }, async () => 1),
    )
    expect(grown).toBeLessThan(nothing)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  }, 60_000)

  it('of thousands of pipes', async () => {
    const grown = await growth(1_000, async () => {
      const [[a, b], [c, d]] = [memoryPair(), memoryPair()]
      const piping = pipe(b, c, { signal })
      for (const end of [a, d]) {
        end.start({ data() {}, end() {}, fail() {} })
        end.end()
      }
      await piping
    })
    expect(grown).toBeLessThan(20 * nothing)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  }, 60_000)

  it('of thousands of dials, the dialer being one and each dial another of its signals', async () => {
    const authority = await createAuthority()
    const own = new AbortController()
    const platform = memoryPlatform({ crypto: nodeCrypto, now: Date.now, serve: () => {} })
    const dialer = dialerOn(
      {
        ...platform,
        dialTcp: () => Promise.reject(failure('ERR_DIAL_REFUSED', 'nobody listens')),
      },
      {
        origin: 'https://lb.test',
        originTrust: authority.certificate,
        trust: authority.certificate,
        alpn: ['app'],
        mode: 'alpn',
        signal: own.signal,
      },
    )
    const listening = getEventListeners(own.signal, 'abort').length
    const grown = await growth(1_000, () =>
      dialer.connect({ signal }).catch((error) => expect(error.code).toBe('ERR_DIAL_REFUSED')),
    )
    // Fewer rounds, and each is work of many kinds; a dial that is kept holds kilobytes.
    expect(grown).toBeLessThan(20 * nothing)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(getEventListeners(own.signal, 'abort')).toHaveLength(listening)
    await dialer.close()
    expect(getEventListeners(own.signal, 'abort')).toEqual([])
  }, 60_000)
})

it('a promise that lives long and is raced with is found', async () => {
  const long = new Promise<void>(() => {})
  const kept = [long]
  expect(await growth(5_000, () => Promise.race([Promise.resolve(), long]))).toBeGreaterThan(nothing)
  expect(kept).toHaveLength(1)
})
