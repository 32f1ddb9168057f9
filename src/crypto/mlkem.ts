// X25519MLKEM768: a key exchange that a quantum computer does not open later, made of ML-KEM-768 (FIPS 203) and X25519, so
// that it is never weaker than the latter. draft-ietf-tls-ecdhe-mlkem §3, §4. The KEM is an engine's; here is the
// composition, and the KEM as WebCrypto has it.
import { type Bytes, concat } from '../bytes/index.js'
import { failure } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import { badKeyShare, groupIds } from './groups.js'
import type { CryptoKeyLike, Group, KeyShare } from './provider.js'
import type { SubtleLike } from './subtle.js'

/** FIPS 203 §8, table 3: bytes of an ML-KEM-768 encapsulation key and of a ciphertext. */
export const mlKemLengths = { publicKey: 1184, ciphertext: 1088 } as const

/** One ephemeral ML-KEM-768 key pair. */
export interface MlKemKey {
  /** The encapsulation key, 1184 bytes. */
  readonly publicKey: Bytes
  /** The shared secret, 32 bytes, for a ciphertext of 1088. */
  decapsulate(ciphertext: Uint8Array): MaybePromise<Bytes>
}

export type MlKem = () => MaybePromise<MlKemKey>

/** `groups` with X25519MLKEM768 before them where there is a KEM and an X25519 to make it of. */
export function withMlKem(kem: MlKem | undefined, groups: readonly Group[]): readonly Group[] {
  const x25519 = groups.find(({ name }) => name === 'X25519')
  return kem === undefined || x25519 === undefined ? groups : [x25519MlKem768(kem, x25519), ...groups]
}

export function x25519MlKem768(kem: MlKem, x25519: Group): Group {
  const name = 'X25519MLKEM768'
  return {
    id: groupIds[name],
    name,
    async generate(): Promise<KeyShare> {
      const [post, classical] = [await kem(), await x25519.generate()]
      return {
        // draft-ietf-tls-ecdhe-mlkem §4.1: ML-KEM first, in shares and in the secret.
        publicKey: concat(post.publicKey, classical.publicKey),
        async derive(peer) {
          const { ciphertext } = mlKemLengths
          // draft-ietf-tls-ecdhe-mlkem §4.2: a share of another length MUST be refused with illegal_parameter.
          if (peer.length !== ciphertext + 32) throw badKeyShare(name)
          let secret: Bytes
          try {
            secret = await post.decapsulate(peer.subarray(0, ciphertext))
          } catch (cause) {
            throw badKeyShare(name, cause)
          }
          return concat(secret, await classical.derive(peer.subarray(ciphertext)))
        },
      }
    },
  }
}

/** ML-KEM of an engine that says that it has it. */
export function subtleMlKem(subtle: SubtleLike): MlKem | undefined {
  const algorithm = { name: 'ML-KEM-768' }
  const { supports } = (subtle.constructor ?? {}) as { supports?: (operation: string, of: unknown) => boolean }
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
