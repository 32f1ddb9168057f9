// What the providers' key exchange groups have in common: the named groups of RFC 8446 §4.2.7 and the checks a peer's
// key share must pass before any engine sees it.
import { equalConstantTime } from '../bytes/index.js'
import { failure } from '../errors.js'
import type { Group } from './provider.js'

export type NistGroupName = 'secp256r1' | 'secp384r1' | 'secp521r1'

/** RFC 8446 §4.2.7, draft-ietf-tls-ecdhe-mlkem §5, draft-ietf-tls-mlkem §3. */
export const groupIds: Readonly<Record<Group['name'], number>> = {
  secp256r1: 0x0017,
  secp384r1: 0x0018,
  secp521r1: 0x0019,
  X25519: 0x001d,
  X25519MLKEM768: 0x11ec,
  SecP256r1MLKEM768: 0x11eb,
  SecP384r1MLKEM1024: 0x11ed,
  MLKEM1024: 0x0202,
}

/** Whether ML-KEM is in it: such a group is of TLS 1.3 only, and not every server knows one. */
export function isPostQuantum({ name }: Group): boolean {
  return name.includes('MLKEM')
}

/** Bytes of a coordinate. */
export const nistLengths: Readonly<Record<NistGroupName, number>> = {
  secp256r1: 32,
  secp384r1: 48,
  secp521r1: 66,
}

/** RFC 8446 §4.2.8.2: an uncompressed point of the curve's length; that it lies on the curve is the engine's to check. */
export function requirePointForm(name: NistGroupName, peer: Uint8Array): void {
  if (peer.length !== 1 + 2 * nistLengths[name] || peer[0] !== 4) throw badKeyShare(name)
}

/** RFC 7748 §5: 32 bytes, any of them. */
export function requireX25519Form(peer: Uint8Array): void {
  if (peer.length !== 32) throw badKeyShare('X25519')
}

/** RFC 8446 §7.4.2: abort when the shared secret is all zero, as it is for points of small order. */
export function requireContribution<T extends Uint8Array>(secret: T): T {
  if (equalConstantTime(secret, new Uint8Array(secret.length))) throw badKeyShare('X25519')
  return secret
}

export function badKeyShare(name: Group['name'], cause?: unknown): Error {
  return failure('ERR_TLS_KEY_SHARE', `not a valid ${name} public key`, { cause })
}
