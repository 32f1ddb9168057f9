// ECDSA (FIPS 186-5 §6) from @noble/curves over a provider's own hashes. Verifying is what pages without crypto.subtle
// need; signing with a long-lived key in JavaScript takes time that depends on it, however little.
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { concat } from '../bytes/index.js'
import { failure } from '../errors.js'
import { ecdsaSignatureFromDer, ecdsaSignatureToDer } from './ecdsa-encoding.js'
import { ecPrivateScalar, ecPublicPoint, ecSpki } from './key-encoding.js'
import type { CryptoProvider, KeyKind, PublicKey, SignatureAlgorithm, Signer } from './provider.js'
import { algorithmFits, algorithmName, isSignatureHash, signerCan } from './signatures.js'

const curves = { 'P-256': p256, 'P-384': p384, 'P-521': p521 } as const

/** False for a wrong or malformed signature; throws ERR_CRYPTO_UNAVAILABLE for an algorithm that is not ECDSA with SHA-2. */
export function ecdsaVerify(
  { hashes }: Pick<CryptoProvider, 'hashes'>,
  algorithm: SignatureAlgorithm,
  { key, spki }: PublicKey,
  signature: Uint8Array,
  data: Uint8Array,
): boolean {
  if (algorithm.kind !== 'ecdsa' || !isSignatureHash(algorithm.hash))
    throw failure('ERR_CRYPTO_UNAVAILABLE', `signatures with ${algorithmName(algorithm)}`)
  if (key.kind !== 'ec') return false
  const point = ecPublicPoint(spki, key.curve)
  const joined = ecdsaSignatureFromDer(signature, key.curve)
  if (point === undefined || joined === undefined) return false
  const digest = hashes[algorithm.hash].digest(data)
  try {
    // TLS knows no rule about the sign of s.
    return curves[key.curve].verify(joined, digest, concat(new Uint8Array([4]), point), {
      prehash: false,
      lowS: false,
    })
  } catch {
    return false
  }
}

/** A signer for an unencrypted PKCS#8 EC key; ERR_CRYPTO_KEY when it is not one on that curve. */
export function ecdsaSigner(
  { hashes, random }: Pick<CryptoProvider, 'hashes' | 'random'>,
  pkcs8: Uint8Array,
  kind: KeyKind,
): Signer {
  const scalar = kind.kind === 'ec' ? ecPrivateScalar(pkcs8, kind.curve)?.slice() : undefined
  if (kind.kind !== 'ec' || scalar === undefined || !curves[kind.curve].utils.isValidSecretKey(scalar))
    throw failure('ERR_CRYPTO_KEY', 'not an unencrypted PKCS#8 EC key on that curve')
  const curve = curves[kind.curve]
  const signer: Signer = {
    key: kind,
    spki: ecSpki(curve.getPublicKey(scalar, false), kind.curve),
    sign(algorithm, data) {
      if (algorithm.kind !== 'ecdsa' || !isSignatureHash(algorithm.hash) || !signerCan(signer, algorithm))
        throw failure('ERR_CRYPTO_UNAVAILABLE', `${algorithmName(algorithm)} with this private key`)
      const digest = hashes[algorithm.hash].digest(data)
      // RFC 6979 §3.6: the nonce is drawn from key, digest and fresh bytes, so that neither a weak source nor a fault that
      // repeats gives the key away.
      const extraEntropy = random(32)
      return ecdsaSignatureToDer(curve.sign(digest, scalar, { prehash: false, extraEntropy }))
    },
  }
  return signer
}

/** Whether `ecdsaVerify` and `ecdsaSigner` can do it. */
export function isEcdsa(algorithm: SignatureAlgorithm, key?: KeyKind): boolean {
  return (
    algorithm.kind === 'ecdsa' &&
    isSignatureHash(algorithm.hash) &&
    (key === undefined || algorithmFits(algorithm, key))
  )
}
