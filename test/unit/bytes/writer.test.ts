import { describe, expect, it } from 'vitest'
import { Writer } from '../../../src/bytes/index.js'

describe('Writer', () => {
  it('writes big-endian numbers and bytes', () => {
    const w = new Writer()
      .u8(1)
      .u16(0xfffe)
      .u32(0xfffefdfc)
      .bytes(Uint8Array.from([7]))
    expect([...w.finish()]).toEqual([1, 0xff, 0xfe, 0xff, 0xfe, 0xfd, 0xfc, 7])
  })

  it('grows past its first capacity', () => {
    const w = new Writer(1)
    for (let i = 0; i < 1000; i++) w.u8(i & 0xff)
    expect([...w.finish()]).toEqual(Array.from({ length: 1000 }, (_, i) => i & 0xff))
  })

  it('grows when its capacity is nothing', () => {
    expect([...new Writer(0).u16(0x0102).finish()]).toEqual([1, 2])
  })

  it('fills in the length of vectors, nested ones too', () => {
    const w = new Writer().vector(3, (outer) =>
      outer.vector(1, (inner) => inner.u16(0x0102)).vector(2, () => {}),
    )
    expect([...w.finish()]).toEqual([0, 0, 5, 2, 1, 2, 0, 0])
  })

  it.each([
    [1, 256],
    [2, 65_536],
  ] as const)('refuses to put more under a prefix of %i bytes than it can say', (prefix, length) => {
    const write = (count: number): Writer =>
      new Writer().vector(prefix, (w) => w.bytes(new Uint8Array(count)))
    expect(() => write(length)).toThrow(RangeError)
    expect(write(length - 1).finish().length).toBe(length - 1 + prefix)
  })

  it('names what was written, parents before children', () => {
    const w = new Writer()
      .u8(0)
      .span('outer', (outer) => outer.u8(1).span('inner', (inner) => inner.u16(2), '2'))
    expect(w.spans).toEqual([
      { start: 1, end: 4, label: 'outer' },
      { start: 2, end: 4, label: 'inner', value: '2' },
    ])
  })

  it('finishes with a copy', () => {
    const w = new Writer().u8(1)
    const first = w.finish()
    w.u8(2)
    expect([...first]).toEqual([1])
    expect([...w.finish()]).toEqual([1, 2])
  })
})
