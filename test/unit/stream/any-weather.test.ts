// Any stack over any path: what was written arrives, in order and whole, both ways, and both ends close cleanly. Seeded,
// so that a failure can be run again.
import { describe, expect, it } from 'vitest'
import type { Layer } from '../../../src/layer.js'
import { memoryPair } from '../../../src/platform/memory/index.js'
import { Connection, streamFromWire, wireFromStream } from '../../../src/stream/index.js'
import { clock, framed, hear, pattern, slow, tick, xor } from './toys.js'

function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) % sides
  }
}

describe('any stack over any path', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))('seed %i', async (seed) => {
    const roll = dice(seed)
    const overlaps: string[] = []
    const pause = () => (roll(4) === 0 ? tick() : Promise.resolve())
    const kinds: Array<() => Layer<object>> = [() => xor(seed), () => framed(), () => slow(overlaps, pause)]
    const plan = Array.from({ length: 1 + roll(4) }, () => kinds[roll(3)]!)
    const chop = [undefined, () => 1 + roll(3000), 700][roll(3)]
    const path = { capacity: 1 + roll(100_000), ...(chop === undefined ? {} : { chop }) }
    const ends = memoryPair(path).map((wire) => (roll(3) === 0 ? wireFromStream(streamFromWire(wire)) : wire))
    const connections = ends.map((wire) => new Connection(wire, { clock }))
    for (const make of plan) await Promise.all(connections.map((connection) => connection.push(make())))
    const contents = connections.map((_, i) => pattern(roll(100_000), seed * 2 + i + 1))
    const heards = connections.map((connection) =>
      hear(connection.wire(), () => (roll(3) === 0 ? pause() : undefined)),
    )
    await Promise.all(
      connections.map(async (connection, i) => {
        const content = contents[i]!
        for (let at = 0; at < content.length; ) {
          const size = 1 + roll(20_000)
          const written = connection.wire().write([content.subarray(at, at + size)])
          if (roll(5) > 0) await written
          at += size
        }
        await connection.wire().end()
      }),
    )
    for (const [i, heard] of heards.entries()) {
      expect(await heard.end).toBeUndefined()
      expect(Buffer.compare(heard.all(), contents[1 - i]!)).toBe(0)
    }
    expect(overlaps).toEqual([])
    await Promise.all(connections.map(({ closed }) => closed))
  })
})
