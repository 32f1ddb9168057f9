// The portable provider: WebCrypto for everything with a key in it, node-forge's synchronous hashes for the key schedule.
// It takes what `globalThis.crypto` is in browsers, Workers and Node; the core itself reads no global.
import type { Bytes } from '../bytes/index.js'
import { failure, loaded } from '../errors.js'
import { groupIds } from './groups.js'
import { forgeHashes } from './hash.js'
import type { Aead, CryptoProvider, Group, Signer } from './provider.js'
import type { SubtleAlgorithm, SubtleLike } from './subtle.js'
import { aesGcmRecordLimit, chachaRecordLimit, cipherSuites } from './suites.js'
import { subtleGroup } from './webcrypto-groups.js'
import { subtleCanVerify, subtleVerify } from './webcrypto-signatures.js'

/** What `webcrypto` needs: `globalThis.crypto` in a secure context, or the same by shape. */
export interface WebCryptoSource {
  readonly subtle: SubtleLike
  getRandomValues(bytes: Bytes): unknown
}

/** A provider over WebCrypto; its suites are AES-GCM, and ChaCha20-Poly1305 where the engine says that it has it. */
export function webcrypto(source: WebCryptoSource): CryptoProvider {
  const { subtle } = source
  const own = new WeakSet<Signer>()
  if (subtle === undefined)
    throw failure('ERR_CRYPTO_UNAVAILABLE', 'no crypto.subtle outside of a secure context')
  return {
    name: 'webcrypto',
    random: (length) => randomBytes(source, length),
    hashes: forgeHashes,
    suites: cipherSuites(forgeHashes, [
      subtleAead(subtle, 'AES-128-GCM', 'AES-GCM', 16, aesGcmRecordLimit),
      subtleAead(subtle, 'AES-256-GCM', 'AES-GCM', 32, aesGcmRecordLimit),
      ...(hasAead(subtle, 'ChaCha20-Poly1305')
        ? [subtleAead(subtle, 'CHACHA20-POLY1305', 'ChaCha20-Poly1305', 32, chachaRecordLimit)]
        : []),
    ]),
    groups: [
      ...(hasMlKem(subtle) ? [hybridGroup(subtle)] : []),
      subtleGroup(subtle, 'X25519'),
      subtleGroup(subtle, 'secp256r1'),
      subtleGroup(subtle, 'secp384r1'),
      subtleGroup(subtle, 'secp521r1'),
    ],
    canVerify: subtleCanVerify,
    verify: (algorithm, key, signature, data) => subtleVerify(subtle, algorithm, key, signature, data),
    async signer(key, kind) {
      const { cryptoKeySigner, pkcs8Signer } = await loaded(import('./webcrypto-signers.js'))
      if (!(key instanceof Uint8Array)) return cryptoKeySigner(subtle, key, kind)
      const signer = await pkcs8Signer(subtle, key, kind)
      own.add(signer)
      return signer
    },
    vouchesFor: (signer) => own.has(signer),
  }
}

function subtleAead(
  subtle: SubtleLike,
  name: Aead['name'],
  algorithm: string,
  keyLength: number,
  recordLimit: number,
): Aead {
  // "raw" is how AES keys always went; the newer algorithms name it more narrowly.
  const format = algorithm === 'AES-GCM' ? 'raw' : 'raw-secret'
  return {
    name,
    keyLength,
    recordLimit,
    async importKey(bytes) {
      if (bytes.length !== keyLength) throw failure('ERR_CRYPTO_KEY', `${bytes.length} bytes for ${name}`)
      const key = await subtle.importKey(format, bytes, { name: algorithm }, false, ['encrypt', 'decrypt'])
      const parameters = (iv: Uint8Array, additionalData: Uint8Array): SubtleAlgorithm => ({
        name: algorithm,
        iv: iv as Bytes,
        additionalData: additionalData as Bytes,
        tagLength: 128,
      })
      return {
        // WebCrypto: each operation begins with a copy of the bytes.
        readsAtOnce: true,
        seal: (nonce, aad, plaintext) =>
          subtle.encrypt(parameters(nonce, aad), key, plaintext as Bytes).then(asBytes),
        open(nonce, aad, ciphertext) {
          if (ciphertext.length < 16) throw failure('ERR_TLS_BAD_RECORD_MAC')
          return subtle.decrypt(parameters(nonce, aad), key, ciphertext as Bytes).then(asBytes, () => {
            throw failure('ERR_TLS_BAD_RECORD_MAC')
          })
        },
      }
    },
  }
}

function asBytes(buffer: ArrayBuffer): Bytes {
  return new Uint8Array(buffer)
}

function randomBytes(source: WebCryptoSource, length: number): Bytes {
  const bytes = new Uint8Array(length)
  // getRandomValues gives at most 65 536 bytes a call.
  for (let at = 0; at < length; at += 65_536) source.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}

/** X25519MLKEM768, which few engines can make yet: loaded with the first key share. */
function hybridGroup(subtle: SubtleLike): Group {
  const name = 'X25519MLKEM768'
  return {
    id: groupIds[name],
    name,
    async generate() {
      const { subtleMlKem, x25519MlKem768 } = await loaded(import('./mlkem.js'))
      return x25519MlKem768(subtleMlKem(subtle)!, subtleGroup(subtle, 'X25519')).generate()
    },
  }
}

function hasMlKem(subtle: SubtleLike): boolean {
  return ['generateKey', 'decapsulateBits'].every((operation) =>
    supports(subtle, operation, { name: 'ML-KEM-768' }),
  )
}

function hasAead(subtle: SubtleLike, algorithm: string): boolean {
  const parameters = { name: algorithm, iv: new Uint8Array(12), tagLength: 128 }
  return supports(subtle, 'encrypt', parameters) && supports(subtle, 'importKey', algorithm)
}

/** `SubtleCrypto.supports`, which every engine with the newer algorithms has; without it they are not there. */
function supports(subtle: SubtleLike, operation: string, algorithm: unknown): boolean {
  const made = subtle.constructor as unknown as
    | { readonly supports?: (operation: string, algorithm: unknown) => boolean }
    | undefined
  return made?.supports?.(operation, algorithm) === true
}
