// Signers over SubtleCrypto, from PKCS#8 and from CryptoKeys: loaded by `webcrypto` when there is a key to sign with.
import type { Bytes } from '../bytes/index.js'
import { failure } from '../errors.js'
import { ecdsaSignatureToDer } from './ecdsa-encoding.js'
import {
  asRsaEncryptionPkcs8,
  isPssKey,
  modulusBits,
  pssParametersAllow,
  rsaPublicNumbers,
} from './key-encoding.js'
import type { CryptoKeyLike, KeyKind, SignatureAlgorithm, Signer } from './provider.js'
import { algorithmFits, algorithmName, signerCan } from './signatures.js'
import type { JsonWebKeyLike, SubtleLike } from './subtle.js'
import { importParameters, isNotSupported, subtleNames, useParameters } from './webcrypto-signatures.js'

/** A signer for an unencrypted PKCS#8 key. It is imported once for every algorithm asked of it, not extractable. */
export async function pkcs8Signer(subtle: SubtleLike, pkcs8: Uint8Array, kind: KeyKind): Promise<Signer> {
  const encoded = asRsaEncryptionPkcs8(pkcs8) as Bytes
  const imported = new Map<string, Promise<CryptoKeyLike>>()
  const signer: Signer = {
    key: kind,
    spki: await publicHalf(subtle, pkcs8, kind),
    canSign: (algorithm) =>
      algorithm.kind !== 'rsa-pss' || pssParametersAllow(pkcs8, algorithm.hash, algorithm.saltLength),
    async sign(algorithm, data) {
      requireCan(signer, algorithm)
      const name = kind.kind === 'rsa' ? algorithmName(algorithm) : kind.kind
      let key = imported.get(name)
      if (key === undefined) {
        key = subtle.importKey('pkcs8', encoded, importParameters(algorithm, kind), false, ['sign'])
        imported.set(name, key)
      }
      return signWith(subtle, await key, algorithm, data)
    },
  }
  return signer
}

/** A signer for a CryptoKey with usage `sign`, extractable or not: it can do what the key was made for, no more. */
export function cryptoKeySigner(subtle: SubtleLike, key: CryptoKeyLike, kind: KeyKind): Signer {
  const made = key.algorithm as CryptoKeyLike['algorithm'] & {
    readonly namedCurve?: string
    readonly hash?: { readonly name: string }
    readonly modulusLength?: number
  }
  if (key.type !== 'private' || !key.usages.includes('sign'))
    throw failure('ERR_CRYPTO_KEY', 'the CryptoKey is not a private key with usage `sign`')
  const fits =
    kind.kind === 'ec'
      ? made.name === 'ECDSA' && made.namedCurve === kind.curve
      : kind.kind === 'ed25519'
        ? made.name === 'Ed25519'
        : (made.name === 'RSA-PSS' || (made.name === 'RSASSA-PKCS1-v1_5' && !kind.pss)) &&
          made.modulusLength === kind.bits
  if (!fits) throw failure('ERR_CRYPTO_KEY', `the CryptoKey (${made.name}) is not of the kind ${kind.kind}`)
  const signer: Signer = {
    key: kind,
    canSign: (algorithm) =>
      algorithmFits(algorithm, kind) &&
      subtleNames[algorithm.kind] === made.name &&
      (kind.kind !== 'rsa' || algorithm.kind === 'ed25519' || made.hash?.name === algorithm.hash),
    async sign(algorithm, data) {
      requireCan(signer, algorithm)
      return signWith(subtle, key, algorithm, data)
    },
  }
  return signer
}

async function signWith(
  subtle: SubtleLike,
  key: CryptoKeyLike,
  algorithm: SignatureAlgorithm,
  data: Uint8Array,
): Promise<Bytes> {
  const signature = new Uint8Array(await subtle.sign(useParameters(algorithm), key, data as Bytes))
  return algorithm.kind === 'ecdsa' ? ecdsaSignatureToDer(signature) : signature
}

function requireCan(signer: Signer, algorithm: SignatureAlgorithm): void {
  if (!signerCan(signer, algorithm))
    throw failure('ERR_CRYPTO_UNAVAILABLE', `${algorithmName(algorithm)} with this private key`)
}

/** SubjectPublicKeyInfo of a private key: the engine computes it, by way of the key's JWK. */
async function publicHalf(subtle: SubtleLike, pkcs8: Uint8Array, kind: KeyKind): Promise<Bytes> {
  const any: SignatureAlgorithm =
    kind.kind === 'ec'
      ? { kind: 'ecdsa', hash: 'SHA-256' }
      : kind.kind === 'rsa'
        ? { kind: 'rsa-pss', hash: 'SHA-256', saltLength: 32 }
        : { kind: 'ed25519' }
  const parameters = importParameters(any, kind)
  let spki: Bytes
  try {
    const encoded = asRsaEncryptionPkcs8(pkcs8)
    const key = await subtle.importKey('pkcs8', encoded, parameters, true, ['sign'])
    const { kty, crv, x, y, n, e } = (await subtle.exportKey('jwk', key)) as JsonWebKeyLike
    const half = kty === 'EC' ? { kty, crv, x, y } : kty === 'RSA' ? { kty, n, e } : { kty, crv, x }
    const open = await subtle.importKey('jwk', half, parameters, true, ['verify'])
    spki = new Uint8Array((await subtle.exportKey('spki', open)) as ArrayBuffer)
  } catch (cause) {
    if (isNotSupported(cause))
      throw failure('ERR_CRYPTO_UNAVAILABLE', `keys of the kind ${kind.kind}`, { cause })
    throw failure('ERR_CRYPTO_KEY', `not an unencrypted PKCS#8 private key of the kind ${kind.kind}`, {
      cause,
    })
  }
  if (kind.kind !== 'rsa') return spki
  const numbers = rsaPublicNumbers(spki)
  if (numbers === undefined || modulusBits(numbers) !== kind.bits || (isPssKey(pkcs8) && !kind.pss))
    throw failure('ERR_CRYPTO_KEY', 'the RSA key has another size or purpose')
  return spki
}
