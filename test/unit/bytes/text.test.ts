import { describe, expect, it } from 'vitest'
import {
  base64,
  fromBase64,
  fromHex,
  fromLatin1,
  fromUtf8,
  hex,
  latin1,
  utf8,
} from '../../../src/bytes/index.js'

const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i)

describe('Latin-1', () => {
  it('maps code units to bytes and back', () => {
    expect(latin1(fromLatin1(everyByte))).toEqual(everyByte)
    const long = new Uint8Array(100_000).map((_, i) => i)
    expect(latin1(fromLatin1(long))).toEqual(long)
  })

  it('refuses what is not Latin-1', () => {
    expect(() => latin1('\u0100')).toThrow(RangeError)
  })
})

describe('UTF-8', () => {
  const samples = ['', 'abc', 'é', '€', '𐍈', '\u0000\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}']

  it.each(samples)('encodes %j as the platform does', (text) => {
    expect(utf8(text)).toEqual(new Uint8Array(new TextEncoder().encode(text)))
    expect(fromUtf8(utf8(text))).toBe(text)
  })

  it('replaces lone surrogates', () => {
    expect(utf8('a\ud800b')).toEqual(utf8('a\ufffdb'))
  })

  it.each([
    ['a lone continuation', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong slash in three', [0xe0, 0x80, 0xaf]],
    ['an overlong slash in four', [0xf0, 0x80, 0x80, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['past U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a five-byte form', [0xf8, 0x88, 0x80, 0x80, 0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['a broken sequence', [0xe2, 0x28, 0xa1]],
  ])('refuses %s', (_, bytes) => {
    expect(fromUtf8(Uint8Array.from(bytes))).toBeUndefined()
  })
})

describe('hex', () => {
  it('goes both ways, in either case', () => {
    expect(fromHex(hex(everyByte))).toEqual(everyByte)
    expect(fromHex('DEADbeef')).toEqual(Uint8Array.from([0xde, 0xad, 0xbe, 0xef]))
    expect(hex(Uint8Array.from([0, 10, 255]))).toBe('000aff')
  })

  it.each(['a', 'zz', '0x', ' 00', '0 '])('refuses %j', (text) => {
    expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
    expect(() => fromHex(text, 'ERR_CERT_ENCODING')).toThrow(
      expect.objectContaining({ code: 'ERR_CERT_ENCODING' }),
    )
  })
})

describe('base64', () => {
  it.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ])('of %j is %j (RFC 4648 §10)', (text, encoded) => {
    expect(base64(utf8(text))).toBe(encoded)
    expect(fromBase64(encoded)).toEqual(utf8(text))
  })

  it('goes both ways for every byte, and skips white space', () => {
    expect(base64(everyByte)).toBe(Buffer.from(everyByte).toString('base64'))
    expect(fromBase64(base64(everyByte))).toEqual(everyByte)
    expect(fromBase64(' Zm9v\r\n\tYmFy ')).toEqual(utf8('foobar'))
  })

  it.each(['Zg', 'Zg=', 'Z===', 'Zm9v!', 'Zm-_', '=Zg=', 'Zg==Zg=='])('refuses %j', (text) => {
    expect(() => fromBase64(text)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
  })
})
