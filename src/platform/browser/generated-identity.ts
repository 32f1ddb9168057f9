// Identities whose private key is made in the page and never leaves it: the browser's engine holds it, not even this code
// can read it. What leaves is a certification request; what comes back is a certificate.
import type { Bytes } from '../../bytes/index.js'
import type { KeyKind } from '../../crypto/provider.js'
import { failure } from '../../errors.js'
import { type CertificateSubject, certificateRequest } from '../../pki/certificate-request.js'
import type { CertificateInput, Identity } from '../../pki/index.js'
import { identityOf, type KeptKey, keptSigner, subtle } from './kept-keys.js'

export type GeneratedKey = 'ecdsa-p256' | 'ecdsa-p384' | 'ed25519' | 'rsa-2048' | 'rsa-3072'

export interface GenerateOptions {
  /** Default `ecdsa-p256`. */
  readonly key?: GeneratedKey
  readonly subject?: CertificateSubject
  /** For the subjectAltName: DNS names, IP addresses, mail addresses, URIs. */
  readonly names?: readonly string[]
}

/** A key pair that waits for its certificate. */
export interface PendingIdentity {
  /** PKCS#10 in PEM, for the CA. */
  readonly certificateRequest: string
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Bytes
  /** The identity, once the CA has answered. Throws ERR_CONFIG_KEY_MISMATCH, ERR_CONFIG_IDENTITY. */
  withCertificate(certificate: CertificateInput): Promise<Identity>
}

const pendingKeys = new WeakMap<PendingIdentity, KeptKey>()

/** The key of what was generated here. */
export function pendingKey(pending: PendingIdentity): KeptKey | undefined {
  return pendingKeys.get(pending)
}

/** As in the door. */
export async function generate(options: GenerateOptions = {}): Promise<PendingIdentity> {
  const key = options.key ?? 'ecdsa-p256'
  const choice: Choice | undefined = Object.hasOwn(choices, key) ? choices[key] : undefined
  if (choice === undefined)
    throw failure('ERR_CONFIG_INVALID', `\`key\` is one of ${Object.keys(choices).join(', ')}`)
  const engine = subtle()
  let pair: CryptoKeyPair
  try {
    pair = (await engine.generateKey(choice.algorithm, false, ['sign', 'verify'])) as CryptoKeyPair
  } catch (cause) {
    throw failure('ERR_CRYPTO_UNAVAILABLE', `this browser makes no ${key} keys`, { cause })
  }
  const spki = new Uint8Array(await engine.exportKey('spki', pair.publicKey))
  const kept = { kind: choice.kind, spki, keys: [pair.privateKey] }
  const { subject, names } = options
  const request = await certificateRequest({
    signer: keptSigner(kept),
    ...(subject && { subject }),
    ...(names && { names }),
  })
  return pendingWith(kept, request)
}

/** What waits, from its parts. */
export function pendingWith(key: KeptKey, request: string): PendingIdentity {
  const pending: PendingIdentity = {
    certificateRequest: request,
    spki: key.spki ?? new Uint8Array(),
    withCertificate: (certificate) => identityOf(certificate, key),
  }
  pendingKeys.set(pending, key)
  return pending
}

interface Choice {
  readonly algorithm: EcKeyGenParams | RsaHashedKeyGenParams | { readonly name: 'Ed25519' }
  readonly kind: KeyKind
}

const choices: Readonly<Record<GeneratedKey, Choice>> = {
  'ecdsa-p256': { algorithm: { name: 'ECDSA', namedCurve: 'P-256' }, kind: { kind: 'ec', curve: 'P-256' } },
  'ecdsa-p384': { algorithm: { name: 'ECDSA', namedCurve: 'P-384' }, kind: { kind: 'ec', curve: 'P-384' } },
  ed25519: { algorithm: { name: 'Ed25519' }, kind: { kind: 'ed25519' } },
  'rsa-2048': rsa(2048),
  'rsa-3072': rsa(3072),
}

// TLS 1.3 wants PSS, and a CryptoKey can do one padding only.
function rsa(bits: number): Choice {
  return {
    algorithm: {
      name: 'RSA-PSS',
      modulusLength: bits,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    },
    kind: { kind: 'rsa', bits, pss: false },
  }
}
