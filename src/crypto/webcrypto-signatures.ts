// Verification over SubtleCrypto of what a peer signed, and what signing has in common with it (webcrypto-signers.ts).
// WebCrypto binds an RSA key to one padding and hash at import, speaks r || s for ECDSA, and refuses id-RSASSA-PSS keys.
import type { Bytes } from '../bytes/index.js'
import { failure } from '../errors.js'
import { ecdsaSignatureFromDer } from './ecdsa-encoding.js'
import { asRsaEncryptionSpki, ecPublicPoint, rsaPublicNumbers, spkiAllowsPss } from './key-encoding.js'
import type { CryptoKeyLike, KeyKind, PublicKey, SignatureAlgorithm } from './provider.js'
import { algorithmFits, algorithmName, isSignatureHash } from './signatures.js'
import type { SubtleAlgorithm, SubtleLike } from './subtle.js'

export function subtleCanVerify(algorithm: SignatureAlgorithm, key?: KeyKind): boolean {
  if (algorithm.kind !== 'ed25519' && !isSignatureHash(algorithm.hash)) return false
  return key === undefined || algorithmFits(algorithm, key)
}

export async function subtleVerify(
  subtle: SubtleLike,
  algorithm: SignatureAlgorithm,
  publicKey: PublicKey,
  signature: Uint8Array,
  data: Uint8Array,
): Promise<boolean> {
  if (!subtleCanVerify(algorithm))
    throw failure('ERR_CRYPTO_UNAVAILABLE', `signatures with ${algorithmName(algorithm)}`)
  const { key: kind, spki } = publicKey
  if (!algorithmFits(algorithm, kind)) return false
  // RFC 8017 §8.1.2: the signature is as long as the modulus. Engines on OpenSSL let PSS ones drop leading zeros.
  if (kind.kind === 'rsa' && rsaPublicNumbers(spki)?.modulus.length !== signature.length) return false
  if (kind.kind === 'ec' && ecPublicPoint(spki, kind.curve) === undefined) return false
  if (algorithm.kind === 'rsa-pss' && !spkiAllowsPss(spki, algorithm.hash, algorithm.saltLength)) return false
  const raw = kind.kind === 'ec' ? ecdsaSignatureFromDer(signature, kind.curve) : (signature as Bytes)
  if (raw === undefined) return false
  try {
    const use = importParameters(algorithm, kind)
    let known = imported.get(publicKey)
    if (known?.subtle !== subtle || known.use.name !== use.name || known.use.hash !== use.hash) {
      const encoded = asRsaEncryptionSpki(spki) as Bytes
      known = { subtle, use, key: await subtle.importKey('spki', encoded, use, false, ['verify']) }
      imported.set(publicKey, known)
    }
    return await subtle.verify(useParameters(algorithm), known.key, raw, data as Bytes)
  } catch (cause) {
    // Engines throw for keys they cannot decode (the peer's fault), and by this name for what they do not have.
    if (isNotSupported(cause))
      throw failure('ERR_CRYPTO_UNAVAILABLE', `signatures with ${algorithmName(algorithm)}`, { cause })
    return false
  }
}

interface Imported {
  readonly subtle: SubtleLike
  readonly use: SubtleAlgorithm
  readonly key: CryptoKeyLike
}

/** Keys as they were imported last: of anchors, and of certificates that the pki room remembers; gone with them. */
const imported = /* @__PURE__ */ new WeakMap<PublicKey, Imported>()

/** What WebCrypto calls them. */
export const subtleNames: Readonly<Record<SignatureAlgorithm['kind'], string>> = {
  ecdsa: 'ECDSA',
  'rsa-pkcs1': 'RSASSA-PKCS1-v1_5',
  'rsa-pss': 'RSA-PSS',
  ed25519: 'Ed25519',
}

/** How to import a key for an algorithm. */
export function importParameters(algorithm: SignatureAlgorithm, kind: KeyKind): SubtleAlgorithm {
  const name = subtleNames[algorithm.kind]
  if (kind.kind === 'ec') return { name, namedCurve: kind.curve }
  return algorithm.kind === 'ed25519' ? { name } : { name, hash: algorithm.hash }
}

/** How to sign and verify. */
export function useParameters(algorithm: SignatureAlgorithm): SubtleAlgorithm {
  const name = subtleNames[algorithm.kind]
  if (algorithm.kind === 'ecdsa') return { name, hash: algorithm.hash }
  return algorithm.kind === 'rsa-pss' ? { name, saltLength: algorithm.saltLength } : { name }
}

/** By this name engines throw for what they do not have. */
export function isNotSupported(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'NotSupportedError'
}
