// The fallback provider for pages without crypto.subtle (a console served over plain http on a LAN): AES-GCM, RSA and
// Ed25519 from node-forge's JavaScript. node-forge has no X25519 and no NIST curves, so its group table is empty and its
// ECDSA missing: verifying and signing work, a TLS handshake needs groups spread in from elsewhere.
/// <reference path="./node-forge.d.ts" />
import 'node-forge/lib/aes.js'
import cipher from 'node-forge/lib/cipher.js'
import ed25519 from 'node-forge/lib/ed25519.js'
import util from 'node-forge/lib/util.js'
import { type Bytes, equal, equalConstantTime, latin1 } from '../bytes/index.js'
import { failure } from '../errors.js'
import { forgeHash } from './forge-hash.js'
import { rsaPrivateKey, rsaPublicOperation } from './forge-rsa.js'
import { sha512 } from './forge-sha512.js'
import { forgeHashes } from './hash.js'
import {
  ed25519PublicKey,
  ed25519Seed,
  ed25519Spki,
  isPssKey,
  pssParametersAllow,
  rsaSpki,
} from './key-encoding.js'
import type {
  Aead,
  CryptoKeyLike,
  CryptoProvider,
  KeyKind,
  PublicKey,
  SignatureAlgorithm,
  Signer,
} from './provider.js'
import { emsaPkcs1, emsaPss, isEmsaPss } from './rsa-encoding.js'
import { algorithmFits, algorithmName, isSignatureHash, signerCan } from './signatures.js'
import { aesGcmRecordLimit, cipherSuites } from './suites.js'

const TAG = 16

// Verifying is synchronous here: nothing may be left to be loaded.
const hashes: CryptoProvider['hashes'] = {
  ...forgeHashes,
  'SHA-384': /* @__PURE__ */ forgeHash('SHA-384', 48, 128, () => sha512.create('SHA-384')),
  'SHA-512': /* @__PURE__ */ forgeHash('SHA-512', 64, 128, () => sha512.create('SHA-512')),
}

/** A provider without engine support, all of it synchronous. `random` must be cryptographically strong. */
export function forgeCrypto(source: { random(length: number): Bytes }): CryptoProvider {
  const random = (length: number): Bytes => source.random(length)
  return {
    name: 'forge',
    random,
    hashes,
    suites: cipherSuites(hashes, [forgeAead('AES-128-GCM', 16), forgeAead('AES-256-GCM', 32)]),
    groups: [],
    canVerify,
    verify(algorithm, key, signature, data) {
      if (!canVerify(algorithm))
        throw failure('ERR_CRYPTO_UNAVAILABLE', `node-forge has no ${algorithmName(algorithm)}`)
      return algorithmFits(algorithm, key.key) && verified(algorithm, key, signature, data)
    },
    signer: (key, kind) => signer(key, kind, random),
  }
}

function canVerify(algorithm: SignatureAlgorithm, key?: KeyKind): boolean {
  if (algorithm.kind === 'ecdsa') return false
  if (algorithm.kind !== 'ed25519' && !isSignatureHash(algorithm.hash)) return false
  return key === undefined || algorithmFits(algorithm, key)
}

function verified(
  algorithm: SignatureAlgorithm,
  { spki }: PublicKey,
  signature: Uint8Array,
  data: Uint8Array,
): boolean {
  if (algorithm.kind === 'ed25519') {
    const publicKey = ed25519PublicKey(spki)
    // RFC 8032 §5.1.7: R and S, 32 bytes each.
    if (publicKey === undefined || signature.length !== 64) return false
    return ed25519.verify({ message: data, signature, publicKey })
  }
  const operated = rsaPublicOperation(spki, signature)
  if (operated === undefined) return false
  const { encoded, bits } = operated
  if (!isSignatureHash(algorithm.hash)) return false
  const hash = hashes[algorithm.hash]
  if (algorithm.kind === 'rsa-pkcs1') {
    const right = emsaPkcs1(hash, data, encoded.length)
    return right !== undefined && equal(right, encoded)
  }
  if (algorithm.kind !== 'rsa-pss' || !pssParametersAllow(spki, algorithm.hash, algorithm.saltLength))
    return false
  // RFC 8017 §8.1.2: emLen is one byte less than the modulus when its size is 1 over a multiple of eight.
  const length = Math.ceil((bits - 1) / 8)
  if (length < encoded.length && encoded[0] !== 0) return false
  return isEmsaPss(hash, data, encoded.subarray(encoded.length - length), algorithm.saltLength, bits - 1)
}

function signer(key: Uint8Array | CryptoKeyLike, kind: KeyKind, random: (length: number) => Bytes): Signer {
  if (!(key instanceof Uint8Array))
    throw failure('ERR_CRYPTO_UNAVAILABLE', 'a CryptoKey signs with crypto.subtle only')
  if (kind.kind === 'ec') throw failure('ERR_CRYPTO_UNAVAILABLE', 'node-forge has no ECDSA')
  return kind.kind === 'rsa' ? rsaSigner(key, kind, random) : ed25519Signer(key, kind)
}

function rsaSigner(
  pkcs8: Uint8Array,
  kind: KeyKind & { kind: 'rsa' },
  random: (length: number) => Bytes,
): Signer {
  const key = rsaPrivateKey(pkcs8, random)
  if (key.bits !== kind.bits || (isPssKey(pkcs8) && !kind.pss))
    throw failure('ERR_CRYPTO_KEY', 'the RSA key has another size or purpose')
  const made: Signer = {
    key: kind,
    spki: rsaSpki(key),
    canSign: (algorithm) =>
      algorithm.kind !== 'rsa-pss' || pssParametersAllow(pkcs8, algorithm.hash, algorithm.saltLength),
    sign(algorithm, data) {
      const encoded = signerCan(made, algorithm) ? encode(algorithm, data, key.bits, random) : undefined
      if (encoded === undefined)
        throw failure('ERR_CRYPTO_UNAVAILABLE', `${algorithmName(algorithm)} with this private key`)
      return key.operate(encoded)
    },
  }
  return made
}

function encode(
  algorithm: SignatureAlgorithm,
  data: Uint8Array,
  bits: number,
  random: (length: number) => Bytes,
): Bytes | undefined {
  if (algorithm.kind === 'ed25519' || !isSignatureHash(algorithm.hash)) return undefined
  const hash = hashes[algorithm.hash]
  if (algorithm.kind === 'rsa-pkcs1') return emsaPkcs1(hash, data, Math.ceil(bits / 8))
  return algorithm.kind === 'rsa-pss'
    ? emsaPss(hash, data, random(algorithm.saltLength), bits - 1)
    : undefined
}

function ed25519Signer(pkcs8: Uint8Array, kind: KeyKind): Signer {
  const seed = ed25519Seed(pkcs8)
  if (seed === undefined) throw failure('ERR_CRYPTO_KEY', 'not an unencrypted PKCS#8 Ed25519 key')
  const pair = ed25519.generateKeyPair({ seed })
  return {
    key: kind,
    spki: ed25519Spki(new Uint8Array(pair.publicKey)),
    sign(algorithm, data) {
      if (algorithm.kind !== 'ed25519')
        throw failure('ERR_CRYPTO_UNAVAILABLE', `${algorithmName(algorithm)} with this private key`)
      return new Uint8Array(ed25519.sign({ message: data, privateKey: pair.privateKey }))
    },
  }
}

function forgeAead(name: Aead['name'], keyLength: number): Aead {
  return {
    name,
    keyLength,
    recordLimit: aesGcmRecordLimit,
    software: true,
    importKey(key) {
      if (key.length !== keyLength) throw failure('ERR_CRYPTO_KEY', `${key.length} bytes for ${name}`)
      const sealing = cipher.createCipher('AES-GCM', util.createBuffer(key))
      const opening = cipher.createDecipher('AES-GCM', util.createBuffer(key))
      return {
        seal(nonce, aad, plaintext) {
          sealing.start({ iv: nonce, additionalData: aad, tagLength: 128 })
          sealing.update(util.createBuffer(plaintext))
          sealing.finish()
          return latin1(sealing.output.bytes() + sealing.mode.tag.bytes())
        },
        open(nonce, aad, ciphertext) {
          const end = ciphertext.length - TAG
          if (end < 0) throw failure('ERR_TLS_BAD_RECORD_MAC')
          // node-forge stops comparing at the first difference: it gets a tag of no use, the real one is compared here.
          opening.start({ iv: nonce, additionalData: aad, tagLength: 128, tag: new Uint8Array(TAG) })
          opening.update(util.createBuffer(ciphertext.subarray(0, end)))
          opening.finish()
          if (!equalConstantTime(latin1(opening.mode.tag.bytes()), ciphertext.subarray(end)))
            throw failure('ERR_TLS_BAD_RECORD_MAC')
          return latin1(opening.output.bytes())
        },
      }
    },
  }
}
