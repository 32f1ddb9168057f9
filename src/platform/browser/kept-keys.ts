// Keys that stay: CryptoKeys that cannot be extracted, and signers that remember which ones they are made of, so that the
// store can put them away. WebCrypto binds an RSA key to one padding; such a key is held once for each.
import type { Bytes } from '../../bytes/index.js'
import { asRsaEncryptionPkcs8, pssParametersAllow } from '../../crypto/key-encoding.js'
import type { CryptoProvider, KeyKind, Signer } from '../../crypto/provider.js'
import { webcrypto } from '../../crypto/webcrypto.js'
import { cryptoKeySigner, pkcs8Signer } from '../../crypto/webcrypto-signers.js'
import { failure } from '../../errors.js'
import { type CertificateInput, type Identity, loadIdentity } from '../../pki/index.js'

/** Everything there is to keep of a key pair. */
export interface KeptKey {
  readonly kind: KeyKind
  /** DER SubjectPublicKeyInfo, where it is known. */
  readonly spki?: Bytes
  readonly keys: readonly CryptoKey[]
}

const kept = new WeakMap<Signer, KeptKey>()

/** The keys behind a signer that was made here. */
export function keptKey(signer: Signer): KeptKey | undefined {
  return kept.get(signer)
}

/** A signer that uses the first key which can do what is asked. */
export function keptSigner(key: KeptKey): Signer {
  const signers = key.keys.map((each) => cryptoKeySigner(subtle(), each, key.kind))
  const signer: Signer = {
    key: key.kind,
    ...(key.spki && { spki: key.spki }),
    canSign: (algorithm) => signers.some((each) => each.canSign?.(algorithm)),
    sign(algorithm, data) {
      const able = signers.find((each) => each.canSign?.(algorithm)) ?? signers[0]!
      return able.sign(algorithm, data)
    },
  }
  kept.set(signer, key)
  return signer
}

/** Brings a certificate to its key. Throws ERR_CONFIG_KEY_MISMATCH, ERR_CONFIG_IDENTITY. */
export function identityOf(certificate: CertificateInput, key: KeptKey): Promise<Identity> {
  return loadIdentity({ certificate, privateKey: keptSigner(key) }, keeping())
}

/** WebCrypto, with signers that keep: PKCS#8 goes in once and cannot be had back, nor can an extractable CryptoKey. */
export function keeping(): CryptoProvider {
  const provider = webcrypto(source())
  return {
    ...provider,
    async signer(key, kind) {
      const pkcs8 = key instanceof Uint8Array ? key : await exported(key as CryptoKey)
      if (pkcs8 !== undefined) {
        const { spki } = await pkcs8Signer(subtle(), pkcs8, kind)
        return keptSigner({ kind, spki: new Uint8Array(spki!), keys: await imported(pkcs8, kind) })
      }
      // Not extractable already: nobody can ask it for its public half, a certificate will tell.
      return keptSigner({ kind, keys: [key as CryptoKey] })
    },
  }
}

export function subtle(): SubtleCrypto {
  return source().subtle
}

function source(): Crypto {
  const { crypto } = globalThis
  if (crypto?.subtle === undefined)
    throw failure('ERR_CRYPTO_UNAVAILABLE', 'keys are kept by WebCrypto, which this page has not')
  return crypto
}

async function exported(key: CryptoKey): Promise<Bytes | undefined> {
  return key.extractable ? new Uint8Array(await subtle().exportKey('pkcs8', key)) : undefined
}

function imported(pkcs8: Uint8Array, kind: KeyKind): Promise<CryptoKey[]> {
  const bytes = asRsaEncryptionPkcs8(pkcs8) as Bytes
  return Promise.all(
    importsFor(kind, pkcs8).map((algorithm) =>
      subtle().importKey('pkcs8', bytes, algorithm, false, ['sign']),
    ),
  )
}

function importsFor(
  kind: KeyKind,
  pkcs8: Uint8Array,
): readonly (AlgorithmIdentifier | RsaHashedImportParams | EcKeyImportParams)[] {
  if (kind.kind === 'ec') return [{ name: 'ECDSA', namedCurve: kind.curve }]
  if (kind.kind === 'ed25519') return [{ name: 'Ed25519' }]
  const hashes = (['SHA-256', 'SHA-384', 'SHA-512'] as const).filter((hash, at) =>
    pssParametersAllow(pkcs8, hash, 32 + 16 * at),
  )
  return [
    ...hashes.map((hash) => ({ name: 'RSA-PSS', hash })),
    ...(kind.pss ? [] : [{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }]),
  ]
}
