// Key exchange that a quantum computer does not open later, over ML-KEM (FIPS 203): X25519MLKEM768, which is never weaker
// than X25519 (draft-ietf-tls-ecdhe-mlkem §4), and MLKEM1024 by itself, for whoever must (draft-ietf-tls-mlkem §3). The
// KEM is an engine's; here is what TLS makes of it, and the KEM as WebCrypto has it.
import { type Bytes, concat } from '../bytes/index.js'
import { failure } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import { badKeyShare, groupIds } from './groups.js'
import type { CryptoKeyLike, Group } from './provider.js'
import type { SubtleLike } from './subtle.js'

/** FIPS 203 §8, table 3: bytes of an encapsulation key and of a ciphertext. */
export const mlKemLengths = {
  768: { publicKey: 1184, ciphertext: 1088 },
  1024: { publicKey: 1568, ciphertext: 1568 },
} as const

/** One ephemeral key pair. */
export interface MlKemKey {
  /** The encapsulation key. */
  readonly publicKey: Bytes
  /** The shared secret, 32 bytes, for a ciphertext of the right length. */
  decapsulate(ciphertext: Uint8Array): MaybePromise<Bytes>
}

/** ML-KEM of one parameter set: makes key pairs. */
export type MlKem = () => MaybePromise<MlKemKey>

/** `groups` with X25519MLKEM768 before them where there is an ML-KEM-768, and an X25519 to join it with. */
export function withMlKem(kem: MlKem | undefined, groups: readonly Group[]): readonly Group[] {
  const x25519 = groups.find(({ name }) => name === 'X25519')
  return kem === undefined || x25519 === undefined ? groups : [x25519MlKem768(kem, x25519), ...groups]
}

/** `kem` is ML-KEM-768. */
export function x25519MlKem768(kem: MlKem, x25519: Group): Group {
  return {
    id: groupIds.X25519MLKEM768,
    name: 'X25519MLKEM768',
    async generate() {
      const [post, classical] = [await kem(), await x25519.generate()]
      return {
        // draft-ietf-tls-ecdhe-mlkem §4.1: ML-KEM first, in shares and in the secret.
        publicKey: concat(post.publicKey, classical.publicKey),
        async derive(peer) {
          const { ciphertext: length } = mlKemLengths[768]
          const secret = await decapsulate('X25519MLKEM768', post, length, 32, peer)
          return concat(secret, await classical.derive(peer.subarray(length)))
        },
      }
    },
  }
}

/** `kem` is ML-KEM-1024. No provider has this group by itself; add it to `groups`. */
export function mlKem1024(kem: MlKem): Group {
  return {
    id: groupIds.MLKEM1024,
    name: 'MLKEM1024',
    async generate() {
      const key = await kem()
      const { ciphertext } = mlKemLengths[1024]
      return {
        publicKey: key.publicKey,
        derive: (peer) => decapsulate('MLKEM1024', key, ciphertext, 0, peer),
      }
    },
  }
}

/** The secret in the first `length` bytes of a share that has `more` after them. */
async function decapsulate(
  name: Group['name'],
  key: MlKemKey,
  length: number,
  more: number,
  peer: Uint8Array,
): Promise<Bytes> {
  // draft-ietf-tls-ecdhe-mlkem §4.2: a share of another length MUST be refused with illegal_parameter.
  if (peer.length !== length + more) throw badKeyShare(name)
  try {
    return await key.decapsulate(peer.subarray(0, length))
  } catch (cause) {
    throw badKeyShare(name, cause)
  }
}

/** ML-KEM-768 of an engine that says that it has it. */
export function subtleMlKem(subtle: SubtleLike): MlKem | undefined {
  const algorithm = { name: 'ML-KEM-768' }
  const { supports } = (subtle.constructor ?? {}) as {
    supports?: (operation: string, of: unknown) => boolean
  }
  const has = (operation: string) => supports?.call(subtle.constructor, operation, algorithm) === true
  if (typeof supports !== 'function' || !has('generateKey') || !has('decapsulateBits')) return undefined
  return async () => {
    try {
      const made = await subtle.generateKey(algorithm, false, ['decapsulateBits', 'encapsulateBits'])
      const { privateKey, publicKey } = made as { privateKey: CryptoKeyLike; publicKey: CryptoKeyLike }
      return {
        publicKey: new Uint8Array((await subtle.exportKey('raw-public', publicKey)) as ArrayBuffer),
        decapsulate: async (ciphertext) =>
          new Uint8Array(await subtle.decapsulateBits!(algorithm, privateKey, ciphertext as Bytes)),
      }
    } catch (cause) {
      throw failure('ERR_CRYPTO_UNAVAILABLE', 'key exchange with ML-KEM-768', { cause })
    }
  }
}
