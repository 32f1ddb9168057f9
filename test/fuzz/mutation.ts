// New inputs out of those that reached something: a part of one put into another, lists spliced, bytes and text edited. Values
// keep their shape, so a target's own rules for its inputs hold: what is no list, bytes or text is only ever exchanged for
// another input's.
import fc from 'fast-check'
import { applied, edit } from './bytes.js'

/** A number from 0 up to a bound, not included. */
export type Random = (bound: number) => number

/** The same numbers for the same seed: a counter, its bits mixed as murmur's last step does. */
export function randomFrom(seed: number): Random {
  let state = seed | 0
  return (bound) => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) % bound
  }
}

/** Lists grow by splicing; past this they only cost time. */
const maxItems = 60
const maxBytes = 100_000

type Step = string | number

/** `base`, changed in one to three places, with parts of `other`. Neither is touched. */
export function mutation(base: unknown, other: unknown, random: Random): unknown {
  let value = base
  for (let left = few(random); left > 0; left--) {
    const places = placesOf(value)
    const place = places[random(places.length)]!
    const part = at(value, place)
    // Inside of a list text says what an item is: its other fields belong to it.
    if (typeof part === 'string' && place.length > 1) continue
    value = replaced(value, place, changed(part, at(other, place), random))
  }
  return value
}

function changed(value: unknown, other: unknown, random: Random): unknown {
  const alike = typeof other === typeof value && kind(other) === kind(value)
  if (value instanceof Uint8Array) {
    if (alike && random(4) === 0) return spliced(value, other as Uint8Array, random)
    return edited(value, random)
  }
  if (Array.isArray(value)) {
    const joined = alike && random(2) === 0 ? [...splicedItems(value, other as unknown[], random)] : []
    if (joined.length > 0) return joined.slice(0, maxItems)
    return rearranged(value, random)
  }
  // Short text chooses something more often than it is what is tried.
  if (typeof value === 'string' && value.length > 40) {
    const bytes = Buffer.from(value, 'utf8')
    const text = alike ? Buffer.from(other as string, 'utf8') : bytes
    const made = random(3) === 0 ? spliced(bytes, text, random) : edited(bytes, random)
    return Buffer.from(made.slice(0, maxBytes)).toString('utf8')
  }
  return alike ? other : value
}

/** One byte half of the time: most of what an input reached needs the rest as it is. */
function edited(value: Uint8Array, random: Random): Uint8Array {
  if (value.length === 0 || random(2) === 0) {
    const edits = fc.sample(edit, { seed: random(2 ** 31), numRuns: few(random) })
    return applied(value, edits).slice(0, maxBytes)
  }
  const copy = value.slice()
  copy[random(copy.length)] = random(256)
  return copy
}

/** One, half of the time; at most three. */
function few(random: Random): number {
  return random(2) === 0 ? 1 : 1 + random(3)
}

function spliced(value: Uint8Array, other: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  const from = random(other.length + 1)
  const piece = other.subarray(from, from + random(other.length - from + 1))
  const place = random(value.length + 1)
  const over = random(2) === 0 ? 0 : piece.length
  const whole = Buffer.concat([value.subarray(0, place), piece, value.subarray(place + over)])
  return Uint8Array.from(whole.subarray(0, maxBytes))
}

function* splicedItems(
  value: readonly unknown[],
  other: readonly unknown[],
  random: Random,
): Generator<unknown> {
  const place = random(value.length + 1)
  yield* value.slice(0, place)
  yield* other.slice(random(other.length + 1))
  yield* value.slice(place + random(2))
}

/** An item less (never the last one), twice, or in another place. */
function rearranged(value: readonly unknown[], random: Random): unknown[] {
  if (value.length === 0) return []
  const place = random(value.length)
  const rest = value.filter((_, i) => i !== place)
  switch (random(3)) {
    case 0:
      return rest.length > 0 ? rest : [...value]
    case 1:
      return [...value, value[place]].slice(0, maxItems)
    default:
      return rest.toSpliced(random(rest.length + 1), 0, value[place])
  }
}

/** Paths to everything in a value, itself included. */
function placesOf(value: unknown, path: readonly Step[] = []): Step[][] {
  const own = [[...path]]
  if (kind(value) !== 'object' && kind(value) !== 'array') return own
  const inner = Object.entries(value as object).slice(0, maxItems)
  return [...own, ...inner.flatMap(([key, each]) => placesOf(each, [...path, key]))]
}

function at(value: unknown, path: readonly Step[]): unknown {
  return path.reduce<unknown>((inner, step) => (inner as Record<Step, unknown> | undefined)?.[step], value)
}

function replaced(value: unknown, [step, ...rest]: readonly Step[], part: unknown): unknown {
  if (step === undefined) return part
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<Step, unknown>
  copy[step] = replaced(copy[step], rest, part)
  return copy
}

function kind(value: unknown): string {
  if (value instanceof Uint8Array) return 'bytes'
  if (Array.isArray(value)) return 'array'
  return value === null ? 'null' : typeof value
}
