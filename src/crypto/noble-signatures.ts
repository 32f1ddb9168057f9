// ECDSA (FIPS 186-5 §6) from @noble/curves over a provider's own hashes. Verifying is what pages without crypto.subtle
// need; signing with a long-lived key in JavaScript takes time that depends on it, however little.
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { type Bytes, concat } from '../bytes/index.js'
import { failure } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import { ecdsaSignatureFromDer, ecdsaSignatureToDer } from './ecdsa-encoding.js'
import { ecPrivateScalar, ecPublicPoint, ecSpki } from './key-encoding.js'
import type { CryptoProvider, Hash, KeyKind, PublicKey, SignatureAlgorithm, Signer } from './provider.js'
import { algorithmFits, algorithmName, isSignatureHash, signerCan } from './signatures.js'

const curves = { 'P-256': p256, 'P-384': p384, 'P-521': p521 } as const

/** False for a wrong or malformed signature; throws ERR_CRYPTO_UNAVAILABLE for an algorithm that is not ECDSA with SHA-2. */
export function ecdsaVerify(
  { hashes }: Pick<CryptoProvider, 'hashes'>,
  algorithm: SignatureAlgorithm,
  { key, spki }: PublicKey,
  signature: Uint8Array,
  data: Uint8Array,
): MaybePromise<boolean> {
  if (algorithm.kind !== 'ecdsa' || !isSignatureHash(algorithm.hash))
    throw failure('ERR_CRYPTO_UNAVAILABLE', `signatures with ${algorithmName(algorithm)}`)
  if (key.kind !== 'ec') return false
  const point = ecPublicPoint(spki, key.curve)
  const joined = ecdsaSignatureFromDer(signature, key.curve)
  if (point === undefined || joined === undefined) return false
  return withDigest(hashes[algorithm.hash], data, (digest) => {
    try {
      const publicKey = concat(new Uint8Array([4]), point)
      // FIPS 186-5 §6.4.2: s up to n - 1; noble would refuse the upper half of them.
      return curves[key.curve].verify(joined, digest, publicKey, { prehash: false, lowS: false })
    } catch {
      return false
    }
  })
}

/** A signer for an unencrypted PKCS#8 EC key; ERR_CRYPTO_KEY when it is not one on that curve. */
export function ecdsaSigner(
  provider: Pick<CryptoProvider, 'hashes' | 'random'>,
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
      // RFC 6979 §3.6: the nonce is drawn from key, digest and fresh bytes, so that neither a weak source nor a fault that
      // repeats gives the key away.
      const options = { prehash: false, extraEntropy: provider.random(32) }
      return withDigest(provider.hashes[algorithm.hash], data, (digest) =>
        ecdsaSignatureToDer(curve.sign(digest, scalar, options)),
      )
    },
  }
  return signer
}

function withDigest<T>(hash: Hash, data: Uint8Array, use: (digest: Bytes) => T): MaybePromise<T> {
  const ready = (): T => use(hash.digest(data))
  return hash.load === undefined ? ready() : hash.load().then(ready)
}

/** Whether `ecdsaVerify` and `ecdsaSigner` can do it. */
export function isEcdsa(algorithm: SignatureAlgorithm, key?: KeyKind): boolean {
  return (
    algorithm.kind === 'ecdsa' &&
    isSignatureHash(algorithm.hash) &&
    (key === undefined || algorithmFits(algorithm, key))
  )
}
