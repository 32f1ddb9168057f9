// Certificate extensions (RFC 5280 §4.2), decoded. A critical extension that is not acted upon is noted, not judged:
// whether that matters is the path's affair (path.ts).
import type { Bytes } from '../bytes/index.js'
import { type Der, tags } from '../der/index.js'
import { type GeneralName, readGeneralNames, skipAccessDescriptions } from './general-names.js'
import { extensionIds } from './oid.js'

/** RFC 5280 §4.2.1.3: bit numbers. */
export const keyUsageBits = { digitalSignature: 0, keyCertSign: 5, crlSign: 6 } as const

export interface Extensions {
  readonly subjectKeyId?: Bytes
  readonly authorityKeyId?: Bytes
  /** Bits set, by number; undefined when the extension is absent. */
  readonly keyUsage?: ReadonlySet<number>
  readonly altNames?: readonly GeneralName[]
  readonly ca: boolean
  readonly pathLength?: number
  /** Read when a path is sought (constraints.ts): few certificates have any. */
  readonly nameConstraints?: Der
  /** Dotted OIDs; undefined when the extension is absent. */
  readonly purposes?: readonly string[]
  /** OIDs of extensions that forbid use here: critical and not understood, or not supported. */
  readonly refused: readonly string[]
}

type Draft = { -readonly [K in keyof Extensions]: Extensions[K] } & { refused: string[] }

/** The Extensions sequence of a certificate. */
export function readExtensions(sequence: Der | undefined): Extensions {
  const found: Draft = { ca: false, refused: [] }
  if (sequence !== undefined)
    readEachExtension(sequence, (id, value, critical) => {
      const read = readers[id]
      if (read === undefined) {
        if (critical) found.refused.push(id)
        return
      }
      const element = value.next()
      value.end()
      read(found, element)
      // RFC 5280 §4.2.1.1, §4.2.1.2, §4.2.2.1: MUST be marked non-critical.
      if (critical && neverCritical.has(id)) found.refused.push(id)
    })
  return found
}

/** Walk an Extensions sequence; `value` is a cursor over the content of extnValue. Shared with CRLs. */
export function readEachExtension(
  sequence: Der,
  each: (id: string, value: Der, critical: boolean) => void,
): void {
  const seen = new Set<string>()
  // RFC 5280 §4.1.2.9: SIZE (1..MAX).
  do {
    const extension = sequence.sequence()
    const id = extension.oid()
    // RFC 5280 §4.2: no more than one instance of an extension.
    if (seen.has(id)) extension.fail(`two extensions ${id}`)
    seen.add(id)
    // An explicit FALSE breaks X.690 §11.5 and is common in the wild.
    const critical = extension.peek() === tags.boolean && extension.boolean()
    const value = extension.octets()
    extension.end()
    each(id, extension.nested(value), critical)
  } while (sequence.more)
}

/** The keyIdentifier of an AuthorityKeyIdentifier; the other fields are hints that are not used. */
export function readAuthorityKeyId(element: Der): Bytes | undefined {
  // RFC 5280 §4.2.1.1: keyIdentifier, authorityCertIssuer and authorityCertSerialNumber, each at most once.
  const fields = expectSequence(element)
  const id = fields.optional(0x80)?.content
  fields.optional(0xa1)
  fields.optional(0x82)
  fields.end()
  return id
}

const neverCritical: ReadonlySet<string> = new Set([
  extensionIds.authorityKeyIdentifier,
  extensionIds.subjectKeyIdentifier,
  extensionIds.authorityInfoAccess,
])

const nothing = (): void => {}

const readers: Readonly<Record<string, (found: Draft, element: Der) => void>> = {
  [extensionIds.subjectKeyIdentifier](found, element) {
    if (element.tag !== tags.octetString) element.fail('a malformed key identifier')
    found.subjectKeyId = element.content
  },
  [extensionIds.authorityKeyIdentifier](found, element) {
    const id = readAuthorityKeyId(element)
    if (id !== undefined) found.authorityKeyId = id
  },
  [extensionIds.keyUsage](found, element) {
    const octets = element.bitString(true)
    const set = new Set<number>()
    for (let bit = 0; bit < octets.length * 8; bit++)
      if ((octets[bit >> 3]! & (0x80 >> (bit & 7))) !== 0) set.add(bit)
    // RFC 5280 §4.2.1.3: at least one bit is set.
    if (set.size === 0) element.fail('an empty keyUsage')
    found.keyUsage = set
  },
  [extensionIds.subjectAltName](found, element) {
    found.altNames = readGeneralNames(expectSequence(element))
  },
  [extensionIds.basicConstraints](found, element) {
    expectSequence(element)
    found.ca = element.peek() === tags.boolean && element.boolean()
    if (element.more) found.pathLength = element.small()
    element.end()
  },
  [extensionIds.nameConstraints](found, element) {
    found.nameConstraints = expectSequence(element)
  },
  [extensionIds.extendedKeyUsage](found, element) {
    const purposes: string[] = []
    // RFC 5280 §4.2.1.12: SIZE (1..MAX).
    do purposes.push(expectSequence(element).oid())
    while (element.more)
    found.purposes = purposes
  },
  [extensionIds.authorityInfoAccess](_found, element) {
    skipAccessDescriptions(expectSequence(element))
  },
  // RFC 5280 §6.1.5: with any policy acceptable and none required, policies cannot fail a path …
  [extensionIds.certificatePolicies]: nothing,
  [extensionIds.policyMappings]: nothing,
  [extensionIds.inhibitAnyPolicy]: nothing,
  // … but policyConstraints can require one, critical or not, and the policy tree is not computed here.
  [extensionIds.policyConstraints](found) {
    found.refused.push(extensionIds.policyConstraints)
  },
}

function expectSequence(element: Der): Der {
  if (element.tag !== tags.sequence) element.fail('not a sequence')
  return element
}
