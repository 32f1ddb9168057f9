// Checks a value against a schema of `schema.ts` and says what is wrong as an operator wants to hear it: the path of the
// entry, what it should be, and for an unknown key the nearest one.
import { nearest } from './nearest.js'
import type { Schema } from './schema.js'

export interface Problem {
  /** As `routes[0].client.alow`; empty for the whole. */
  readonly path: string
  readonly reason: string
}

/** Everything wrong with the value, in the order of the schema's keywords; empty when it fits. */
export function problemsOf(value: unknown, schema: Schema, path = ''): Problem[] {
  if (schema.anyOf !== undefined) return alternatives(value, schema, path)
  const problem = (reason: string): Problem[] => [{ path, reason }]
  switch (schema.type) {
    case 'object':
      return isTable(value) ? tableProblems(value, schema, path) : problem('a table')
    case 'array': {
      if (!Array.isArray(value)) return problem('an array')
      if (value.length < (schema.minItems ?? 0)) return problem(`at least ${schema.minItems} of them`)
      return value.flatMap((each, i) => problemsOf(each, schema.items ?? {}, `${path}[${i}]`))
    }
    case 'string':
      return textProblems(value, schema).flatMap(problem)
    case 'integer':
      return Number.isSafeInteger(value) &&
        (value as number) >= (schema.minimum ?? Number.NEGATIVE_INFINITY) &&
        (value as number) <= (schema.maximum ?? Number.POSITIVE_INFINITY)
        ? []
        : problem(`a whole number from ${schema.minimum} to ${schema.maximum}`)
    case 'boolean':
      return typeof value === 'boolean' ? [] : problem('true or false')
    default:
      return []
  }
}

function tableProblems(value: Readonly<Record<string, unknown>>, schema: Schema, path: string): Problem[] {
  const properties = schema.properties ?? {}
  const at = (key: string) => (path === '' ? key : `${path}.${key}`)
  const given = Object.keys(value)
  const unknown = given.filter((key) => !Object.hasOwn(properties, key))
  const missing = (schema.required ?? []).filter((key) => !Object.hasOwn(value, key))
  const choices = (schema.oneOf ?? []).map(({ required }) => required)
  const chosen = choices.filter((keys) => keys.every((key) => Object.hasOwn(value, key)))
  return [
    ...unknown.map((key) => ({ path: at(key), reason: unknownKey(key, Object.keys(properties)) })),
    ...missing.map((key) => ({ path: at(key), reason: 'is missing' })),
    ...(choices.length > 0 && chosen.length !== 1
      ? [{ path, reason: `either ${choices.join(' or ')}` }]
      : []),
    ...(given.length < (schema.minProperties ?? 0) ? [{ path, reason: 'must say something' }] : []),
    ...given
      .filter((key) => Object.hasOwn(properties, key))
      .flatMap((key) => problemsOf(value[key], properties[key]!, at(key))),
  ]
}

function textProblems(value: unknown, { enum: words, pattern, minLength = 0 }: Schema): string[] {
  if (typeof value !== 'string') return [words === undefined ? 'text' : `one of ${words.join(', ')}`]
  if (words !== undefined && !words.includes(value)) {
    return [`one of ${words.join(', ')}${suggestion(value, words)}`]
  }
  if ([...value].length < minLength) return ['must not be empty']
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) return [`must look like ${pattern}`]
  return []
}

// Alternatives differ by type: the one of the value's own type has the most to say.
function alternatives(value: unknown, schema: Schema, path: string): Problem[] {
  const tried = schema.anyOf!.map((each) => ({ each, problems: problemsOf(value, each, path) }))
  if (tried.some(({ problems }) => problems.length === 0)) return []
  const same = tried.find(({ each }) => each.type === typeOf(value))
  return same?.problems ?? [{ path, reason: tried.map(({ problems }) => problems[0]!.reason).join(', or ') }]
}

function typeOf(value: unknown): Schema['type'] {
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return 'integer'
  if (typeof value === 'string' || typeof value === 'boolean') return typeof value as 'string' | 'boolean'
  return isTable(value) ? 'object' : undefined
}

// TOML's dates are objects too.
function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function unknownKey(key: string, known: readonly string[]): string {
  return `there is no such key${suggestion(key, known) || `; there are ${known.join(', ')}`}`
}

function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return near === undefined ? '' : `; did you mean ${near}?`
}
