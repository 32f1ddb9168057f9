// X25519 (RFC 7748) and the NIST curves from @noble/curves, for pages where crypto.subtle is missing.
import { x25519 as curve25519 } from '@noble/curves/ed25519.js'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import {
  badKeyShare,
  groupIds,
  type NistGroupName,
  requireContribution,
  requirePointForm,
  requireX25519Form,
} from './groups.js'
import type { CryptoProvider, Group, KeyShare } from './provider.js'

/** Strong randomness, as any provider has it. */
export type RandomSource = Pick<CryptoProvider, 'random'>

const curves = { secp256r1: p256, secp384r1: p384, secp521r1: p521 } as const

export function x25519(source: RandomSource): Group {
  return {
    id: groupIds.X25519,
    name: 'X25519',
    generate: () => nobleX25519Share(source.random(32)),
  }
}

export function secp256r1(source: RandomSource): Group {
  return nistGroup('secp256r1', source)
}

export function secp384r1(source: RandomSource): Group {
  return nistGroup('secp384r1', source)
}

export function secp521r1(source: RandomSource): Group {
  return nistGroup('secp521r1', source)
}

/** A key share of a given private key of 32 bytes; `generate` makes a fresh one. */
export function nobleX25519Share(privateKey: Uint8Array): KeyShare {
  return {
    publicKey: curve25519.getPublicKey(privateKey),
    derive(peer) {
      requireX25519Form(peer)
      try {
        return requireContribution(curve25519.getSharedSecret(privateKey, peer))
      } catch (cause) {
        throw badKeyShare('X25519', cause)
      }
    },
  }
}

/** A key share of a given scalar, big-endian in as many bytes as the curve's. */
export function nobleNistShare(name: NistGroupName, scalar: Uint8Array): KeyShare {
  const curve = curves[name]
  return {
    publicKey: curve.getPublicKey(scalar, false),
    derive(peer) {
      requirePointForm(name, peer)
      try {
        // RFC 8446 §7.4.2: the x coordinate; before it noble puts the sign of y.
        return curve.getSharedSecret(scalar, peer).slice(1)
      } catch (cause) {
        throw badKeyShare(name, cause)
      }
    },
  }
}

function nistGroup(name: NistGroupName, source: RandomSource): Group {
  const { utils, lengths } = curves[name]
  return {
    id: groupIds[name],
    name,
    // More bytes than the order has, so that reducing them favours no scalar.
    generate: () => nobleNistShare(name, utils.randomSecretKey(source.random(lengths.seed!))),
  }
}
