// What the providers' signatures have in common: which algorithm fits which key. No keys, no verification.
import type { CurveName, HashName, KeyKind, SignatureAlgorithm, Signer } from './provider.js'

/** Bytes of a field element and of a scalar. */
export const curveLengths: Readonly<Record<CurveName, number>> = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }

const digestLengths: Readonly<Record<HashName, number>> = {
  'SHA-1': 20,
  'SHA-256': 32,
  'SHA-384': 48,
  'SHA-512': 64,
}

/** Whether the algorithm can be used with a key of this kind. */
export function algorithmFits(algorithm: SignatureAlgorithm, key: KeyKind): boolean {
  switch (algorithm.kind) {
    case 'ecdsa':
      return key.kind === 'ec'
    case 'ed25519':
      return key.kind === 'ed25519'
    case 'rsa-pkcs1':
      // RFC 4055 §1.2: a key of id-RSASSA-PSS makes PSS signatures only.
      // RFC 8017 §9.2: emLen >= tLen + 11, and DigestInfo spends 19 bytes beside a SHA-2 digest.
      return key.kind === 'rsa' && !key.pss && key.bits >= 8 * (digestLengths[algorithm.hash] + 19 + 11)
    case 'rsa-pss':
      // RFC 8017 §9.1.1: emLen >= hLen + sLen + 2, where emLen is ceil((modBits - 1) / 8).
      return (
        key.kind === 'rsa' &&
        Math.ceil((key.bits - 1) / 8) >= digestLengths[algorithm.hash] + algorithm.saltLength + 2
      )
  }
}

/** Whether a digest is good enough to sign with; no provider here makes or accepts SHA-1 signatures. */
export function isSignatureHash(hash: HashName): hash is Exclude<HashName, 'SHA-1'> {
  // RFC 9155 §2: SHA-1 signatures must not be used in TLS.
  return hash !== 'SHA-1'
}

/** Whether the holder of a private key can make such a signature. */
export function signerCan(signer: Signer, algorithm: SignatureAlgorithm): boolean {
  if (algorithm.kind !== 'ed25519' && !isSignatureHash(algorithm.hash)) return false
  return algorithmFits(algorithm, signer.key) && (signer.canSign?.(algorithm) ?? true)
}

/** For messages of errors: `rsa-pss SHA-256`. */
export function algorithmName(algorithm: SignatureAlgorithm): string {
  return algorithm.kind === 'ed25519' ? algorithm.kind : `${algorithm.kind} ${algorithm.hash}`
}
