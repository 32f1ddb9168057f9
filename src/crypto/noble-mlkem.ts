// ML-KEM (FIPS 203) from @noble/post-quantum, and the groups made of it: with X25519, with a NIST curve, by itself.
// draft-ietf-tls-ecdhe-mlkem §4, draft-ietf-tls-mlkem §3.
import { ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js'
import { concat } from '../bytes/index.js'
import { failure } from '../errors.js'
import { badKeyShare, groupIds, type NistGroupName, nistLengths } from './groups.js'
import {
  type MlKemKey,
  mlKem1024 as mlKem1024Over,
  mlKemLengths,
  x25519MlKem768 as x25519Over,
} from './mlkem.js'
import { type RandomSource, secp256r1, secp384r1, x25519 } from './noble-groups.js'
import type { CryptoProvider, Group } from './provider.js'

type MlKemSize = keyof typeof mlKemLengths

/** Randomness, and the curves that are there already. */
export type GroupSource = RandomSource & Partial<Pick<CryptoProvider, 'groups'>>

/** ML-KEM-768 with X25519: the post-quantum group that most servers know. */
export function x25519MlKem768(source: GroupSource): Group {
  return x25519Over(() => fresh(768, source), groupOf(source, 'X25519') ?? x25519(source))
}

/** ML-KEM-768 with P-256. */
export function secp256r1MlKem768(source: GroupSource): Group {
  return curveFirst('SecP256r1MLKEM768', 768, source, 'secp256r1', secp256r1)
}

/** ML-KEM-1024 with P-384. */
export function secp384r1MlKem1024(source: GroupSource): Group {
  return curveFirst('SecP384r1MLKEM1024', 1024, source, 'secp384r1', secp384r1)
}

/** ML-KEM-1024 by itself, for whoever must: where it fails, nothing older stands behind it. */
export function mlKem1024(source: RandomSource): Group {
  return mlKem1024Over(() => fresh(1024, source))
}

/** The key pair of a seed (FIPS 203 §7.1: d and z, 64 bytes). */
export function nobleMlKemKey(size: MlKemSize, seed: Uint8Array): MlKemKey {
  if (seed.length !== 64) throw failure('ERR_CRYPTO_KEY', `${seed.length} bytes for a seed of ML-KEM`)
  const { keygen, decapsulate } = size === 768 ? ml_kem768 : ml_kem1024
  const { publicKey, secretKey } = keygen(seed)
  return { publicKey, decapsulate: (ciphertext) => decapsulate(ciphertext, secretKey) }
}

function fresh(size: MlKemSize, source: RandomSource): MlKemKey {
  return nobleMlKemKey(size, source.random(64))
}

function curveFirst(
  name: Group['name'],
  size: MlKemSize,
  source: GroupSource,
  curve: NistGroupName,
  make: (source: RandomSource) => Group,
): Group {
  const ecdh = groupOf(source, curve) ?? make(source)
  const point = 1 + 2 * nistLengths[curve]
  return {
    id: groupIds[name],
    name,
    async generate() {
      const [classical, post] = [await ecdh.generate(), fresh(size, source)]
      return {
        // draft-ietf-tls-ecdhe-mlkem §4.1, §4.3: with a NIST curve ECDH comes first, in shares and in the secret.
        publicKey: concat(classical.publicKey, post.publicKey),
        async derive(peer) {
          // draft-ietf-tls-ecdhe-mlkem §4.2: a share of another length MUST be refused with illegal_parameter.
          if (peer.length !== point + mlKemLengths[size].ciphertext) throw badKeyShare(name)
          return concat(
            await classical.derive(peer.subarray(0, point)),
            await post.decapsulate(peer.subarray(point)),
          )
        },
      }
    },
  }
}

function groupOf({ groups = [] }: GroupSource, name: Group['name']): Group | undefined {
  return groups.find((group) => group.name === name)
}
