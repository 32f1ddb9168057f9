import { describe, expect, it } from 'vitest'
import { der } from '../../../src/der/index.js'
import { readTime, timeText } from '../../../src/pki/time.js'
import { ascii, codeOf, sequence } from './der-bytes.js'

describe('times', () => {
  const time = (tag: number, text: string): number => readTime(der(ascii(tag, text)))

  it('reads UTCTime from 1950 through 2049, GeneralizedTime for any year', () => {
    expect(timeText(time(0x17, '500101000000Z'))).toBe('1950-01-01T00:00:00Z')
    expect(timeText(time(0x17, '491231235959Z'))).toBe('2049-12-31T23:59:59Z')
    expect(timeText(time(0x18, '20500101000000Z'))).toBe('2050-01-01T00:00:00Z')
    expect(timeText(time(0x18, '20461006083956Z'))).toBe('2046-10-06T08:39:56Z')
    expect(timeText(time(0x18, '99991231235959Z'))).toBe('9999-12-31T23:59:59Z')
    expect(time(0x17, '240229000000Z')).toBe(Date.UTC(2024, 1, 29))
  })

  it.each([
    [0x17, '2401010000Z'],
    [0x17, '240101000000+0000'],
    [0x17, '20240101000000Z'],
    [0x17, '240101000000z'],
    [0x17, '230229000000Z'],
    [0x17, '241301000000Z'],
    [0x17, '240100000000Z'],
    [0x17, '240101240000Z'],
    [0x17, '240101000060Z'],
    [0x18, '00500101000000Z'],
    [0x18, '20500101000000.5Z'],
    [0x18, '205001010000Z'],
    [0x16, '240101000000Z'],
  ])('refuses %i %s', (tag, text) => {
    expect(codeOf(() => time(tag, text))).toBe('ERR_CERT_ENCODING')
  })

  it('leaves the cursor behind the element', () => {
    const both = der(sequence(ascii(0x17, '240101000000Z'), ascii(0x17, '250101000000Z'))).next()
    expect(readTime(both)).toBeLessThan(readTime(both))
    expect(both.more).toBe(false)
  })
})
