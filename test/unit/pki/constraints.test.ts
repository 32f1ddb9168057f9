import { describe, expect, it } from 'vitest'
import { der } from '../../../src/der/index.js'
import { constrainedNames, constraintProblem } from '../../../src/pki/constraints.js'
import { type GeneralName, readGeneralName } from '../../../src/pki/general-names.js'
import { readNameConstraints } from '../../../src/pki/name-constraints.js'
import { readName } from '../../../src/pki/names.js'
import { ascii, element, name, oid, sequence, text } from './der-bytes.js'

const dns = (value: string) => ascii(0x82, value)
const email = (value: string) => ascii(0x81, value)
const uri = (value: string) => ascii(0x86, value)
const ip = (...octets: number[]) => element(0x87, new Uint8Array(octets))
const directory = (...attributes: [string, string][]) =>
  element(0xa4, name(...attributes.map(([type, value]): [string, Uint8Array] => [type, text(value)])))
const other = () => element(0xa0, oid('1.2.3'), element(0xa0, text('x')))

const constraints = (permitted: Uint8Array[], excluded: Uint8Array[] = []) => {
  const subtrees = (tag: number, list: Uint8Array[]) =>
    list.length === 0 ? [] : [element(tag, ...list.map((base) => sequence(base)))]
  return readNameConstraints(der(sequence(...subtrees(0xa0, permitted), ...subtrees(0xa1, excluded))).next())
}
const named = (encoded: Uint8Array): GeneralName => readGeneralName(der(encoded))
const breaks = (presented: Uint8Array, permitted: Uint8Array[], excluded: Uint8Array[] = []): boolean =>
  constraintProblem(constraints(permitted, excluded), [named(presented)], () => {}) !== undefined

describe('DNS names', () => {
  it.each([
    ['example.test', 'example.test'],
    ['a.b.example.test', 'example.test'],
    ['A.Example.TEST', 'example.test'],
    ['*.example.test', 'example.test'],
    ['*.a.example.test', 'example.test'],
    ['anything.test', ''],
  ])('%s lies within %s', (presented, base) => {
    expect(breaks(dns(presented), [dns(base)])).toBe(false)
    expect(breaks(dns(presented), [], [dns(base)])).toBe(true)
  })

  it.each([
    ['example.test', 'a.example.test'],
    ['notexample.test', 'example.test'],
    ['example.test.evil.test', 'example.test'],
    ['*.test', 'a.b.test'],
  ])('%s lies outside of %s', (presented, base) => {
    expect(breaks(dns(presented), [dns(base)])).toBe(true)
    expect(breaks(dns(presented), [], [dns(base)])).toBe(false)
  })

  it('lets a wildcard neither out of what is permitted nor into what is excluded', () => {
    expect(breaks(dns('*.example.test'), [dns('a.example.test')])).toBe(true)
    expect(breaks(dns('*.example.test'), [], [dns('a.example.test')])).toBe(true)
    expect(breaks(dns('*.example.test'), [], [dns('b.a.example.test')])).toBe(false)
  })

  it.each(['.example.test', 'a_b.example.test', 'a.*.example.test', ''])(
    'fails closed for %s',
    (presented) => {
      expect(breaks(dns(presented), [dns('example.test')])).toBe(true)
      expect(breaks(dns(presented), [], [dns('other.test')])).toBe(true)
    },
  )
})

describe('addresses', () => {
  it('lie within a network of their family', () => {
    const network = ip(192, 0, 2, 0, 255, 255, 255, 0)
    expect(breaks(ip(192, 0, 2, 77), [network])).toBe(false)
    expect(breaks(ip(192, 0, 3, 1), [network])).toBe(true)
    expect(breaks(ip(192, 0, 2, 77), [], [network])).toBe(true)
    const six = ip(...new Array<number>(16).fill(0), ...new Array<number>(16).fill(0))
    expect(breaks(ip(192, 0, 2, 77), [six])).toBe(true)
    expect(breaks(ip(192, 0, 2, 77), [], [six])).toBe(false)
  })
})

describe('mail addresses', () => {
  it.each([
    ['a@example.test', 'a@example.test', true],
    ['a@EXAMPLE.test', 'a@example.test', true],
    ['A@example.test', 'a@example.test', false],
    ['a@example.test', 'example.test', true],
    ['a@sub.example.test', 'example.test', false],
    ['a@sub.example.test', '.example.test', true],
    ['a@example.test', '.example.test', false],
    ['*@example.test', '*@example.test', true],
    ['b@example.test', '*@example.test', false],
    ['a@example.test', '', true],
  ])('%s within %s: %s', (presented, base, within) => {
    expect(breaks(email(presented), [email(base)])).toBe(!within)
    expect(breaks(email(presented), [], [email(base)])).toBe(within)
  })

  it.each(['a@b@example.test', '@example.test', 'example.test', 'a b@example.test', '"a"@example.test'])(
    'fail closed when they are %s',
    (presented) => {
      expect(breaks(email(presented), [], [email('other.test')])).toBe(true)
    },
  )
})

describe('directory names', () => {
  it('lie within those they begin with', () => {
    const base = directory(['2.5.4.10', 'Example'])
    expect(breaks(directory(['2.5.4.10', 'EXAMPLE'], ['2.5.4.3', 'x']), [base])).toBe(false)
    expect(breaks(directory(['2.5.4.3', 'x'], ['2.5.4.10', 'Example']), [base])).toBe(true)
    expect(breaks(directory(['2.5.4.10', 'Example']), [], [base])).toBe(true)
  })
})

describe('other kinds', () => {
  it('are refused only when a name of that kind is there', () => {
    expect(breaks(uri('https://a.test'), [], [uri('b.test')])).toBe(true)
    expect(breaks(other(), [], [other()])).toBe(true)
    expect(breaks(dns('a.test'), [], [uri('b.test'), other()])).toBe(false)
    expect(breaks(uri('https://a.test'), [dns('a.test')])).toBe(false)
  })
})

describe('the names of a certificate', () => {
  const subject = (...attributes: [string, Uint8Array][]) => readName(der(name(...attributes)))
  const mail: [string, Uint8Array] = ['1.2.840.113549.1.9.1', ascii(0x16, 'a@example.test')]

  it('include the subject, and its mail addresses when there is no subjectAltName', () => {
    expect(constrainedNames(subject(mail), undefined).map(({ kind, text: value }) => [kind, value])).toEqual([
      [4, ''],
      [1, 'a@example.test'],
    ])
    expect(constrainedNames(subject(mail), [named(dns('a.test'))]).map(({ kind }) => kind)).toEqual([2, 4])
    expect(constrainedNames(subject(), [])).toEqual([])
  })
})

describe('the budget', () => {
  it('is charged for every name and every comparison', () => {
    let spent = 0
    const names = Array.from({ length: 10 }, (_, i) => named(dns(`n${i}.test`)))
    const many = Array.from({ length: 7 }, (_, i) => dns(`x${i}.test`))
    expect(constraintProblem(constraints([], many), names, () => spent++)).toBeUndefined()
    expect(spent).toBe(10 + 70)
  })
})
