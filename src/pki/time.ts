// UTCTime and GeneralizedTime as RFC 5280 §4.1.2.5 profiles them, to milliseconds since 1970. No clock enters here.
import { fromLatin1 } from '../bytes/index.js'
import { type Der, tags } from '../der/index.js'

/** The next element as a Time. */
export function readTime(from: Der): number {
  const element = from.next()
  const text = fromLatin1(element.content)
  // RFC 5280 §4.1.2.5.1 and §4.1.2.5.2: Zulu, with seconds, without fractions.
  const utc = element.tag === tags.utcTime
  if (!utc && element.tag !== tags.generalizedTime) element.fail('not a time')
  if (text.length !== (utc ? 13 : 15) || !/^\d+Z$/.test(text)) element.fail('a malformed time')
  // RFC 5280 §4.1.2.5.1: YY of 50 and more is 19YY.
  const digits = utc ? (text < '5' ? '20' : '19') + text : text
  // RFC 5280 §4.1.2.5 tells CAs to use UTCTime through 2049. A root of the web's own (Certum) does not, and nothing is
  // ambiguous about it, so GeneralizedTime is read for any year.
  const part = (at: number): number => Number(digits.slice(at, at + 2))
  const time = Date.UTC(Number(digits.slice(0, 4)), part(4) - 1, part(6), part(8), part(10), part(12))
  // A date that does not exist comes back as another one.
  if (timeText(time).replace(/\D/g, '') !== digits.slice(0, 14)) element.fail('a date that does not exist')
  return time
}

/** RFC 3339 text without fractions, for messages. */
export function timeText(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+/, '')
}
