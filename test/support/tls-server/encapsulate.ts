// The server's half of the post-quantum groups, put together by hand: what it answers to a client's share, and the secret.
import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'
import { ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js'
import { type Bytes, concat } from '../../../src/bytes/index.js'

export interface Encapsulated {
  readonly publicKey: Bytes
  readonly secret: Bytes
}

/** By the group's id; throws for a share that no client may send. */
export const encapsulate: Readonly<Record<number, (share: Uint8Array) => Encapsulated>> = {
  // X25519MLKEM768: ML-KEM first.
  4588(share) {
    const [post, classical] = [kem(768, take(share, 0, 1184)), x25519(take(share, 1184, 1216))]
    return joined(post, classical)
  },
  // SecP256r1MLKEM768 and SecP384r1MLKEM1024: the curve first.
  4587(share) {
    const [classical, post] = [ecdh('prime256v1', take(share, 0, 65)), kem(768, take(share, 65, 1249))]
    return joined(classical, post)
  },
  4589(share) {
    const [classical, post] = [ecdh('secp384r1', take(share, 0, 97)), kem(1024, take(share, 97, 1665))]
    return joined(classical, post)
  },
  // MLKEM1024.
  514: (share) => kem(1024, take(share, 0, 1568)),
}

function kem(size: 768 | 1024, key: Uint8Array): Encapsulated {
  const { cipherText, sharedSecret } = (size === 768 ? ml_kem768 : ml_kem1024).encapsulate(key)
  return { publicKey: Uint8Array.from(cipherText), secret: Uint8Array.from(sharedSecret) }
}

function x25519(key: Uint8Array): Encapsulated {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const jwk = { kty: 'OKP', crv: 'X25519', x: Buffer.from(key).toString('base64url') }
  const secret = diffieHellman({ privateKey, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) })
  // Not as a JWK: see src/platform/node/crypto.ts.
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return { publicKey: Uint8Array.from(spki.subarray(-32)), secret: Uint8Array.from(secret) }
}

function ecdh(curve: string, key: Uint8Array): Encapsulated {
  const own = createECDH(curve)
  const publicKey = Uint8Array.from(own.generateKeys())
  return { publicKey, secret: Uint8Array.from(own.computeSecret(key)) }
}

function joined(first: Encapsulated, second: Encapsulated): Encapsulated {
  return {
    publicKey: concat(first.publicKey, second.publicKey),
    secret: concat(first.secret, second.secret),
  }
}

function take(share: Uint8Array, from: number, to: number): Uint8Array {
  if (share.length < to) throw new Error(`a share of ${share.length} bytes`)
  return share.subarray(from, to)
}
