// AlgorithmIdentifiers and keys: SubjectPublicKeyInfo (RFC 3279, RFC 5480, RFC 8410, RFC 4055) and signature algorithms.
// What is weak but well-formed is parsed all the same; `keyProblem` says what is not accepted.
import type { Bytes } from '../bytes/index.js'
import type { CurveName, HashName, KeyKind, PublicKey, SignatureAlgorithm } from '../crypto/provider.js'
import { failure } from '../errors.js'
import { type Der, tags } from './der.js'
import { keyIds, mgf1 } from './oid.js'

type PssAlgorithm = Extract<SignatureAlgorithm, { kind: 'rsa-pss' }>

/** A parsed SubjectPublicKeyInfo. */
export interface SubjectKey extends PublicKey {
  /** The subjectPublicKey bits, without the algorithm. */
  readonly bits: Bytes
  /** RFC 4055 §3.1: an id-RSASSA-PSS key may fix hash and least salt length. */
  readonly pss?: PssAlgorithm
}

/** Smallest RSA modulus accepted by default, in bits. */
const MIN_RSA_BITS = 2048
/** Largest: verification costs grow with it. */
const MAX_RSA_BITS = 8192

const curves: Readonly<Record<string, readonly [CurveName, number]>> = {
  '1.2.840.10045.3.1.7': ['P-256', 32],
  '1.3.132.0.34': ['P-384', 48],
  '1.3.132.0.35': ['P-521', 66],
}

const hashes: Readonly<Record<string, HashName>> = {
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
}

const signatures: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.113549.1.1.11': { kind: 'rsa-pkcs1', hash: 'SHA-256' },
  '1.2.840.113549.1.1.12': { kind: 'rsa-pkcs1', hash: 'SHA-384' },
  '1.2.840.113549.1.1.13': { kind: 'rsa-pkcs1', hash: 'SHA-512' },
  '1.2.840.10045.4.3.2': { kind: 'ecdsa', hash: 'SHA-256' },
  '1.2.840.10045.4.3.3': { kind: 'ecdsa', hash: 'SHA-384' },
  '1.2.840.10045.4.3.4': { kind: 'ecdsa', hash: 'SHA-512' },
  [keyIds.ed25519]: { kind: 'ed25519' },
}

/** The next element as a SubjectPublicKeyInfo. Keys of other algorithms or curves throw ERR_CERT_ALGORITHM. */
export function readSubjectKey(from: Der): SubjectKey {
  const sequence = from.sequence()
  const algorithm = sequence.sequence()
  const type = algorithm.oid()
  const bits = sequence.next(tags.bitString)
  sequence.end()
  const key = bits.bitString()
  const found = { spki: sequence.encoded, bits: key }
  switch (type) {
    case keyIds.rsa:
      // RFC 3279 §2.3.1: the parameters are NULL.
      readNull(algorithm)
      algorithm.end()
      return { ...found, key: { kind: 'rsa', bits: rsaBits(bits.nested(key)), pss: false } }
    case keyIds.rsaPss: {
      const pss = algorithm.more ? readPss(algorithm) : undefined
      algorithm.end()
      const kind: KeyKind = { kind: 'rsa', bits: rsaBits(bits.nested(key)), pss: true }
      return pss === undefined ? { ...found, key: kind } : { ...found, key: kind, pss }
    }
    case keyIds.ec: {
      // RFC 5480 §2.1.1: namedCurve only.
      const [curve, size] =
        (algorithm.peek() === tags.oid && curves[algorithm.oid()]) || unsupported(type, 'curve')
      algorithm.end()
      // RFC 8446 §4.2.8.2: uncompressed points.
      if (key[0] !== 4 || key.length !== 1 + 2 * size) bits.fail('not an uncompressed point of its curve')
      return { ...found, key: { kind: 'ec', curve } }
    }
    case keyIds.ed25519:
      // RFC 8410 §3: the parameters are absent.
      algorithm.end()
      if (key.length !== 32) bits.fail('an Ed25519 key is 32 bytes')
      return { ...found, key: { kind: 'ed25519' } }
    default:
      return unsupported(type, 'key algorithm')
  }
}

/** A signature AlgorithmIdentifier: undefined for one that is not accepted (SHA-1, MD5, DSA …). */
export function readSignatureAlgorithm(identifier: Der): SignatureAlgorithm | undefined {
  const type = identifier.oid()
  if (type === keyIds.rsaPss) {
    const pss = readPss(identifier)
    identifier.end()
    return pss
  }
  const known = signatures[type]
  if (known === undefined) return undefined
  // RFC 4055 §5: NULL, or absent. RFC 5758 §3.2 and RFC 8410 §3: absent.
  if (known.kind === 'rsa-pkcs1' && identifier.more) readNull(identifier)
  identifier.end()
  return known
}

/** Whether a key may make such a signature: the algorithm, and what an id-RSASSA-PSS key restricts itself to. */
export function signatureFits(algorithm: SignatureAlgorithm, { key, pss }: SubjectKey): boolean {
  switch (algorithm.kind) {
    case 'ecdsa':
      return key.kind === 'ec'
    case 'ed25519':
      return key.kind === 'ed25519'
    case 'rsa-pkcs1':
      return key.kind === 'rsa' && !key.pss
    case 'rsa-pss':
      // RFC 4055 §3.3: the same hash, and a salt at least as long.
      return (
        key.kind === 'rsa' &&
        (pss === undefined || (pss.hash === algorithm.hash && algorithm.saltLength >= pss.saltLength))
      )
  }
}

/** Why a key is not accepted in a path, or undefined. */
export function keyProblem({ key }: PublicKey): string | undefined {
  if (key.kind !== 'rsa') return undefined
  if (key.bits < MIN_RSA_BITS || key.bits > MAX_RSA_BITS || key.bits % 8 !== 0)
    return `an RSA key of ${key.bits} bits`
  return undefined
}

/** The modulus size of an RSAPublicKey (RFC 8017 §A.1.1). */
function rsaBits(from: Der): number {
  const sequence = from.inside(tags.sequence)
  const modulus = sequence.integer()
  const exponent = sequence.small()
  sequence.end()
  // RFC 8017 §3.1: n is a product of odd primes, e is odd and at least 3. A larger e only makes verifying slow.
  if (modulus[0]! >= 0x80 || modulus.at(-1)! % 2 === 0)
    sequence.fail('an RSA modulus that is even or negative')
  if (exponent < 3 || exponent % 2 === 0) sequence.fail('an RSA exponent that is even or too small')
  const first = modulus[0] === 0 ? 1 : 0
  return (modulus.length - first) * 8 - Math.clz32(modulus[first] ?? 0) + 24
}

/** RSASSA-PSS-params (RFC 4055 §3.1); undefined when a hash is not accepted (SHA-1 is the default of both). */
function readPss(identifier: Der): PssAlgorithm | undefined {
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

function readHash(identifier: Der | undefined): HashName | undefined {
  if (identifier === undefined) return undefined
  const type = identifier.oid()
  // RFC 4055 §2.1: parameters NULL or absent.
  if (identifier.more) readNull(identifier)
  identifier.end()
  return hashes[type]
}

function readNull(from: Der): void {
  if (from.next(tags.null).content.length !== 0) from.fail('a NULL with content')
}

function unsupported(type: string, what: string): never {
  throw failure('ERR_CERT_ALGORITHM', `${what} of a public key (${type})`)
}
