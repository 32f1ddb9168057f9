// What the providers' signatures have in common: which algorithm fits which key, and ECDSA signatures between their two
// encodings, DER (RFC 3279 §2.2.3) on the wire and r || s (IEEE P1363) in WebCrypto. No keys, no verification.
import { type Bytes, Writer } from '../bytes/index.js'
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
export function isSignatureHash(hash: HashName): boolean {
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

/** r || s, each of the curve's length, or undefined when the DER is not the one encoding of two such numbers. */
export function ecdsaSignatureFromDer(der: Uint8Array, curve: CurveName): Bytes | undefined {
  const size = curveLengths[curve]
  // A P-521 signature can be longer than 127 bytes, nothing is longer than 255; DER: the shortest length form.
  const long = der[1] === 0x81
  const start = long ? 3 : 2
  const length = long ? der[2]! : der[1]!
  if (der[0] !== 0x30 || der.length !== start + length || (long ? length < 0x80 : length >= 0x80))
    return undefined
  const joined = new Uint8Array(2 * size)
  const next = placeInteger(der, start, joined.subarray(0, size))
  if (next === undefined || placeInteger(der, next, joined.subarray(size)) !== der.length) return undefined
  return joined
}

/** The DER of r || s. */
export function ecdsaSignatureToDer(joined: Uint8Array): Bytes {
  const half = joined.length / 2
  const numbers = new Writer(joined.length + 8)
  for (const number of [joined.subarray(0, half), joined.subarray(half)]) {
    let from = 0
    while (from < number.length - 1 && number[from] === 0) from++
    const sign = number[from]! >= 0x80
    numbers.u8(0x02).vector(1, (w) => (sign ? w.u8(0) : w).bytes(number.subarray(from)))
  }
  const content = numbers.finish()
  const sequence = new Writer(content.length + 3).u8(0x30)
  if (content.length >= 0x80) sequence.u8(0x81)
  return sequence.u8(content.length).bytes(content).finish()
}

/** Put the INTEGER at `at` right-aligned into `target`; returns where it ends, or undefined. */
function placeInteger(der: Uint8Array, at: number, target: Uint8Array): number | undefined {
  const length = der[at + 1]!
  let start = at + 2
  const end = start + length
  if (der[at] !== 0x02 || length === 0 || length >= 0x80 || end > der.length) return undefined
  // X.690 §8.3.2: the first nine bits are not all alike. Negative numbers and zero are no part of a signature.
  if (der[start]! >= 0x80) return undefined
  if (der[start] === 0) {
    if (length === 1 || der[start + 1]! < 0x80) return undefined
    start++
  }
  if (end - start > target.length) return undefined
  target.set(der.subarray(start, end), target.length - (end - start))
  return end
}
