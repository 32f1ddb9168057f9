// Numbers that a caller gives. Nothing is greater than NaN or undefined: as a limit they would be none.
import { failure } from '../errors.js'

/** A whole number within its bounds, which are part of it. Raises ERR_TLS_CONFIG with its name. */
export function bounded(name: string, value: number, least = 0, most: number = 2 ** 31): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw failure('ERR_TLS_CONFIG', `\`${name}\` is not ${least} to ${most}`)
}
