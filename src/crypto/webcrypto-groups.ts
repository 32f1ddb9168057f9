// ECDHE over SubtleCrypto: X25519 (RFC 7748) and the NIST curves. Private keys are made unextractable and live as long
// as their share.
import type { Bytes } from '../bytes/index.js'
import { failure } from '../errors.js'
import {
  badKeyShare,
  groupIds,
  type NistGroupName,
  nistLengths,
  requireContribution,
  requirePointForm,
  requireX25519Form,
} from './groups.js'
import type { CryptoKeyLike, Group, KeyShare } from './provider.js'
import type { SubtleAlgorithm, SubtleLike } from './subtle.js'

type SubtleGroupName = 'X25519' | NistGroupName

const algorithms: Readonly<Record<SubtleGroupName, SubtleAlgorithm>> = {
  X25519: { name: 'X25519' },
  secp256r1: { name: 'ECDH', namedCurve: 'P-256' },
  secp384r1: { name: 'ECDH', namedCurve: 'P-384' },
  secp521r1: { name: 'ECDH', namedCurve: 'P-521' },
}

export function subtleGroup(subtle: SubtleLike, name: SubtleGroupName): Group {
  return {
    id: groupIds[name],
    name,
    async generate() {
      let pair: { privateKey: CryptoKeyLike; publicKey: CryptoKeyLike }
      try {
        pair = (await subtle.generateKey(algorithms[name], false, ['deriveBits'])) as typeof pair
      } catch (cause) {
        throw failure('ERR_CRYPTO_UNAVAILABLE', `key exchange with ${name}`, { cause })
      }
      const publicKey = new Uint8Array((await subtle.exportKey('raw', pair.publicKey)) as ArrayBuffer)
      return subtleShare(subtle, name, pair.privateKey, publicKey)
    },
  }
}

/** A key share of a given private key with usage `deriveBits`; `generate` makes a fresh one. */
export function subtleShare(
  subtle: SubtleLike,
  name: SubtleGroupName,
  privateKey: CryptoKeyLike,
  publicKey: Bytes,
): KeyShare {
  return {
    publicKey,
    async derive(peer) {
      if (name === 'X25519') requireX25519Form(peer)
      else requirePointForm(name, peer)
      let secret: Bytes
      try {
        const algorithm = algorithms[name]
        const key = await subtle.importKey('raw', peer, algorithm, false, [])
        const bits = name === 'X25519' ? 256 : 8 * nistLengths[name]
        secret = new Uint8Array(
          await subtle.deriveBits({ name: algorithm.name, public: key }, privateKey, bits),
        )
      } catch (cause) {
        throw badKeyShare(name, cause)
      }
      // Engines throw for an all-zero X25519 result, but they are not the ones who answer for it.
      return name === 'X25519' ? requireContribution(secret) : secret
    },
  }
}
