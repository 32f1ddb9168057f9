// The TLS 1.2 pseudorandom function (RFC 5246 §5): P_hash over the suite's hash, and nothing else of TLS 1.2.
import { type Bytes, concat, utf8 } from '../bytes/index.js'
import type { Hash } from './provider.js'

/** `length` bytes of PRF(secret, label, seed). */
export function prf12(
  hash: Hash,
  secret: Uint8Array,
  label: string,
  seed: Uint8Array,
  length: number,
): Bytes {
  const labelled = concat(utf8(label), seed)
  const output = new Uint8Array(length)
  // RFC 5246 §5: A(0) = seed, A(i) = HMAC_hash(secret, A(i-1)).
  let a: Uint8Array = labelled
  for (let at = 0; at < length; at += hash.length) {
    a = hash.hmac(secret, a)
    output.set(hash.hmac(secret, a, labelled).subarray(0, length - at), at)
  }
  return output
}
