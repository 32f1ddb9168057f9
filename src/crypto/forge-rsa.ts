// RSA (RFC 8017 §5.2) on node-forge's big integers: the fallback's engine. Private operations use the CRT, blinded with
// the provider's randomness and checked before a result leaves.
/// <reference path="./node-forge.d.ts" />
import jsbn from 'node-forge/lib/jsbn.js'
import { type Bytes, fromHex, hex } from '../bytes/index.js'
import { failure } from '../errors.js'
import { rsaPrivateNumbers, rsaPublicNumbers } from './key-encoding.js'

/** s^e mod n in as many bytes as n has, or undefined when key or signature are out of range. */
export function rsaPublicOperation(
  spki: Uint8Array,
  signature: Uint8Array,
): { readonly encoded: Bytes; readonly bits: number } | undefined {
  const numbers = rsaPublicNumbers(spki)
  // RFC 8017 §8.1.2, §8.2.2: a signature of another length than n's is invalid. JavaScript's speed bounds the modulus.
  if (numbers === undefined || signature.length !== numbers.modulus.length || signature.length > 1024)
    return undefined
  const modulus = integer(numbers.modulus)
  const s = integer(signature)
  // RFC 8017 §5.2.2: the signature representative is between 0 and n - 1.
  if (s.compareTo(modulus) >= 0) return undefined
  return {
    encoded: bytes(s.modPow(integer(numbers.exponent), modulus), signature.length),
    bits: modulus.bitLength(),
  }
}

export interface RsaPrivateKey {
  readonly bits: number
  readonly modulus: Uint8Array
  readonly exponent: Uint8Array
  /** m^d mod n of a message representative below n. */
  operate(encoded: Uint8Array): Bytes
}

/** The private operation of a two-prime PKCS#8 key; ERR_CRYPTO_KEY when it is not one. */
export function rsaPrivateKey(pkcs8: Uint8Array, random: (length: number) => Bytes): RsaPrivateKey {
  const numbers = rsaPrivateNumbers(pkcs8)
  if (numbers === undefined) throw failure('ERR_CRYPTO_KEY', 'not an unencrypted PKCS#8 RSA key')
  const [n, e, , p, q, dP, dQ, qInv] = numbers.map(integer) as [
    ForgeInteger,
    ForgeInteger,
    ForgeInteger,
    ForgeInteger,
    ForgeInteger,
    ForgeInteger,
    ForgeInteger,
    ForgeInteger,
  ]
  // A modulus that is not p * q would make the CRT leak a prime, and jsbn needs odd moduli.
  if (p.multiply(q).compareTo(n) !== 0 || n.signum() === 0 || numbers[0]!.at(-1)! % 2 === 0)
    throw failure('ERR_CRYPTO_KEY', 'the numbers of the RSA key contradict each other')
  const length = numbers[0]!.length
  return {
    bits: n.bitLength(),
    modulus: numbers[0]!,
    exponent: numbers[1]!,
    operate(encoded) {
      const m = integer(encoded)
      const r = blinding(n, length, random)
      const blinded = m.multiply(r.modPow(e, n)).mod(n)
      const mp = blinded.mod(p).modPow(dP, p)
      const mq = blinded.mod(q).modPow(dQ, q)
      // RFC 8017 §5.1.2: h = (m1 - m2) qInv mod p, m = m2 + q h; `mod` gives what is not negative.
      const h = mp.subtract(mq).multiply(qInv).mod(p)
      const s = mq.add(q.multiply(h)).multiply(r.modInverse(n)).mod(n)
      // A fault in one half of the CRT gives the key away to whoever sees the result.
      if (s.modPow(e, n).compareTo(m) !== 0)
        throw failure('ERR_CRYPTO_KEY', 'the numbers of the RSA key contradict each other')
      return bytes(s, length)
    },
  }
}

function blinding(n: ForgeInteger, length: number, random: (length: number) => Bytes): ForgeInteger {
  // One draw fails with the chance of guessing a prime; a source stuck at zero must not hang us.
  for (let tries = 0; tries < 8; tries++) {
    const r = integer(random(length)).mod(n)
    if (r.signum() > 0 && r.gcd(n).compareTo(jsbn.BigInteger.ONE) === 0) return r
  }
  throw failure('ERR_INTERNAL', 'the random source repeats itself')
}

function integer(value: Uint8Array): ForgeInteger {
  return new jsbn.BigInteger(hex(value) || '0', 16)
}

function bytes(value: ForgeInteger, length: number): Bytes {
  return fromHex(value.toString(16).padStart(2 * length, '0'))
}
