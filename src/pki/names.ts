// Distinguished names: parsing and comparison (RFC 5280 §7.1). How they look in messages is in name-text.ts, names of
// servers are in server-name.ts; no policy about what a name must hold.
import { type Bytes, fromLatin1, fromUtf8, hex } from '../bytes/index.js'
import { type Der, tags } from '../der/index.js'

export interface Attribute {
  /** Dotted OID. */
  readonly type: string
  readonly tag: number
  readonly value: Bytes
  /** The value as text where it is a string. */
  readonly text: string | undefined
}

export interface Name {
  readonly der: Bytes
  /** In the order of the certificate; an RDN mostly has one attribute. */
  readonly rdns: ReadonlyArray<readonly Attribute[]>
  /** One comparison key an RDN: equal keys are equal RDNs. */
  readonly keys: readonly string[]
  /** Comparison key of the whole name. */
  readonly key: string
}

/** The next element as a Name. */
export function readName(from: Der): Name {
  const sequence = from.sequence()
  const rdns: Attribute[][] = []
  while (sequence.more) {
    const set = sequence.next(tags.set)
    const rdn: Attribute[] = []
    do {
      const pair = set.sequence()
      const type = pair.oid()
      const value = pair.next()
      pair.end()
      rdn.push({ type, tag: value.tag, value: value.content, text: stringText(value) })
    } while (set.more)
    rdns.push(rdn)
  }
  const keys = rdns.map((rdn) => JSON.stringify(rdn.map(attributeKey).sort()))
  return { der: sequence.encoded, rdns, keys, key: keys.join() }
}

/** Text of the first attribute of a type (dotted OID). */
export function attribute(name: Name, type: string): string | undefined {
  return name.rdns.flat().find((a) => a.type === type)?.text
}

function attributeKey({ type, tag, value, text }: Attribute): string {
  // RFC 5280 §7.1: case-insensitive, white space folded, whichever of the string types; everything else bytewise.
  const folds = tag === tags.printableString || tag === tags.utf8String || tag === tags.ia5String
  return folds && text !== undefined
    ? `${type}=${text.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ')}`
    : `${type}#${tag}:${hex(value)}`
}

function stringText(value: Der): string | undefined {
  switch (value.tag) {
    case tags.utf8String:
      return fromUtf8(value.content) ?? value.fail('a malformed UTF8String')
    case tags.printableString:
    case tags.ia5String:
    case tags.teletexString:
      return fromLatin1(value.content)
    case tags.bmpString:
      return value.content.reduce(
        (text, byte, i) =>
          i % 2 === 0 ? text : text + String.fromCharCode((value.content[i - 1]! << 8) | byte),
        '',
      )
    default:
      return undefined
  }
}
