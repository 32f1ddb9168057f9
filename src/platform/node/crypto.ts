// Node's crypto provider: everything synchronous on node:crypto, which is several times faster there than WebCrypto and
// spares the record path its promises. WebCrypto serves only identities that live in a CryptoKey.
import nodeModule, {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type ECDH,
  generateKeyPairSync,
  getCipherInfo,
  type JsonWebKey,
  type KeyObject,
  constants as nodeConstants,
  sign as nodeSign,
  verify as nodeVerify,
  randomFillSync,
} from 'node:crypto'
import type { Bytes } from '../../bytes/index.js'
import { ecdsaSignatureFromDer } from '../../crypto/ecdsa-encoding.js'
import {
  badKeyShare,
  groupIds,
  type NistGroupName,
  requireContribution,
  requirePointForm,
  requireX25519Form,
} from '../../crypto/groups.js'
import {
  ecPublicPoint,
  ed25519PublicKey,
  pssParametersAllow,
  rsaPublicNumbers,
  spkiAllowsPss,
} from '../../crypto/key-encoding.js'
import { type MlKem, type MlKemKey, mlKemLengths, withMlKem } from '../../crypto/mlkem.js'
import type {
  Aead,
  AeadKey,
  CryptoProvider,
  CurveName,
  Group,
  Hash,
  HashName,
  KeyKind,
  KeyShare,
  PublicKey,
  SignatureAlgorithm,
  Signer,
} from '../../crypto/provider.js'
import { algorithmFits, algorithmName, isSignatureHash, signerCan } from '../../crypto/signatures.js'
import { aesGcmRecordLimit, chachaRecordLimit, cipherSuites } from '../../crypto/suites.js'
import { cryptoKeySigner } from '../../crypto/webcrypto-signers.js'
import { failure } from '../../errors-node.js'

const TAG = 16

const nodeNames: Readonly<Record<HashName, string>> = {
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}

const nodeCurves: Readonly<Record<CurveName | NistGroupName, string>> = {
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
  secp256r1: 'prime256v1',
  secp384r1: 'secp384r1',
  secp521r1: 'secp521r1',
}

const hashes: CryptoProvider['hashes'] = {
  'SHA-256': nodeHash('SHA-256', 32),
  'SHA-384': nodeHash('SHA-384', 48),
  'SHA-512': nodeHash('SHA-512', 64),
}

/** The provider of `underpass/node`: synchronous but for signing with a CryptoKey. */
export const nodeCrypto: CryptoProvider = {
  name: 'node',
  random: (length) => randomFillSync(new Uint8Array(length)),
  hashes,
  suites: cipherSuites(hashes, [
    nodeAead('AES-128-GCM', 'aes-128-gcm', 16, aesGcmRecordLimit),
    nodeAead('AES-256-GCM', 'aes-256-gcm', 32, aesGcmRecordLimit),
    // A FIPS build of OpenSSL has no ChaCha20.
    ...(getCipherInfo('chacha20-poly1305') === undefined
      ? []
      : [nodeAead('CHACHA20-POLY1305', 'chacha20-poly1305', 32, chachaRecordLimit)]),
  ]),
  groups: withMlKem(mlKem(), [
    x25519(),
    nistGroup('secp256r1'),
    nistGroup('secp384r1'),
    nistGroup('secp521r1'),
  ]),
  canVerify,
  verify(algorithm, key, signature, data) {
    if (!canVerify(algorithm))
      throw failure('ERR_CRYPTO_UNAVAILABLE', `signatures with ${algorithmName(algorithm)}`)
    try {
      return algorithmFits(algorithm, key.key) && verified(algorithm, key, signature, data)
    } catch {
      // OpenSSL throws for keys and signatures it cannot even decode; both came from the peer.
      return false
    }
  },
  vouchesFor: (signer) => ownSigners.has(signer),
  signer(key, kind) {
    return key instanceof Uint8Array
      ? pkcs8Signer(key, kind)
      : cryptoKeySigner(nodeModule.webcrypto.subtle, key, kind)
  },
}

/** A key share of a given X25519 private key. */
export function x25519Share(privateKey: KeyObject): KeyShare {
  return {
    publicKey: multiplied(privateKey, basePoint()),
    derive(peer) {
      requireX25519Form(peer)
      let secret: Bytes
      try {
        secret = multiplied(privateKey, x25519Point(peer))
      } catch (cause) {
        throw badKeyShare('X25519', cause)
      }
      return requireContribution(secret)
    },
  }
}

function multiplied(privateKey: KeyObject, publicKey: KeyObject): Bytes {
  return view(diffieHellman({ privateKey, publicKey }))
}

function x25519Point(u: Uint8Array): KeyObject {
  return fromJwk({ kty: 'OKP', crv: 'X25519', x: base64url(u) })
}

let base: KeyObject | undefined

/** RFC 7748 §6.1: a public key is the private one times 9. That is faster than having OpenSSL encode it. */
function basePoint(): KeyObject {
  base ??= x25519Point(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 9 : 0)))
  return base
}

/** A key share of a given NIST private key, which must be in `ecdh` already. */
export function nistShare(name: NistGroupName, ecdh: ECDH): KeyShare {
  return {
    publicKey: view(ecdh.getPublicKey()),
    derive(peer) {
      requirePointForm(name, peer)
      try {
        return view(ecdh.computeSecret(peer))
      } catch (cause) {
        throw badKeyShare(name, cause)
      }
    },
  }
}

function x25519(): Group {
  return {
    id: groupIds.X25519,
    name: 'X25519',
    generate() {
      // Never the form `jwk` of a key that was just generated: Node 20 holds the key's lock while it makes the strings, and
      // a garbage collection in that moment waits for the same lock, for ever.
      return x25519Share(generateKeyPairSync('x25519').privateKey)
    },
  }
}

/** Node 24.7 and later, over an OpenSSL that has it (3.5): neither is in the typings of the oldest Node supported. */
function mlKem(): MlKem | undefined {
  const { decapsulate, generateKeyPairSync: generate } = nodeModule as unknown as {
    decapsulate?: (key: KeyObject, ciphertext: Uint8Array) => Buffer
    generateKeyPairSync: (type: string) => { privateKey: KeyObject; publicKey: KeyObject }
  }
  if (decapsulate === undefined) return undefined
  function make(): MlKemKey {
    const { privateKey, publicKey } = generate('ml-kem-768')
    return {
      // The key is the whole BIT STRING at the end of its SubjectPublicKeyInfo (RFC 9935 §4).
      publicKey: view(publicKey.export({ type: 'spki', format: 'der' })).slice(-mlKemLengths[768].publicKey),
      decapsulate: (ciphertext) => view(decapsulate!(privateKey, ciphertext)),
    }
  }
  try {
    make()
    return make
  } catch {
    return undefined
  }
}

function nistGroup(name: NistGroupName): Group {
  return {
    id: groupIds[name],
    name,
    generate() {
      const ecdh = createECDH(nodeCurves[name])
      ecdh.generateKeys()
      return nistShare(name, ecdh)
    },
  }
}

function nodeHash(name: keyof CryptoProvider['hashes'], length: number): Hash {
  const algorithm = nodeNames[name]
  return {
    name,
    length,
    create() {
      const state = createHash(algorithm)
      return {
        update(data) {
          state.update(data)
        },
        digest: () => view(state.copy().digest()),
      }
    },
    digest: (data) => view(createHash(algorithm).update(data).digest()),
    hmac(key, ...parts) {
      const mac = createHmac(algorithm, key)
      for (const part of parts) mac.update(part)
      return view(mac.digest())
    },
  }
}

function nodeAead(name: Aead['name'], cipher: string, keyLength: number, recordLimit: number): Aead {
  // The typings tell GCM and ChaCha20 apart; their calls are the same.
  const algorithm = cipher as CipherGCMTypes
  // A tag of sixteen bytes is GCM's default, and reading an option is not free.
  const options = cipher.endsWith('gcm') ? undefined : { authTagLength: TAG }
  return {
    name,
    keyLength,
    recordLimit,
    importKey(key): AeadKey {
      if (key.length !== keyLength) throw failure('ERR_CRYPTO_KEY', `${key.length} bytes for ${name}`)
      // The bytes, not a KeyObject: what each record makes of it is made faster. A copy, because the caller's may change.
      const secret = key.slice()
      const sealInto: AeadKey['sealInto'] = (nonce, aad, plaintext, out) => {
        const sealing = createCipheriv(algorithm, secret, nonce, options)
        sealing.setAAD(aad)
        out.set(sealing.update(plaintext))
        sealing.final()
        out.set(sealing.getAuthTag(), plaintext.length)
      }
      return {
        seal(nonce, aad, plaintext) {
          const sealed = new Uint8Array(plaintext.length + TAG)
          sealInto(nonce, aad, plaintext, sealed)
          return sealed
        },
        sealInto,
        open(nonce, aad, ciphertext) {
          const end = ciphertext.length - TAG
          if (end < 0) throw failure('ERR_TLS_BAD_RECORD_MAC')
          const opening = createDecipheriv(algorithm, secret, nonce, options)
          opening.setAAD(aad)
          opening.setAuthTag(ciphertext.subarray(end))
          const plaintext = opening.update(ciphertext.subarray(0, end))
          try {
            opening.final()
          } catch {
            throw failure('ERR_TLS_BAD_RECORD_MAC')
          }
          return view(plaintext)
        },
      }
    },
  }
}

function canVerify(algorithm: SignatureAlgorithm, key?: KeyKind): boolean {
  if (algorithm.kind !== 'ed25519' && !isSignatureHash(algorithm.hash)) return false
  return key === undefined || algorithmFits(algorithm, key)
}

function verified(
  algorithm: SignatureAlgorithm,
  publicKey: PublicKey,
  signature: Uint8Array,
  data: Uint8Array,
): boolean {
  const { key: kind } = publicKey
  // RFC 8017 §8.1.2: the signature is as long as the modulus. OpenSSL lets PSS ones drop leading zeros.
  if (kind.kind === 'rsa' && signature.length !== Math.ceil(kind.bits / 8)) return false
  // RFC 4055 §3.3, RFC 8446 §4.2.3: what an id-RSASSA-PSS key restricts itself to; the numbers alone no longer say it.
  if (algorithm.kind === 'rsa-pss' && !spkiAllowsPss(publicKey.spki, algorithm.hash, algorithm.saltLength))
    return false
  const key = publicKeyObject(publicKey)
  if (key === undefined) return false
  if (algorithm.kind === 'ed25519') return nodeVerify(null, data, key, signature)
  const hash = nodeNames[algorithm.hash]
  if (algorithm.kind !== 'ecdsa') return nodeVerify(hash, data, { key, ...rsaPadding(algorithm) }, signature)
  const joined = kind.kind === 'ec' ? ecdsaSignatureFromDer(signature, kind.curve) : undefined
  return joined !== undefined && nodeVerify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, joined)
}

/** The key by its numbers: OpenSSL 3 takes 3 to 30 times longer to find its way through the DER of one. */
function publicKeyObject(key: PublicKey): KeyObject | undefined {
  let object = keyObjects.get(key)
  if (object === undefined) {
    object = newKeyObject(key)
    if (object !== undefined) keyObjects.set(key, object)
  }
  return object
}

/** Keys of certificates that are used again: anchors, and what the pki room remembers. */
const keyObjects = new WeakMap<PublicKey, KeyObject>()

function newKeyObject({ key: kind, spki }: PublicKey): KeyObject | undefined {
  if (kind.kind === 'rsa') {
    const numbers = rsaPublicNumbers(spki)
    return numbers && fromJwk({ kty: 'RSA', n: base64url(numbers.modulus), e: base64url(numbers.exponent) })
  }
  if (kind.kind === 'ed25519') {
    const key = ed25519PublicKey(spki)
    return key && fromJwk({ kty: 'OKP', crv: 'Ed25519', x: base64url(key) })
  }
  const point = ecPublicPoint(spki, kind.curve)
  if (point === undefined) return undefined
  const half = point.length / 2
  return fromJwk({
    kty: 'EC',
    crv: kind.curve,
    x: base64url(point.subarray(0, half)),
    y: base64url(point.subarray(half)),
  })
}

function fromJwk(key: JsonWebKey): KeyObject {
  return createPublicKey({ key, format: 'jwk' })
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
}

function pkcs8Signer(pkcs8: Uint8Array, kind: KeyKind): Signer {
  let key: KeyObject
  let spki: Bytes
  try {
    key = createPrivateKey({ key: pkcs8 as Buffer, format: 'der', type: 'pkcs8' })
    spki = view(createPublicKey(key).export({ type: 'spki', format: 'der' }))
  } catch (cause) {
    throw failure('ERR_CRYPTO_KEY', 'not an unencrypted PKCS#8 private key', { cause })
  }
  if (!isKind(key, spki, kind))
    throw failure('ERR_CRYPTO_KEY', `the private key is not of the kind ${kind.kind}`)
  const signer: Signer = {
    key: kind,
    spki,
    canSign: (algorithm) =>
      algorithm.kind !== 'rsa-pss' || pssParametersAllow(pkcs8, algorithm.hash, algorithm.saltLength),
    sign(algorithm, data) {
      if (!signerCan(signer, algorithm))
        throw failure('ERR_CRYPTO_UNAVAILABLE', `${algorithmName(algorithm)} with this private key`)
      try {
        if (algorithm.kind === 'ed25519') return view(nodeSign(null, data, key))
        const hash = nodeNames[algorithm.hash]
        return algorithm.kind === 'ecdsa'
          ? view(nodeSign(hash, data, { key, dsaEncoding: 'der' }))
          : view(nodeSign(hash, data, { key, ...rsaPadding(algorithm) }))
      } catch (cause) {
        // OpenSSL takes some malformed keys, and finds out when it uses them.
        throw failure('ERR_CRYPTO_KEY', 'the private key cannot sign', { cause })
      }
    },
  }
  ownSigners.add(signer)
  return signer
}

/** OpenSSL signs with these, and checks what it made of an RSA key by itself. */
const ownSigners = new WeakSet<Signer>()

function rsaPadding(algorithm: SignatureAlgorithm & { kind: 'rsa-pkcs1' | 'rsa-pss' }): {
  padding: number
  saltLength?: number
} {
  return algorithm.kind === 'rsa-pkcs1'
    ? { padding: nodeConstants.RSA_PKCS1_PADDING }
    : { padding: nodeConstants.RSA_PKCS1_PSS_PADDING, saltLength: algorithm.saltLength }
}

function isKind(key: KeyObject, spki: Uint8Array, kind: KeyKind): boolean {
  const { asymmetricKeyType: type } = key
  switch (kind.kind) {
    case 'ed25519':
      return type === 'ed25519'
    case 'ec':
      // Not by the key's details: asked for those of a malformed EC key, Node ends its process.
      return ecPublicPoint(spki, kind.curve) !== undefined
    case 'rsa':
      // A plain RSA key may stand for one that its certificate restricts to PSS, not the other way round.
      return (
        (type === 'rsa' || (type === 'rsa-pss' && kind.pss)) &&
        key.asymmetricKeyDetails?.modulusLength === kind.bits
      )
  }
}

/** Node's Buffer as the plain Uint8Array it is, so that `slice` copies. */
function view(buffer: Buffer): Bytes {
  return new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.length)
}
