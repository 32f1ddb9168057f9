// The words of every complaint about options: the exact key, and what it should have been.
import { failure } from '../errors-node.js'

export function port(key: string, value: unknown, least: number): number {
  return count(key, value, least, 65_535)
}

export function numbers<T extends object>(
  key: string,
  given: Partial<T> | undefined,
  defaults: T,
  mayBeOff: ReadonlyArray<keyof T>,
): T {
  if (given === undefined) return defaults
  onlyKeys(key, given, Object.keys(defaults))
  const checked: Record<string, number> = {}
  for (const [name, standard] of Object.entries(defaults)) {
    const value = given[name as keyof T] ?? standard
    checked[name] = count(`${key}.${name}`, value, mayBeOff.includes(name as keyof T) ? 0 : 1)
  }
  return checked as T
}

export function count(key: string, value: unknown, least: number, most: number = 2 ** 31 - 1): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    reject(key, `a whole number from ${least} to ${most}`)
  }
  return value as number
}

export function onlyKeys(key: string, value: unknown, known: readonly string[]): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) reject(key, 'an object')
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) {
      reject(key === 'options' ? name : `${key}.${name}`, `unknown; there are ${known.join(', ')}`)
    }
  }
}

export function reject(key: string, wanted: string, cause?: unknown): never {
  throw failure('ERR_GATEWAY_CONFIG', `${key}: ${wanted}`, { cause })
}
