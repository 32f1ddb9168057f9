// HKDF (RFC 5869) and the TLS 1.3 forms of it (RFC 8446 §7.1), over any provider's synchronous hash. No secrets are
// named or kept here; the key schedule lives in `tls`.
import { type Bytes, utf8 } from '../bytes/index.js'
import { failure } from '../errors.js'
import type { Hash } from './provider.js'

/** A pseudorandom key of `hash.length` bytes. An empty `salt` stands for one of zeros. */
export function hkdfExtract(hash: Hash, salt: Uint8Array, ikm: Uint8Array): Bytes {
  return hash.hmac(salt, ikm)
}

/** `length` bytes of output; at most 255 digests' worth. */
export function hkdfExpand(hash: Hash, prk: Uint8Array, info: Uint8Array, length: number): Bytes {
  // RFC 5869 §2.3: L <= 255 * HashLen.
  if (length > 255 * hash.length) throw failure('ERR_INTERNAL', `HKDF output of ${length} bytes`)
  const counter = new Uint8Array([1])
  let block = hash.hmac(prk, info, counter)
  if (length <= block.length) return length === block.length ? block : block.slice(0, length)
  const output = new Uint8Array(length)
  for (let at = 0; ; ) {
    output.set(block.subarray(0, length - at), at)
    at += block.length
    if (at >= length) return output
    counter[0]! += 1
    block = hash.hmac(prk, block, info, counter)
  }
}

/** RFC 8446 §7.1 HKDF-Expand-Label; `label` without its "tls13 " prefix. */
export function hkdfExpandLabel(
  hash: Hash,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Bytes {
  // RFC 8446 §7.1: label<7..255> counts the prefix, context<0..255>. An exporter's may be empty: RFC 5705 has no minimum.
  const named = utf8(`tls13 ${label}`)
  const end = 3 + named.length
  if (named.length > 255 || context.length > 255)
    throw failure('ERR_INTERNAL', 'HKDF label or context out of range')
  const info = new Uint8Array(end + context.length + 2)
  info[0] = length >> 8
  info[1] = length
  info[2] = named.length
  info.set(named, 3)
  info[end] = context.length
  info.set(context, end + 1)
  // The counter of the first block.
  info[info.length - 1] = 1
  if (length > hash.length) return hkdfExpand(hash, secret, info.subarray(0, -1), length)
  // RFC 5869 §2.3: a single block is the HMAC of info and the counter 1.
  const block = hash.hmac(secret, info)
  return length < block.length ? block.slice(0, length) : block
}

/** RFC 8446 §7.1 Derive-Secret; `transcript` is the transcript hash, already computed. */
export function deriveSecret(hash: Hash, secret: Uint8Array, label: string, transcript: Uint8Array): Bytes {
  return hkdfExpandLabel(hash, secret, label, transcript, hash.length)
}
