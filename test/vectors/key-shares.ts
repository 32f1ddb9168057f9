// Key shares of given private keys, which the providers' own tables never make: their groups generate fresh ones.
import { createECDH, createPrivateKey } from 'node:crypto'
import type { MlKemKey } from '../../src/crypto/mlkem.js'
import { nobleNistShare, nobleX25519Share } from '../../src/crypto/noble-groups.js'
import { nobleMlKemKey } from '../../src/crypto/noble-mlkem.js'
import type { CryptoProvider, KeyShare } from '../../src/crypto/provider.js'
import { subtleShare } from '../../src/crypto/webcrypto-groups.js'
import { nistShare, x25519Share } from '../../src/platform/node/crypto.js'

/** A share of a private key as Wycheproof writes it: the X25519 scalar, or the big-endian number. */
type ShareOf = (privateKey: Uint8Array<ArrayBuffer>) => Promise<KeyShare>

/** The share makers of a provider; none of what it does not have, or does not make of a given key. */
export function sharesOf({ name }: CryptoProvider): Shares {
  const [engine, more] = name.split('+')
  return { ...(more === undefined ? {} : shares[more]), ...shares[engine!] }
}

const X25519_PKCS8 = '302e020100300506032b656e04220420'

const subtle = globalThis.crypto.subtle

type Shares = Readonly<Partial<Record<'X25519' | 'secp256r1' | 'secp384r1', ShareOf>>> & {
  /** The key pair of a seed. */
  readonly mlKem?: (size: 768 | 1024, seed: Uint8Array) => MlKemKey
}

const shares: Readonly<Record<string, Shares>> = {
  node: {
    X25519: async (scalar) => {
      const privateKey = createPrivateKey({
        key: Buffer.concat([Buffer.from(X25519_PKCS8, 'hex'), scalar]),
        format: 'der',
        type: 'pkcs8',
      })
      return x25519Share(privateKey)
    },
    secp256r1: async (scalar) => nistShare('secp256r1', nistKey('prime256v1', scalar, 32)),
    secp384r1: async (scalar) => nistShare('secp384r1', nistKey('secp384r1', scalar, 48)),
  },
  noble: {
    X25519: async (scalar) => nobleX25519Share(scalar),
    secp256r1: async (scalar) => nobleNistShare('secp256r1', padded(scalar, 32)),
    secp384r1: async (scalar) => nobleNistShare('secp384r1', padded(scalar, 48)),
    mlKem: nobleMlKemKey,
  },
  webcrypto: {
    X25519: async (scalar) => {
      const encoded = Uint8Array.from([...Buffer.from(X25519_PKCS8, 'hex'), ...scalar])
      const key = await subtle.importKey('pkcs8', encoded, { name: 'X25519' }, false, ['deriveBits'])
      return subtleShare(subtle, 'X25519', key, new Uint8Array(32))
    },
    secp256r1: (scalar) => subtleNist('secp256r1', 'P-256', nistKey('prime256v1', scalar, 32), 32),
    secp384r1: (scalar) => subtleNist('secp384r1', 'P-384', nistKey('secp384r1', scalar, 48), 48),
  },
}

function nistKey(curve: string, scalar: Uint8Array, size: number): ReturnType<typeof createECDH> {
  const ecdh = createECDH(curve)
  ecdh.setPrivateKey(padded(scalar, size))
  return ecdh
}

function padded(scalar: Uint8Array, size: number): Buffer {
  return Buffer.concat([Buffer.alloc(size), scalar]).subarray(-size)
}

async function subtleNist(
  name: 'secp256r1' | 'secp384r1',
  crv: string,
  ecdh: ReturnType<typeof createECDH>,
  size: number,
): Promise<KeyShare> {
  const point = ecdh.getPublicKey()
  const d = Buffer.concat([Buffer.alloc(size), ecdh.getPrivateKey()]).subarray(-size)
  const jwk = {
    kty: 'EC',
    crv,
    x: point.subarray(1, 1 + size).toString('base64url'),
    y: point.subarray(1 + size).toString('base64url'),
    d: d.toString('base64url'),
  }
  const key = await subtle.importKey('jwk', jwk, { name: 'ECDH', namedCurve: crv }, false, ['deriveBits'])
  return subtleShare(subtle, name, key, Uint8Array.from(point))
}
