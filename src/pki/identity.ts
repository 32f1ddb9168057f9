// The client's identity, certificate chain and signer: what people may give for one. What it takes to read it and to prove
// that key and certificate belong together (identity-material.ts) is loaded when there is one.
import type { Bytes } from '../bytes/index.js'
import type { CryptoKeyLike, CryptoProvider, Signer } from '../crypto/provider.js'
import { loaded } from '../errors.js'
import type { Certificate } from './certificate.js'

/** PEM text or DER; several certificates, leaf first. */
export type CertificateInput = string | Uint8Array | ReadonlyArray<string | Uint8Array>

export type IdentityInput =
  | Identity
  | {
      readonly certificate: CertificateInput
      /** PEM or DER of PKCS#8, PKCS#1 or SEC 1; a CryptoKey; or a signer that holds the key elsewhere. */
      readonly privateKey: string | Uint8Array | CryptoKeyLike | Signer
      readonly passphrase?: string
    }
  | { readonly pkcs12: Uint8Array; readonly passphrase?: string }

export interface Identity {
  /** DER, leaf first. */
  readonly chain: readonly Bytes[]
  readonly leaf: Certificate
  readonly signer: Signer
}

/**
 * Read an identity. Throws ERR_CONFIG_IDENTITY, ERR_CONFIG_PASSPHRASE, ERR_CONFIG_KEY_MISMATCH, and
 * ERR_CRYPTO_UNAVAILABLE where the provider cannot use such a key.
 */
export async function loadIdentity(input: IdentityInput, crypto: CryptoProvider): Promise<Identity> {
  if ('signer' in input) return input
  const { readIdentity } = await loaded(import('./identity-material.js'))
  return readIdentity(input, crypto)
}
