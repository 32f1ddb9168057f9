// SubtleCrypto by shape, as far as this room calls it: the core compiles without DOM types, and every runtime's own
// (browsers, workerd, Node) fits these.
import type { Bytes } from '../bytes/index.js'
import type { CryptoKeyLike } from './provider.js'

/** Names and members of the algorithms used here; engines read what they know. */
export interface SubtleAlgorithm {
  name: string
  hash?: string
  namedCurve?: string
  saltLength?: number
  iv?: Bytes
  additionalData?: Bytes
  tagLength?: number
  public?: CryptoKeyLike
}

export interface JsonWebKeyLike {
  kty?: string
  crv?: string
  x?: string
  y?: string
  n?: string
  e?: string
}

export interface SubtleLike {
  importKey(
    format: 'raw' | 'raw-secret' | 'spki' | 'pkcs8' | 'jwk',
    key: unknown,
    algorithm: SubtleAlgorithm,
    extractable: boolean,
    usages: string[],
  ): Promise<CryptoKeyLike>
  exportKey(format: 'raw' | 'raw-public' | 'spki' | 'jwk', key: unknown): Promise<unknown>
  generateKey(algorithm: SubtleAlgorithm, extractable: boolean, usages: string[]): Promise<unknown>
  deriveBits(algorithm: unknown, key: unknown, length: number): Promise<ArrayBuffer>
  encrypt(algorithm: unknown, key: unknown, data: Bytes): Promise<ArrayBuffer>
  decrypt(algorithm: unknown, key: unknown, data: Bytes): Promise<ArrayBuffer>
  sign(algorithm: unknown, key: unknown, data: Bytes): Promise<ArrayBuffer>
  /** Where there is a KEM; asked for with `supports`. */
  decapsulateBits?(algorithm: unknown, key: unknown, ciphertext: Bytes): Promise<ArrayBuffer>
  verify(algorithm: unknown, key: unknown, signature: Bytes, data: Bytes): Promise<boolean>
}
