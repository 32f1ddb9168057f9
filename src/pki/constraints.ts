// Checking the names of one certificate against one CA's name constraints (RFC 5280 §4.2.1.10). Every doubt fails closed.
// Comparisons are counted by the caller's budget, since their number is a product.
import { type GeneralName, generalNameKinds as kinds } from './general-names.js'
import { isMailbox, type NameConstraints } from './name-constraints.js'
import { nameText, printable } from './name-text.js'
import type { Name } from './names.js'
import { emailAddress } from './oid.js'
import { isDnsName } from './server-name.js'

export { constraintsError, constraintsOf } from './name-constraints.js'

/** All names that constraints apply to. */
export function constrainedNames(subject: Name, altNames: readonly GeneralName[] | undefined): GeneralName[] {
  const names = altNames === undefined ? [] : [...altNames]
  // RFC 5280 §4.2.1.10: directoryName restrictions apply to a subject that is not empty …
  if (subject.rdns.length > 0)
    names.push({ kind: kinds.directory, bytes: subject.der, text: '', name: subject })
  // … and rfc822Name ones to emailAddress attributes when there is no subjectAltName.
  if (altNames === undefined) {
    for (const { type, text, value } of subject.rdns.flat())
      if (type === emailAddress) names.push({ kind: kinds.email, bytes: value, text: text ?? '' })
  }
  return names
}

/** Why a name breaks the constraints, or undefined. `spend` is called for every name and comparison, and throws past the budget. */
export function constraintProblem(
  { permitted, excluded }: NameConstraints,
  names: readonly GeneralName[],
  spend: () => void,
): GeneralName | undefined {
  return names.find((name) => {
    spend()
    const allowed = permitted.get(name.kind)
    const denied = excluded.get(name.kind)
    if (allowed === undefined && denied === undefined) return false
    // RFC 5280 §6.1: constraints of a form that cannot be processed, on a name that is there, fail the path.
    if (!isComparable(name)) return true
    const some = (subtrees: readonly GeneralName[], strict: boolean): boolean =>
      subtrees.some((subtree) => {
        spend()
        return isWithin(name, subtree, strict)
      })
    // RFC 5280 §4.2.1.10: excluded wins over permitted.
    if (denied !== undefined && some(denied, false)) return true
    return allowed !== undefined && !some(allowed, true)
  })
}

/** A name for messages. */
export function shownName({ name, text }: GeneralName): string {
  return name === undefined ? printable(text) || 'a name' : nameText(name)
}

/** `strict`: all that the name stands for lies within; otherwise any of it. They differ for wildcards only. */
function isWithin(name: GeneralName, subtree: GeneralName, strict: boolean): boolean {
  switch (name.kind) {
    case kinds.dns:
      return isDnsWithin(name.text.toLowerCase(), subtree.text.toLowerCase(), strict)
    case kinds.email:
      return isEmailWithin(name.text, subtree.text)
    case kinds.ip: {
      const { length } = name.bytes
      // RFC 5280 §4.2.1.10: address and mask, of the same family.
      return (
        subtree.bytes.length === 2 * length &&
        name.bytes.every((octet, i) => ((octet ^ subtree.bytes[i]!) & subtree.bytes[length + i]!) === 0)
      )
    }
    default:
      // RFC 5280 §7.1: a directoryName is within a subtree whose RDNs it begins with.
      return subtree.name!.keys.every((key, i) => name.name!.keys[i] === key)
  }
}

function isDnsWithin(name: string, subtree: string, strict: boolean): boolean {
  // RFC 5280 §4.2.1.10: zero or more labels added on the left. The empty subtree holds all names.
  const within = (host: string): boolean => subtree === '' || host === subtree || host.endsWith(`.${subtree}`)
  if (!name.startsWith('*.')) return within(name)
  const parent = name.slice(2)
  // A wildcard stands for every label below its parent: one of them may be what is excluded.
  return within(parent) || (!strict && subtree.slice(subtree.indexOf('.') + 1) === parent)
}

function isEmailWithin(name: string, subtree: string): boolean {
  const at = name.lastIndexOf('@')
  const host = name.slice(at + 1).toLowerCase()
  if (subtree === '') return true
  const subtreeAt = subtree.lastIndexOf('@')
  // RFC 5280 §7.5: the local part is compared exactly, the host without case.
  if (subtreeAt >= 0)
    return (
      name.slice(0, at) === subtree.slice(0, subtreeAt) && host === subtree.slice(subtreeAt + 1).toLowerCase()
    )
  // RFC 5280 §4.2.1.10: a leading period means the hosts below, none means that host.
  return subtree.startsWith('.') ? host.endsWith(subtree.toLowerCase()) : host === subtree.toLowerCase()
}

/** Whether a presented name is of a form, and well-formed enough, to be compared. */
function isComparable({ kind, text }: GeneralName): boolean {
  if (kind === kinds.dns) return isDnsName(text.replace(/^\*\./, ''))
  if (kind === kinds.email) return isMailbox(text)
  return kind === kinds.ip || kind === kinds.directory
}
