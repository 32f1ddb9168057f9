import { describe, expect, it } from 'vitest'
import { concat, equal, equalConstantTime } from '../../../src/bytes/index.js'

describe.each([
  ['equal', equal],
  ['equalConstantTime', equalConstantTime],
] as const)('%s', (_, compare) => {
  it.each([
    [[], [], true],
    [[1, 2, 3], [1, 2, 3], true],
    [[1, 2, 3], [1, 2, 4], false],
    [[0, 2, 3], [1, 2, 3], false],
    [[1, 2], [1, 2, 0], false],
    [[0x80], [0x00], false],
  ])('of %j and %j is %s', (a, b, expected) => {
    expect(compare(Uint8Array.from(a), Uint8Array.from(b))).toBe(expected)
  })

  it('looks at the bytes of views, not at their buffers', () => {
    const bytes = Uint8Array.from([9, 1, 2, 9, 1, 2])
    expect(compare(bytes.subarray(1, 3), bytes.subarray(4))).toBe(true)
  })
})

describe('concat', () => {
  it('joins any number of parts into bytes of its own', () => {
    const part = Uint8Array.from([1, 2])
    const joined = concat(part, new Uint8Array(), Uint8Array.from([3]))
    expect([...joined]).toEqual([1, 2, 3])
    part[0] = 9
    expect([...joined]).toEqual([1, 2, 3])
    expect(concat()).toEqual(new Uint8Array())
  })
})
