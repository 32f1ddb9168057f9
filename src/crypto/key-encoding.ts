// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) and PKCS#8 (RFC 5958) as a provider needs them to hand a key to its engine:
// numbers of RSA keys, raw points and Ed25519 keys, and id-RSASSA-PSS keys (RFC 4055) as rsaEncryption ones, the only form
// that WebCrypto imports. `read…` take a cursor and raise its code; for the others malformed input gives undefined.
import { type Bytes, concat, equal, fromHex } from '../bytes/index.js'
import { type Der, der, element, tags } from '../der/index.js'
import { TunnelError } from '../errors.js'
import { curveIds, hashIds, keyIds, mgf1 } from './oid.js'
import type { CurveName, HashName, SignatureAlgorithm } from './provider.js'
import { curveLengths } from './signatures.js'

export type PssAlgorithm = Extract<SignatureAlgorithm, { kind: 'rsa-pss' }>

/** A SubjectPublicKeyInfo or PKCS#8, taken apart. */
export interface KeyInfo {
  /** Dotted OID. */
  readonly type: string
  /** A cursor over the parameters behind the type. */
  readonly parameters: Der
  /** A cursor over the key itself. */
  readonly key: Der
}

/** The content of a SubjectPublicKeyInfo. */
export function readKeyInfo(sequence: Der): KeyInfo {
  const parameters = sequence.sequence()
  const type = parameters.oid()
  const key = sequence.nested(sequence.next().bitString())
  sequence.end()
  return { type, parameters, key }
}

/** Big-endian numbers without leading zeros. */
export interface RsaNumbers {
  readonly modulus: Uint8Array
  readonly exponent: Uint8Array
}

/** An RSAPublicKey (RFC 8017 §A.1.1) with which one can work safely. */
export function readRsaNumbers(from: Der): RsaNumbers {
  const sequence = from.inside(tags.sequence)
  const modulus = readPositive(sequence)
  const exponent = readPositive(sequence)
  sequence.end()
  // RFC 8017 §3.1: n is a product of odd primes, e is odd and at least 3. Past 32 bits it only burns time.
  if (
    !isOdd(modulus) ||
    !isOdd(exponent) ||
    exponent.length > 4 ||
    (exponent.length === 1 && exponent[0]! < 3)
  )
    sequence.fail('a malformed RSA key')
  return { modulus, exponent }
}

/** RSASSA-PSS-params (RFC 4055 §3.1); undefined when a hash is not accepted (SHA-1 is the default of both). */
export function readPss(identifier: Der): PssAlgorithm | undefined {
  const params = identifier.sequence()
  const hash = readHash(params.optional(0xa0)?.inside(tags.sequence))
  const generator = params.optional(0xa1)?.inside(tags.sequence)
  let mask: HashName | undefined
  if (generator !== undefined) {
    if (generator.oid() !== mgf1) return undefined
    mask = readHash(generator.inside(tags.sequence))
  }
  const saltLength = params.optional(0xa2)?.inside(tags.integer).number() ?? 20
  // RFC 4055 §3.1: the trailer field must be 1.
  if ((params.optional(0xa3)?.inside(tags.integer).number() ?? 1) !== 1) params.fail('an unknown PSS trailer')
  params.end()
  // RFC 4055 §3.1: the mask generation function should use the same hash; anything else is not accepted.
  return hash === undefined || mask !== hash ? undefined : { kind: 'rsa-pss', hash, saltLength }
}

/** The next element, which must be NULL. */
export function readNull(from: Der): void {
  if (from.next(tags.null).content.length !== 0) from.fail('a malformed NULL')
}

/** The named curve that the parameters of an EC key must be (RFC 5480 §2.1.1); undefined for one that is not supported. */
export function readCurve(parameters: Der): CurveName | undefined {
  const curve = parameters.peek() === tags.oid ? curveIds[parameters.oid()] : undefined
  if (curve !== undefined) parameters.end()
  return curve
}

/** Whether these are the octets of an uncompressed point; that it lies on the curve is the engine's to check. */
export function isPointOf(curve: CurveName, octets: Uint8Array): boolean {
  // RFC 5480 §2.2, RFC 8446 §4.2.8.2: 04 is the uncompressed form; CAs issue no other.
  return octets[0] === 4 && octets.length === 1 + 2 * curveLengths[curve]
}

/** The numbers of an RSA key whose exponent can be worked with safely, or undefined. */
export function rsaPublicNumbers(spki: Uint8Array): RsaNumbers | undefined {
  return attempt(() => {
    const { type, key } = readKeyInfo(infoOf(spki))
    return isRsa(type) ? readRsaNumbers(key) : undefined
  })
}

/** Bits of a modulus without leading zeros. */
export function modulusBits({ modulus }: RsaNumbers): number {
  return 8 * modulus.length + 24 - Math.clz32(modulus[0]!)
}

/** The coordinates x || y of a key on this named curve: no explicit parameters, no compressed point. */
export function ecPublicPoint(spki: Uint8Array, curve: CurveName): Uint8Array | undefined {
  return attempt(() => {
    const { type, parameters, key } = readKeyInfo(infoOf(spki))
    return type === keyIds.ec && readCurve(parameters) === curve && isPointOf(curve, key.content)
      ? key.content.subarray(1)
      : undefined
  })
}

/** n, e, d, p, q, dP, dQ, qInv of a two-prime key, or undefined. */
export function rsaPrivateNumbers(pkcs8: Uint8Array): readonly Uint8Array[] | undefined {
  return attempt(() => {
    const { type, key } = readPrivateKeyInfo(pkcs8)
    const numbers = isRsa(type) ? key.inside(tags.sequence) : undefined
    // RFC 8017 §A.1.2: version 0, then eight numbers; version 1 has more primes.
    if (numbers?.small() !== 0) return undefined
    const found = Array.from({ length: 8 }, () => readPositive(numbers))
    numbers.end()
    return found
  })
}

/** The same RSA key under rsaEncryption: what WebCrypto imports. Other keys come back unchanged. */
export function asRsaEncryptionSpki(spki: Uint8Array): Uint8Array {
  const info = attempt(() => readKeyInfo(infoOf(spki)))
  return info?.type === keyIds.rsaPss ? rsaEncryptionSpki(info.key.content) : spki
}

/** The same RSA key under rsaEncryption: what WebCrypto imports. Other keys come back unchanged. */
export function asRsaEncryptionPkcs8(pkcs8: Uint8Array): Uint8Array {
  const info = attempt(() => readPrivateKeyInfo(pkcs8))
  if (info?.type !== keyIds.rsaPss) return pkcs8
  return element(
    tags.sequence,
    fromHex('020100'),
    rsaEncryptionIdentifier(),
    element(tags.octetString, info.key.content),
  )
}

/** Whether two SubjectPublicKeyInfos hold one key; RSA keys may name it rsaEncryption here and id-RSASSA-PSS there. */
export function samePublicKey(a: Uint8Array, b: Uint8Array): boolean {
  return equal(asRsaEncryptionSpki(a), asRsaEncryptionSpki(b))
}

/** Whether a SubjectPublicKeyInfo or PKCS#8 is of id-RSASSA-PSS, a key that may make no other signatures. */
export function isPssKey(encoded: Uint8Array): boolean {
  return eitherInfo(encoded)?.type === keyIds.rsaPss
}

/** Whether the parameters of an id-RSASSA-PSS key (either encoding) allow such a signature; any other key has no say. */
export function pssParametersAllow(encoded: Uint8Array, hash: HashName, saltLength: number): boolean {
  return allowsPss(eitherInfo(encoded), hash, saltLength)
}

/** The same of a SubjectPublicKeyInfo. */
export function spkiAllowsPss(spki: Uint8Array, hash: HashName, saltLength: number): boolean {
  return allowsPss(
    attempt(() => readKeyInfo(infoOf(spki))),
    hash,
    saltLength,
  )
}

function allowsPss(info: KeyInfo | undefined, hash: HashName, saltLength: number): boolean {
  // RFC 4055 §3.1: without parameters the key is free.
  if (info?.type !== keyIds.rsaPss || info.parameters.peek() !== tags.sequence) return true
  const allowed = attempt(() => readPss(info.parameters))
  // RFC 4055 §3.3: the same hash, and at least that much salt.
  return allowed !== undefined && allowed.hash === hash && saltLength >= allowed.saltLength
}

/** The scalar of an EC private key on this named curve, big-endian in as many bytes as the curve's. */
export function ecPrivateScalar(pkcs8: Uint8Array, curve: CurveName): Uint8Array | undefined {
  return attempt(() => {
    const { type, parameters, key } = readPrivateKeyInfo(pkcs8)
    if (type !== keyIds.ec || readCurve(parameters) !== curve) return undefined
    // RFC 5915 §3: version 1, the scalar in the octets of the curve's order; what follows is known otherwise.
    const sequence = key.inside(tags.sequence)
    const scalar = sequence.small() === 1 ? sequence.octets() : undefined
    return scalar?.length === curveLengths[curve] ? scalar : undefined
  })
}

/** DER SubjectPublicKeyInfo of an EC key from its uncompressed point, by the curve's header in hex. */
export function ecSpki(point: Uint8Array, curve: CurveName): Bytes {
  return concat(fromHex(ecSpkiHeaders[curve]), point)
}

/** RFC 5480 §2: everything before the point. */
const ecSpkiHeaders: Readonly<Record<CurveName, string>> = {
  'P-256': '3059301306072a8648ce3d020106082a8648ce3d030107034200',
  'P-384': '3076301006072a8648ce3d020106052b81040022036200',
  'P-521': '30819b301006072a8648ce3d020106052b8104002303818600',
}

/** The 32 bytes of an Ed25519 public key. */
export function ed25519PublicKey(spki: Uint8Array): Uint8Array | undefined {
  const info = attempt(() => readKeyInfo(infoOf(spki)))
  const key = info?.key.content
  return info?.type === keyIds.ed25519 && key?.length === 32 ? key : undefined
}

/** The 32-byte seed of an Ed25519 private key (RFC 8410 §7: an OCTET STRING in the OCTET STRING). */
export function ed25519Seed(pkcs8: Uint8Array): Uint8Array | undefined {
  return attempt(() => {
    const { type, key } = readPrivateKeyInfo(pkcs8)
    const seed = type === keyIds.ed25519 ? key.inside(tags.octetString).content : undefined
    return seed?.length === 32 ? seed : undefined
  })
}

/** DER SubjectPublicKeyInfo of an RSA key from its numbers. */
export function rsaSpki({ modulus, exponent }: RsaNumbers): Bytes {
  return rsaEncryptionSpki(element(tags.sequence, writePositive(modulus), writePositive(exponent)))
}

/** DER SubjectPublicKeyInfo of an Ed25519 key. */
export function ed25519Spki(key: Uint8Array): Bytes {
  return concat(fromHex('302a300506032b6570032100'), key)
}

function readPrivateKeyInfo(pkcs8: Uint8Array): KeyInfo {
  const info = infoOf(pkcs8)
  // RFC 5958 §2: v1 (0), or v2 (1) with the public key behind.
  if (info.small() > 1) info.fail('an unknown version of PKCS#8')
  const parameters = info.sequence()
  const type = parameters.oid()
  return { type, parameters, key: info.nested(info.octets()) }
}

function eitherInfo(encoded: Uint8Array): KeyInfo | undefined {
  return attempt(() => readKeyInfo(infoOf(encoded))) ?? attempt(() => readPrivateKeyInfo(encoded))
}

function infoOf(encoded: Uint8Array): Der {
  return der(encoded, 'ERR_CRYPTO_KEY').inside(tags.sequence)
}

/** What is read, or undefined for malformed input. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof TunnelError) return undefined
    throw thrown
  }
}

function readHash(identifier: Der | undefined): HashName | undefined {
  if (identifier === undefined) return undefined
  const type = identifier.oid()
  // RFC 4055 §2.1: parameters NULL or absent.
  if (identifier.more) readNull(identifier)
  identifier.end()
  return hashIds[type]
}

/** The next INTEGER without leading zero: nothing is left of 0. */
export function readPositive(from: Der): Bytes {
  const number = from.integer()
  if (number[0]! >= 0x80) from.fail('a negative number')
  return number[0] === 0 ? number.subarray(1) : number
}

function isOdd(number: Uint8Array): boolean {
  return number.length > 0 && number.at(-1)! % 2 === 1
}

function isRsa(type: string): boolean {
  return type === keyIds.rsa || type === keyIds.rsaPss
}

/** An INTEGER of a big-endian number that has no leading zeros. */
export function writePositive(number: Uint8Array): Bytes {
  return element(tags.integer, new Uint8Array(number[0]! >= 0x80 ? 1 : 0), number)
}

function rsaEncryptionSpki(key: Uint8Array): Bytes {
  return element(tags.sequence, rsaEncryptionIdentifier(), element(tags.bitString, new Uint8Array(1), key))
}

function rsaEncryptionIdentifier(): Bytes {
  return fromHex('300d06092a864886f70d0101010500')
}
