// GeneralName (RFC 5280 §4.2.1.6), as presented by certificates and as the base of name constraints. Only the shape is
// checked here; what matches what is decided in server-name.ts and constraints.ts.
import { type Bytes, fromLatin1 } from '../bytes/index.js'
import { type Der, tags } from '../der/index.js'
import { type Name, readName } from './names.js'

/** Tag numbers of the CHOICE. */
export const generalNameKinds = { other: 0, email: 1, dns: 2, directory: 4, uri: 6, ip: 7 } as const

export interface GeneralName {
  /** RFC 5280 tag number 0..8; see `generalNameKinds`. */
  readonly kind: number
  /** Content octets: of an iPAddress, the address. */
  readonly bytes: Bytes
  /** rfc822Name, dNSName and uniformResourceIdentifier; empty for the others. */
  readonly text: string
  /** directoryName. */
  readonly name?: Name
}

/** All of a non-empty GeneralNames sequence. */
export function readGeneralNames(sequence: Der): GeneralName[] {
  const names: GeneralName[] = []
  // RFC 5280 §4.2.1.6: SIZE (1..MAX).
  do names.push(readGeneralName(sequence))
  while (sequence.more)
  for (const { kind, bytes } of names) {
    // RFC 5280 §4.2.1.6: four octets for IPv4, sixteen for IPv6.
    if (kind === generalNameKinds.ip && bytes.length !== 4 && bytes.length !== 16)
      sequence.fail('a malformed iPAddress')
  }
  return names
}

export function readGeneralName(from: Der): GeneralName {
  const element = from.next()
  const kind = element.tag & 0x1f
  // otherName, x400Address, directoryName and ediPartyName are constructed.
  const constructed = kind === 0 || (kind >= 3 && kind <= 5)
  if (element.tag !== (constructed ? 0xa0 : 0x80) + kind || kind > 8) element.fail('not a GeneralName')
  const base = { kind, bytes: element.content, text: '' }
  if (kind === generalNameKinds.directory) {
    const name = readName(element)
    element.end()
    return { ...base, name }
  }
  if (kind === generalNameKinds.email || kind === generalNameKinds.dns || kind === generalNameKinds.uri) {
    const text = fromLatin1(element.content)
    // RFC 5280 §4.2.1.6: IA5String. A control character in a name is an attack, not a name.
    if (!/^[\x20-\x7e]*$/.test(text)) element.fail('a name that is not printable ASCII')
    return { ...base, text }
  }
  if (kind === generalNameKinds.other) {
    element.oid()
    element.next(0xa0)
    element.end()
  }
  return base
}

/** Insist that AuthorityInfoAccessSyntax is well-formed; nothing in it is used. */
export function skipAccessDescriptions(sequence: Der): void {
  // RFC 5280 §4.2.2.1: SIZE (1..MAX).
  do {
    const description = sequence.next(tags.sequence)
    description.oid()
    readGeneralName(description)
    description.end()
  } while (sequence.more)
}
