// The name constraints extension (RFC 5280 §4.2.1.10): parsing. What malformed constraints would allow is never asked. Few
// CAs have any, so that this is loaded with the comparison (constraints.ts) when one is met.
import type { Der } from '../der/index.js'
import { asTunnelError, type TunnelError } from '../errors.js'
import { type GeneralName, generalNameKinds as kinds, readGeneralName } from './general-names.js'
import { isDnsName } from './server-name.js'

/** Subtrees by GeneralName kind. */
type Subtrees = ReadonlyMap<number, readonly GeneralName[]>

export interface NameConstraints {
  readonly permitted: Subtrees
  readonly excluded: Subtrees
}

const known = new WeakMap<Der, NameConstraints>()

/** The content of the extension, read once. */
export function constraintsOf(extension: Der): NameConstraints {
  const found = known.get(extension) ?? readNameConstraints(extension.nested(extension.content))
  known.set(extension, found)
  return found
}

/** Why it cannot be read, if so. */
export function constraintsError(extension: Der): TunnelError | undefined {
  try {
    constraintsOf(extension)
    return undefined
  } catch (error) {
    return asTunnelError(error)
  }
}

/** The content of the extension. Raises the code of its cursor. */
export function readNameConstraints(sequence: Der): NameConstraints {
  const permitted = readSubtrees(sequence.optional(0xa0))
  const excluded = readSubtrees(sequence.optional(0xa1))
  sequence.end()
  // RFC 5280 §4.2.1.10: not an empty sequence.
  if (permitted.size + excluded.size === 0) sequence.fail('empty name constraints')
  return { permitted, excluded }
}

function readSubtrees(sequence: Der | undefined): Subtrees {
  const subtrees = new Map<number, GeneralName[]>()
  if (sequence === undefined) return subtrees
  // RFC 5280 §4.2.1.10: SIZE (1..MAX).
  do {
    const subtree = sequence.sequence()
    const base = readGeneralName(subtree)
    // RFC 5280 §4.2.1.10: minimum is zero (and therefore not encoded), maximum is absent.
    subtree.end()
    if (!isSubtree(base)) sequence.fail('a malformed name constraint')
    const known = subtrees.get(base.kind)
    if (known === undefined) subtrees.set(base.kind, [base])
    else known.push(base)
  } while (sequence.more)
  return subtrees
}

function isSubtree({ kind, text, bytes }: GeneralName): boolean {
  // RFC 5280 §4.2.1.10: a host name; neither a wildcard nor a leading period.
  if (kind === kinds.dns) return text === '' || isDnsName(text)
  if (kind === kinds.email) return text === '' || isMailbox(text) || isDnsName(text.replace(/^\./, ''))
  // RFC 5280 §4.2.1.10: address and mask in the style of RFC 4632, whose masks are ones followed by zeros.
  return (
    kind !== kinds.ip ||
    ((bytes.length === 8 || bytes.length === 32) && isMask(bytes.subarray(bytes.length / 2)))
  )
}

function isMask(mask: Uint8Array): boolean {
  return /^1*0*$/.test(Array.from(mask, (octet) => octet.toString(2).padStart(8, '0')).join(''))
}

/** RFC 5280 §4.2.1.6: `Local-part@Domain`. */
export function isMailbox(text: string): boolean {
  const [local, host, ...more] = text.split('@')
  return more.length === 0 && host !== undefined && /^[^\s"\\]+$/.test(local!) && isDnsName(host)
}
