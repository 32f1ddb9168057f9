import { describe, expect, it } from 'vitest'
import { hex } from '../../../src/bytes/index.js'
import { der } from '../../../src/der/index.js'
import { readGeneralNames } from '../../../src/pki/general-names.js'
import { nameText, printable } from '../../../src/pki/name-text.js'
import { attribute, type Name, readName } from '../../../src/pki/names.js'
import { presentedNames } from '../../../src/pki/refusal.js'
import { ipOctets, isDnsName, matchesServerName } from '../../../src/pki/server-name.js'
import { ascii, codeOf, element, name, oid, sequence, set, text } from './der-bytes.js'

const parsed = (encoded: Uint8Array): Name => readName(der(encoded))
const cn = (value: Uint8Array): Name => parsed(name(['2.5.4.3', value]))

describe('distinguished names', () => {
  it('compare without case and with folded white space, across string types', () => {
    expect(cn(text(' Example   CA ')).key).toBe(cn(ascii(0x13, 'example ca')).key)
    expect(cn(text('Straße')).key).toBe(cn(text('STRAßE')).key)
    expect(cn(text('a')).key).not.toBe(cn(text('b')).key)
    expect(cn(text('a b')).key).not.toBe(cn(text('ab')).key)
  })

  it('compare other types bytewise', () => {
    expect(cn(ascii(0x14, 'A')).key).not.toBe(cn(ascii(0x14, 'a')).key)
    expect(cn(ascii(0x14, 'a')).key).not.toBe(cn(text('a')).key)
  })

  it('cannot be confused by separators inside values', () => {
    const one = parsed(name(['2.5.4.3', text('a"],["2.5.4.10=b')]))
    const two = parsed(name(['2.5.4.3', text('a')], ['2.5.4.10', text('b')]))
    expect(one.key).not.toBe(two.key)
  })

  it('order the attributes of a multi-valued RDN', () => {
    const pair = (type: string, value: string) => sequence(oid(type), text(value))
    const one = parsed(sequence(set(pair('2.5.4.3', 'a'), pair('2.5.4.10', 'b'))))
    const two = parsed(sequence(set(pair('2.5.4.10', 'b'), pair('2.5.4.3', 'a'))))
    expect(one.key).toBe(two.key)
    expect(nameText(one)).toBe('CN=a+O=b')
  })

  it('read as RFC 4514 text', () => {
    const full = parsed(
      name(['2.5.4.6', ascii(0x13, 'DE')], ['2.5.4.10', text('A, B + "C"')], ['2.5.4.3', text('#x ')]),
    )
    expect(nameText(full)).toBe('CN=\\#x\\ ,O=A\\, B \\+ \\"C\\",C=DE')
    expect(attribute(full, '2.5.4.10')).toBe('A, B + "C"')
    expect(attribute(full, '2.5.4.5')).toBeUndefined()
  })

  it('show unknown types in hexadecimal', () => {
    expect(nameText(parsed(name(['1.3.9999.1.7', text('ab')])))).toBe('1.3.9999.1.7=#0c026162')
  })

  it('escape what could disturb a terminal', () => {
    expect(nameText(cn(text('a\u001b[2J\n\u202eb')))).toBe('CN=a\\1b[2J\\0a\\e2\\80\\aeb')
    expect(printable('x\u0000y')).toBe('x\\00y')
    expect(printable('x'.repeat(9999)).length).toBe(501)
  })

  it('read BMPString', () => {
    expect(attribute(cn(element(0x1e, new Uint8Array([0, 0x41, 0x20, 0xac]))), '2.5.4.3')).toBe('A€')
  })

  it('refuse broken UTF-8 and empty RDNs', () => {
    expect(codeOf(() => cn(element(0x0c, new Uint8Array([0xc0, 0x80]))))).toBe('ERR_CERT_ENCODING')
    expect(codeOf(() => parsed(sequence(set())))).toBe('ERR_CERT_ENCODING')
  })
})

describe('general names', () => {
  const names = (...list: Uint8Array[]) => readGeneralNames(der(sequence(...list)).next())

  it('reads the kinds', () => {
    const [dns, ip, directory, uri, other] = names(
      ascii(0x82, 'a.test'),
      element(0x87, new Uint8Array([192, 0, 2, 1])),
      element(0xa4, name(['2.5.4.3', text('x')])),
      ascii(0x86, 'spiffe://x/y'),
      element(0xa0, oid('1.2.3'), element(0xa0, text('v'))),
    )
    expect(dns).toMatchObject({ kind: 2, text: 'a.test' })
    expect(hex(ip!.bytes)).toBe('c0000201')
    expect(nameText(directory!.name!)).toBe('CN=x')
    expect([uri!.kind, other!.kind]).toEqual([6, 0])
  })

  it.each([
    ['an empty list', []],
    ['an address of five octets', [element(0x87, new Uint8Array(5))]],
    ['NUL in a DNS name', [ascii(0x82, 'a.test\0.b.test')]],
    ['a DNS name that is not ASCII', [ascii(0x82, 'b\u00fccher.test')]],
    ['a wrong tag', [ascii(0xa2, 'a.test')]],
    ['an unknown tag', [ascii(0x89, 'a.test')]],
  ])('refuses %s', (_what, list) => {
    expect(codeOf(() => names(...(list as Uint8Array[])))).toBe('ERR_CERT_ENCODING')
  })
})

describe('server names', () => {
  const dns = (value: string) => ({ kind: 2, bytes: new Uint8Array(), text: value })
  const ip = (...bytes: number[]) => ({ kind: 7, bytes: new Uint8Array(bytes), text: '' })

  it.each([
    ['db.example.test', 'db.example.test'],
    ['DB.example.TEST', 'db.EXAMPLE.test'],
    ['db.example.test.', 'db.example.test'],
    ['db.example.test', '*.example.test'],
    ['xn--bcher-kva.example.test', '*.example.test'],
    ['localhost', 'localhost'],
  ])('%s matches %s', (reference, presented) => {
    expect(matchesServerName(reference, [dns('other.test'), dns(presented)])).toBe(true)
  })

  it.each([
    ['example.test', '*.example.test'],
    ['a.b.example.test', '*.example.test'],
    ['db.example.test', 'd*.example.test'],
    ['a.db.test', 'a.*.test'],
    ['example.test', '*.test'],
    ['test', '*'],
    ['db.example.test', '*'],
    ['*.example.test', '*.example.test'],
    ['db.example.test', 'db.example.test.'],
    ['db_1.example.test', 'db_1.example.test'],
    ['db.example.test\0', 'db.example.test'],
    ['bücher.test', 'bücher.test'],
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2', '192.0.2'],
    ['', ''],
    ['.', ''],
    ['-a.test', '-a.test'],
  ])('%s does not match %s', (reference, presented) => {
    expect(matchesServerName(reference, [dns(presented)])).toBe(false)
  })

  it('matches addresses by their octets only', () => {
    expect(matchesServerName('192.0.2.1', [ip(192, 0, 2, 1)])).toBe(true)
    expect(matchesServerName('192.0.2.1', [ip(192, 0, 2, 2)])).toBe(false)
    expect(matchesServerName('::1', [ip(...new Array<number>(15).fill(0), 1)])).toBe(true)
    expect(matchesServerName('[::1]', [ip(...new Array<number>(15).fill(0), 1)])).toBe(true)
    expect(matchesServerName('a.test', [ip(192, 0, 2, 1)])).toBe(false)
  })

  it.each([
    ['192.0.2.1', 'c0000201'],
    ['::', '00000000000000000000000000000000'],
    ['2001:db8::1', '20010db8000000000000000000000001'],
    ['2001:DB8:0:0:0:0:0:1', '20010db8000000000000000000000001'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['1::', '00010000000000000000000000000000'],
  ])('%s is an address', (value, octets) => {
    expect(hex(ipOctets(value)!)).toBe(octets)
  })

  it.each([
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4.5',
    '0x1.2.3.4',
    ':::',
    '1::2::3',
    '1:2:3',
    '12345::',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    'fe80::1%eth0',
    '::1.2.3',
    'g::',
    '',
  ])('%s is none', (value) => {
    expect(ipOctets(value)).toBeUndefined()
  })

  it('knows host names', () => {
    expect(isDnsName('a-b.c1.test')).toBe(true)
    expect(isDnsName(`${'a'.repeat(63)}.test`)).toBe(true)
    for (const bad of [
      '',
      'a..b',
      '.a',
      'a.',
      `${'a'.repeat(64)}.test`,
      'a-.test',
      '1.2.3.4',
      'a b',
      'a.123',
      `${'a.'.repeat(127)}`,
    ])
      expect(isDnsName(bad)).toBe(false)
  })

  it('lists presented names for messages', () => {
    expect(presentedNames([dns('a.test'), ip(192, 0, 2, 1)])).toBe('a.test, 192.0.2.1')
    expect(presentedNames([])).toBe('no names')
    expect(presentedNames(Array.from({ length: 20 }, (_, i) => dns(`n${i}.test`)))).toMatch(/ and 8 more$/)
  })
})
