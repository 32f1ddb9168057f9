// AlgorithmIdentifiers and keys: SubjectPublicKeyInfo (RFC 3279, RFC 5480, RFC 8410, RFC 4055) and signature algorithms.
// What is weak but well-formed is parsed all the same; `keyProblem` says what is not accepted.
import type { Bytes } from '../bytes/index.js'
import {
  isPointOf,
  modulusBits,
  type PssAlgorithm,
  readCurve,
  readKeyInfo,
  readNull,
  readPss,
  readRsaNumbers,
} from '../crypto/key-encoding.js'
import { keyIds } from '../crypto/oid.js'
import type { KeyKind, PublicKey, SignatureAlgorithm } from '../crypto/provider.js'
import { algorithmFits } from '../crypto/signatures.js'
import type { Der } from '../der/index.js'
import { failure } from '../errors.js'

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
  const { type, parameters, key } = readKeyInfo(sequence)
  const found = { spki: sequence.encoded, bits: key.content }
  switch (type) {
    case keyIds.rsa:
      // RFC 3279 §2.3.1: the parameters are NULL.
      readNull(parameters)
      parameters.end()
      return { ...found, key: { kind: 'rsa', bits: modulusBits(readRsaNumbers(key)), pss: false } }
    case keyIds.rsaPss: {
      const pss = parameters.more ? readPss(parameters) : undefined
      parameters.end()
      const kind: KeyKind = { kind: 'rsa', bits: modulusBits(readRsaNumbers(key)), pss: true }
      return pss === undefined ? { ...found, key: kind } : { ...found, key: kind, pss }
    }
    case keyIds.ec: {
      const curve = readCurve(parameters) ?? unsupported(type, 'curve')
      if (!isPointOf(curve, key.content)) key.fail('not an uncompressed point of its curve')
      return { ...found, key: { kind: 'ec', curve } }
    }
    case keyIds.ed25519:
      // RFC 8410 §3: the parameters are absent.
      parameters.end()
      if (key.content.length !== 32) key.fail('a malformed Ed25519 key')
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
  if (!algorithmFits(algorithm, key)) return false
  // RFC 4055 §3.3: the same hash, and a salt at least as long.
  return (
    algorithm.kind !== 'rsa-pss' ||
    pss === undefined ||
    (pss.hash === algorithm.hash && algorithm.saltLength >= pss.saltLength)
  )
}

/** Why a key is not accepted in a path, or undefined. */
export function keyProblem({ key }: PublicKey): string | undefined {
  if (key.kind !== 'rsa') return undefined
  if (key.bits < MIN_RSA_BITS || key.bits > MAX_RSA_BITS || key.bits % 8 !== 0)
    return `an RSA key of ${key.bits} bits`
  return undefined
}

function unsupported(type: string, what: string): never {
  throw failure('ERR_CERT_ALGORITHM', `${what} of a public key (${type})`)
}
