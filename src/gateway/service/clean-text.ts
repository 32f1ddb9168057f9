// Text from the network for logs: names in certificates may hold anything. One line stays one line, and nothing reaches a
// terminal that moves its cursor or turns its text around.

/** Control characters, line separators and directional marks as `\u{…}`; at most `limit` characters. */
export function cleanText(text: string, limit = 1_024): string {
  const short = text.length > limit ? `${text.slice(0, limit)}…` : text
  return short.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u{${character.codePointAt(0)!.toString(16)}}`
  })
}

/** The same for every text in a value of plain data. */
export function cleanValue(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value)
  if (Array.isArray(value)) return value.map(cleanValue)
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cleanValue(each)]))
  }
  return value
}
