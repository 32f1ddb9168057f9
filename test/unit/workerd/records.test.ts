import { describe, expect, it } from 'vitest'
import { recordsAhead } from '../../../src/platform/workerd/records.js'

function record(length: number, type = 23): Uint8Array {
  const bytes = new Uint8Array(5 + length)
  bytes.set([type, 3, 3, length >> 8, length & 255])
  return bytes
}

describe('bytes missing of a TLS record', () => {
  it('are counted byte by byte', () => {
    const ahead = recordsAhead()
    const missing = [ahead.missing()]
    for (const byte of record(3)) {
      ahead.pass(Uint8Array.of(byte))
      missing.push(ahead.missing())
    }
    expect(missing).toEqual([1, 4, 3, 2, 1, 3, 2, 1, 1])
  })

  it('are those of the last record of a chunk', () => {
    const ahead = recordsAhead()
    ahead.pass(new Uint8Array([...record(100, 22), ...record(1, 20), ...record(5000).subarray(0, 1005)]))
    expect(ahead.missing()).toBe(4000)
    ahead.pass(new Uint8Array(4000))
    expect(ahead.missing()).toBe(1)
  })

  it('of an empty record are none', () => {
    const ahead = recordsAhead()
    ahead.pass(record(0))
    expect(ahead.missing()).toBe(1)
  })

  it.each([
    ['the largest of TLS 1.2', 23, 2 ** 14 + 2048, 2 ** 14 + 2048],
    ['one that is too long', 23, 2 ** 14 + 2049, 1],
    ['an unknown type', 25, 10, 1],
    ['text', 0x48, 10, 1],
  ])('are known for %s or not', (_, type, length, missing) => {
    const ahead = recordsAhead()
    ahead.pass(record(length, type).subarray(0, 5))
    expect(ahead.missing()).toBe(missing)
    // What is no TLS once is none later.
    if (missing > 1) return
    ahead.pass(record(50).subarray(0, 5))
    expect(ahead.missing()).toBe(1)
  })
})
