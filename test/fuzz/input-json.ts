// Inputs as JSON: bytes as `{ "hex": … }`, everything else as it is. Seeds written by hand may spell long runs short:
// `{ "text": ["a", [20000, " "]] }` is a string, `{ "latin1": … }` such a string in bytes.
import { fromHex, hex, latin1 } from '../../src/bytes/index.js'

export function writeInput(input: unknown): string {
  return JSON.stringify(input, (_, value: unknown) =>
    value instanceof Uint8Array ? { hex: hex(value) } : value,
  )
}

export function readInput(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readInput)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  if (entries.length === 1) {
    const [form, given] = entries[0]!
    if (form === 'hex') return fromHex(given as string)
    if (Array.isArray(given) && form === 'text') return spelled(given)
    if (Array.isArray(given) && form === 'latin1') return latin1(spelled(given))
  }
  return Object.fromEntries(entries.map(([key, each]) => [key, readInput(each)]))
}

function spelled(parts: readonly unknown[]): string {
  return parts
    .map((part) => (Array.isArray(part) ? String(part[1]).repeat(Number(part[0])) : String(part)))
    .join('')
}
