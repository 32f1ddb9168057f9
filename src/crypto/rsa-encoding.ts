// The encodings under RSA signatures (RFC 8017 §9) over any provider's hash, for engines that have only the number
// theory. PKCS#1 v1.5 is never parsed: a verifier makes the one right encoding and compares.
import { type Bytes, concat, equal, fromHex } from '../bytes/index.js'
import type { Hash, HashName } from './provider.js'

/** RFC 8017 §9.2 notes: the DER of DigestInfo up to the digest. */
const digestInfos: Readonly<Partial<Record<HashName, string>>> = {
  'SHA-256': '3031300d060960864801650304020105000420',
  'SHA-384': '3041300d060960864801650304020205000430',
  'SHA-512': '3051300d060960864801650304020305000440',
}

/** EMSA-PKCS1-v1_5 of `data` in `length` bytes, or undefined when it does not fit. */
export function emsaPkcs1(hash: Hash, data: Uint8Array, length: number): Bytes | undefined {
  const prefix = digestInfos[hash.name]
  if (prefix === undefined) return undefined
  const info = concat(fromHex(prefix), hash.digest(data))
  // RFC 8017 §9.2: at least eight bytes of padding.
  const padding = length - info.length - 3
  if (padding < 8) return undefined
  return concat(new Uint8Array([0, 1]), new Uint8Array(padding).fill(0xff), new Uint8Array(1), info)
}

/** EMSA-PSS-ENCODE with MGF1 over the same hash; `bits` is the modulus' size less one. */
export function emsaPss(hash: Hash, data: Uint8Array, salt: Uint8Array, bits: number): Bytes | undefined {
  const length = Math.ceil(bits / 8)
  if (length < hash.length + salt.length + 2) return undefined
  const digest = hash.digest(concat(new Uint8Array(8), hash.digest(data), salt))
  const block = new Uint8Array(length - hash.length - 1)
  block[block.length - salt.length - 1] = 1
  block.set(salt, block.length - salt.length)
  mask(hash, digest, block)
  block[0]! &= 0xff >> (8 * length - bits)
  return concat(block, digest, new Uint8Array([0xbc]))
}

/** EMSA-PSS-VERIFY: whether `encoded` is an encoding of `data` with exactly that much salt. */
export function isEmsaPss(
  hash: Hash,
  data: Uint8Array,
  encoded: Uint8Array,
  saltLength: number,
  bits: number,
): boolean {
  const length = Math.ceil(bits / 8)
  if (encoded.length !== length || length < hash.length + saltLength + 2) return false
  if (encoded[length - 1] !== 0xbc) return false
  const block = new Uint8Array(encoded.subarray(0, length - hash.length - 1))
  const digest = encoded.subarray(block.length, length - 1)
  const top = 0xff >> (8 * length - bits)
  if ((block[0]! & ~top) !== 0) return false
  mask(hash, digest, block)
  block[0]! &= top
  const one = block.length - saltLength - 1
  if (block[one] !== 1 || block.subarray(0, one).some((byte) => byte !== 0)) return false
  const salt = block.subarray(one + 1)
  return equal(hash.digest(concat(new Uint8Array(8), hash.digest(data), salt)), digest)
}

/** RFC 8017 §B.2.1: XOR the MGF1 of `seed` into `block`. */
function mask(hash: Hash, seed: Uint8Array, block: Uint8Array): void {
  const counter = new Uint8Array(4)
  for (let at = 0; at < block.length; at += hash.length) {
    const stream = hash.digest(concat(seed, counter))
    for (let i = 0; i < stream.length && at + i < block.length; i++) block[at + i]! ^= stream[i]!
    // A block is at most a modulus long: one byte counts its digests.
    counter[3]! += 1
  }
}
