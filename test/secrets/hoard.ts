// Secrets, and the shapes in which they could turn up in text: as they are, hexadecimal, base64 in its three alignments, and
// lists of numbers as JSON and util.inspect write bytes.
import { inspect } from 'node:util'

export interface Hoard {
  /** A secret of bytes: at least 12, of which any 12 in a row would be recognised at these places. */
  bytes(name: string, bytes: Uint8Array): void
  /** A secret of text, `name-` and then what is random. */
  text(name: string, text: string): void
  /** `secret (shape)` for each that is in the text. */
  foundIn(text: string): string[]
  readonly size: number
}

const least = 12

export function hoard(): Hoard {
  const needles: Array<{ readonly name: string; readonly needle: string; readonly caseless?: boolean }> = []
  const bytes = (name: string, whole: Uint8Array) => {
    if (whole.length < least) throw new Error(`${name} is too short to be told from chance`)
    // Its beginning, middle and end: a dump that is cut short shows the first, a tail the last.
    for (const start of new Set([0, (whole.length - least) >> 1, whole.length - least])) {
      const part = Buffer.from(whole.subarray(start, start + least))
      needles.push({ name: `${name} (hexadecimal)`, needle: part.toString('hex'), caseless: true })
      needles.push({ name: `${name} (latin1)`, needle: part.toString('latin1') })
      for (const separator of [',', ', ', ' ', ':'])
        needles.push({ name: `${name} (numbers)`, needle: [...part].join(separator) })
      for (const separator of [' ', ':'])
        needles.push({
          name: `${name} (hexadecimal, apart)`,
          needle: part.toString('hex').match(/../g)!.join(separator),
          caseless: true,
        })
      needles.push({
        name: `${name} (indexed)`,
        needle: [...part].map((byte, at) => `"${start + at}":${byte}`).join(','),
      })
      // Of twelve bytes at an unknown alignment, fourteen characters are the same whatever stands around.
      for (const skip of [0, 1, 2]) {
        const inner = part.subarray(skip, skip + 9)
        for (const encoding of ['base64', 'base64url'] as const)
          needles.push({ name: `${name} (${encoding})`, needle: inner.toString(encoding) })
      }
    }
  }
  return {
    bytes,
    text(name, text) {
      needles.push({ name, needle: text })
      // What stands before the random part may well be printed.
      bytes(name, Buffer.from(text.slice(text.indexOf('-') + 1)))
    },
    foundIn(text) {
      // Lists of numbers are printed in columns.
      const whole = `${text}\n${text.replace(/\s+/g, ' ')}`
      const lower = whole.toLowerCase()
      const found = needles.filter(({ needle, caseless }) => (caseless ? lower : whole).includes(needle))
      return [...new Set(found.map(({ name }) => name))]
    },
    get size() {
      return needles.length
    },
  }
}

/** Everything a program could print of a value: text, stack, JSON, and what `inspect` finds however deep. */
export function everyShape(value: unknown): string {
  const shapes = [
    String(value),
    inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null, showHidden: true }),
  ]
  try {
    shapes.push(JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each)) ?? '')
  } catch {
    // A cycle has no JSON.
  }
  if (value instanceof Error) {
    shapes.push(value.stack ?? '')
    if (value.cause !== undefined) shapes.push(everyShape(value.cause))
  }
  return shapes.join('\n')
}
