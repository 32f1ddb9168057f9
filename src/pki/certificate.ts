// X.509 certificates (RFC 5280 §4): structure and the rules that hold for every certificate by itself. Nothing here
// knows about chains, time or trust.
import { type Bytes, equal } from '../bytes/index.js'
import type { SignatureAlgorithm } from '../crypto/provider.js'
import { type Der, der } from '../der/index.js'
import { readSignatureAlgorithm, readSubjectKey, type SubjectKey } from './algorithms.js'
import { type Extensions, keyUsageBits, readExtensions } from './extensions.js'
import { type Name, readName } from './names.js'
import { readTime } from './time.js'

export interface Certificate extends Extensions {
  readonly der: Bytes
  /** 1 or 3. */
  readonly version: number
  /** Content octets of the INTEGER. */
  readonly serialNumber: Bytes
  readonly issuer: Name
  readonly subject: Name
  /** Milliseconds since 1970; both ends are within the validity. */
  readonly notBefore: number
  readonly notAfter: number
  readonly publicKey: SubjectKey
  readonly signed: Signed
}

/** What a signature covers, and the signature. */
export interface Signed {
  /** The DER that is signed. */
  readonly data: Bytes
  /** Undefined for an algorithm that is not accepted. */
  readonly algorithm: SignatureAlgorithm | undefined
  readonly signature: Bytes
}

/**
 * One DER certificate, but for its name constraints. Throws ERR_CERT_ENCODING, and ERR_CERT_ALGORITHM for a public key of an
 * unknown kind.
 */
export function readCertificate(encoded: Uint8Array): Certificate {
  // A copy: what is parsed keeps views, and must not change under them.
  const bytes = new Uint8Array(encoded)
  const [tbs, signed] = readSigned(der(bytes))
  const versionField = tbs.optional(0xa0)
  const version = versionField === undefined ? 1 : versionField.small() + 1
  versionField?.end()
  // RFC 5280 §4.1.2.1: v3 when there are extensions. v1 is the default, so never encoded; v2 is not in use.
  if (version !== 3 && versionField !== undefined) tbs.fail(`version ${version}`)
  const serialNumber = tbs.integer()
  // RFC 5280 §4.1.2.2: at most 20 octets (21 where a 160-bit number needs its sign), not negative.
  if (serialNumber[0]! >= 0x80 || serialNumber.length > (serialNumber[0] === 0 ? 21 : 20))
    tbs.fail('a malformed serial number')
  tbs.sequence()
  const issuer = readName(tbs)
  // RFC 5280 §4.1.2.4: a non-empty distinguished name.
  if (issuer.rdns.length === 0) tbs.fail('an empty issuer')
  const validity = tbs.sequence()
  const notBefore = readTime(validity)
  const notAfter = readTime(validity)
  validity.end()
  const subject = readName(tbs)
  const publicKey = readSubjectKey(tbs)
  // RFC 5280 §4.1.2.8: unique identifiers are not generated; they would be left over here.
  const extensions = readExtensions(version === 3 ? tbs.optional(0xa3)?.inside(0x30) : undefined)
  tbs.end()
  return {
    ...extensions,
    der: bytes,
    version,
    serialNumber,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKey,
    signed,
  }
}

/** The subject of a certificate that is not parsed further: enough to index trust anchors by. */
export function peekSubject(encoded: Uint8Array): Name {
  const tbs = der(encoded).inside(0x30).sequence()
  tbs.optional(0xa0)
  tbs.next()
  tbs.sequence()
  tbs.sequence()
  tbs.sequence()
  return readName(tbs)
}

/** RFC 5280 §4.1.1 and §5.1.1: `SIGNED{…}`. Returns a cursor over the signed content and what verifies it. */
export function readSigned(from: Der): [Der, Signed] {
  const outer = from.inside(0x30)
  const tbs = outer.sequence()
  const identifier = outer.sequence()
  const signature = outer.next().bitString()
  outer.end()
  // The identifier within follows a certificate's version and serial number, or a CRL's version.
  const inner = tbs.nested(tbs.content)
  inner.optional(0xa0)
  inner.optional(0x02)
  // RFC 5280 §4.1.1.2 and §5.1.1.2: the same algorithm identifier inside and outside.
  if (!equal(inner.sequence().encoded, identifier.encoded)) tbs.fail('two signature algorithms')
  return [tbs, { data: tbs.encoded, algorithm: readSignatureAlgorithm(identifier), signature }]
}

/** Whether the key may sign a TLS handshake, which RFC 8446 §4.4.2.2 asks of a leaf: not a question of its path. */
export function allowsDigitalSignature({ keyUsage }: Certificate): boolean {
  return keyUsage?.has(keyUsageBits.digitalSignature) !== false
}

/** RFC 5280 §6.1: subject and issuer are the same name. */
export function isSelfIssued(certificate: Certificate): boolean {
  return certificate.subject.key === certificate.issuer.key
}
