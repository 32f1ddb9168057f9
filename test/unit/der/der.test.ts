import { describe, expect, it } from 'vitest'
import { equal, fromHex, hex } from '../../../src/bytes/index.js'
import { der, element } from '../../../src/der/index.js'
import { codeOf } from '../pki/der-bytes.js'

const read = (text: string) => der(fromHex(text))

describe('elements', () => {
  it('gives views of content and encoding', () => {
    const outer = read('30060204deadbeef')
    const inner = outer.next().next()
    expect(hex(inner.content)).toBe('deadbeef')
    expect(hex(inner.encoded)).toBe('0204deadbeef')
  })

  it.each([
    ['an indefinite length', '30800000'],
    ['a length of more octets than needed', '308100'],
    ['a long form where the short one does', '30817f'],
    ['a leading zero in the length', '3082008000'],
    ['a high tag number', '1f81010000'],
    ['a length past the end', '30030201'],
    ['no length', '30'],
    ['nothing', ''],
    ['a length of five octets', '30850000000001'],
  ])('refuses %s', (_what, text) => {
    expect(codeOf(() => read(text).next())).toBe('ERR_CERT_ENCODING')
  })

  it('refuses leftovers, depth and size', () => {
    expect(codeOf(() => read('0500ff').inside())).toBe('ERR_CERT_ENCODING')
    let deep = fromHex('0500')
    for (let i = 0; i < 20; i++) deep = element(0x30, deep)
    expect(
      codeOf(() => {
        for (let at = der(deep).next(); at.more; ) at = at.next()
      }),
    ).toBe('ERR_CERT_ENCODING')
    expect(codeOf(() => der(new Uint8Array(100), 'ERR_CERT_CRL', 99))).toBe('ERR_CERT_CRL')
  })

  it('raises the code of the caller', () => {
    expect(codeOf(() => der(fromHex('3080'), 'ERR_CONFIG_IDENTITY').next())).toBe('ERR_CONFIG_IDENTITY')
  })
})

describe('primitives', () => {
  it('reads integers', () => {
    expect(read('020100').small()).toBe(0)
    expect(read('02047fffffff').small()).toBe(0x7fffffff)
    expect(hex(read('02020080').integer())).toBe('0080')
  })

  it.each([
    ['empty', '0200'],
    ['padded positive', '0202007f'],
    ['padded negative', '0202ff80'],
  ])('refuses an integer that is %s', (_what, text) => {
    expect(codeOf(() => read(text).integer())).toBe('ERR_CERT_ENCODING')
  })

  it('refuses small integers that are negative or large', () => {
    expect(codeOf(() => read('0201ff').small())).toBe('ERR_CERT_ENCODING')
    expect(codeOf(() => read('02050100000000').small())).toBe('ERR_CERT_ENCODING')
  })

  it('reads booleans, and only DER ones', () => {
    expect(read('0101ff').boolean()).toBe(true)
    expect(read('010100').boolean()).toBe(false)
    expect(codeOf(() => read('010101').boolean())).toBe('ERR_CERT_ENCODING')
    expect(codeOf(() => read('0102ffff').boolean())).toBe('ERR_CERT_ENCODING')
  })

  it('reads object identifiers of any size of arc', () => {
    expect(read('06082a8648ce3d030107').oid()).toBe('1.2.840.10045.3.1.7')
    expect(read('0603883703').oid()).toBe('2.999.3')
    // A UUID under 2.25 is an arc of 128 bits.
    expect(read(`06146983${'ff'.repeat(17)}7f`).oid()).toMatch(/^2\.25\.\d{38,}$/)
  })

  it.each([
    ['empty', '0600'],
    ['unfinished', '06022a86'],
    ['padded', '06032a8001'],
    ['too long', `0641${'2a'.repeat(65)}`],
  ])('refuses an OID that is %s', (_what, text) => {
    expect(codeOf(() => read(text).oid())).toBe('ERR_CERT_ENCODING')
  })

  it('reads bit strings', () => {
    expect(hex(read('030300beef').next().bitString())).toBe('beef')
    expect(hex(read('03020780').next().bitString(true))).toBe('80')
    for (const text of ['0300', '03020880', '03020781', '030107'])
      expect(codeOf(() => read(text).next().bitString(true))).toBe('ERR_CERT_ENCODING')
    expect(codeOf(() => read('03020780').next().bitString())).toBe('ERR_CERT_ENCODING')
  })
})

describe('writing', () => {
  it.each([0, 1, 127, 128, 255, 256, 65535, 65536])('%i bytes read back', (length) => {
    const content = new Uint8Array(length).fill(5)
    const written = element(0x04, content)
    expect(equal(der(written).octets(), content)).toBe(true)
    expect(equal(der(written).next().encoded, written)).toBe(true)
  })
})
