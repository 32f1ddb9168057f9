import { describe, expect, it } from 'vitest'
import { Reader } from '../../../src/bytes/index.js'
import type { Span } from '../../../src/trace.js'

const reader = (...bytes: number[]): Reader => new Reader(Uint8Array.from(bytes), 'ERR_TLS_DECODE')
const decodeError = expect.objectContaining({ code: 'ERR_TLS_DECODE', alert: 'decode_error' })

describe('Reader', () => {
  it('reads big-endian numbers', () => {
    const r = reader(1, 0xff, 0xfe, 0xff, 0xfe, 0xfd, 0xfc)
    expect([r.u8(), r.u16(), r.u32()]).toEqual([1, 0xfffe, 0xfffefdfc])
    expect([r.remaining, r.offset]).toEqual([0, 7])
  })

  it.each(['u8', 'u16', 'u32'] as const)('%s past the end raises the code it was given', (read) => {
    const width = { u8: 1, u16: 2, u32: 4 }[read]
    const r = reader(...new Array<number>(width - 1).fill(1))
    expect(() => r[read]()).toThrow(decodeError)
    expect(r.offset).toBe(0)
  })

  it('hands out views and copies', () => {
    const bytes = Uint8Array.from([1, 2, 3, 4])
    const r = new Reader(bytes, 'ERR_TLS_DECODE')
    const view = r.view(2)
    const copy = r.copy(1)
    bytes.fill(9)
    expect([...view]).toEqual([9, 9])
    expect([...copy]).toEqual([3])
    expect([...r.rest()]).toEqual([9])
    expect(() => r.view(1)).toThrow(decodeError)
  })

  it.each([
    [1, [2, 7, 8, 9]],
    [2, [0, 2, 7, 8, 9]],
    [3, [0, 0, 2, 7, 8, 9]],
  ] as const)('reads a vector with a prefix of %i bytes and stays inside it', (prefix, bytes) => {
    const r = reader(...bytes)
    const inner = r.vector(prefix)
    expect([inner.u8(), inner.u8(), inner.remaining]).toEqual([7, 8, 0])
    expect(() => inner.u8()).toThrow(decodeError)
    expect(r.u8()).toBe(9)
  })

  it('refuses vectors that are longer than what is left, or out of bounds', () => {
    expect(() => reader(3, 1, 2).vector(1)).toThrow(decodeError)
    expect(() => reader(1, 1).vector(1, 2)).toThrow(decodeError)
    expect(() => reader(2, 1, 2).vector(1, 0, 1)).toThrow(decodeError)
    expect(() => reader(0).vector(2)).toThrow(decodeError)
  })

  it('insists on the end', () => {
    const r = reader(1)
    expect(() => r.end()).toThrow(decodeError)
    r.u8()
    expect(() => r.end()).not.toThrow()
  })

  it('reads a window of larger bytes', () => {
    const r = new Reader(Uint8Array.from([0, 1, 2, 3]), 'ERR_CERT_ENCODING', { start: 1, end: 3 })
    expect(r.u16()).toBe(0x0102)
    expect(() => r.u8()).toThrow(expect.objectContaining({ code: 'ERR_CERT_ENCODING' }))
  })

  it('shares where spans are collected, and the outer offsets, with sub-readers', () => {
    const spans: Span[] = []
    const r = new Reader(Uint8Array.from([1, 2, 3]), 'ERR_TLS_DECODE', { spans })
    const inner = r.vector(1)
    expect(inner.spans).toBe(spans)
    expect(inner.offset).toBe(1)
    expect(reader(1).spans).toBeUndefined()
  })
})
