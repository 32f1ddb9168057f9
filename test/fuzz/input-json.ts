// Inputs as JSON: bytes as `{ "hex": … }`, everything else as it is.
import { fromHex, hex } from '../../src/bytes/index.js'

export function writeInput(input: unknown): string {
  return JSON.stringify(input, (_, value: unknown) =>
    value instanceof Uint8Array ? { hex: hex(value) } : value,
  )
}

export function readInput(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readInput)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  if (entries.length === 1 && entries[0]![0] === 'hex') return fromHex(entries[0]![1] as string)
  return Object.fromEntries(entries.map(([key, each]) => [key, readInput(each)]))
}
