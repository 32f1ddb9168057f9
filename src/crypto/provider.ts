// The crypto provider: a plain value of tables. Platforms choose one by import path; overriding is spreading, as in
// `{ ...webcrypto, suites: [...webcrypto.suites, chacha20] }`. No global setter, no sniffing. Operations with a key in
// them may be synchronous or return a promise; hashing, HMAC and randomness are always synchronous, because the key
// schedule is a long chain of them. Table order is preference order.
import type { Bytes } from '../bytes/index.js'
import type { MaybePromise } from '../layer.js'

/** SHA-1 is a name only: what is signed with it can be told, and is refused. */
export type HashName = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512'

/** A running hash. `digest()` does not consume the state, so a transcript can be read many times. */
export interface RunningHash {
  update(data: Uint8Array): void
  digest(): Bytes
}

export interface Hash {
  readonly name: HashName
  /** Bytes of a digest. */
  readonly length: number
  /** There where the code of the hash comes only when it is asked for: to be awaited before anything below is called,
   * again if need be. Raises ERR_CONFIG_CHUNK. Absent: ready. */
  load?(): Promise<void>
  create(): RunningHash
  digest(data: Uint8Array): Bytes
  /** HMAC of the concatenated parts; an empty key is allowed (RFC 5869 needs it). */
  hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Bytes
}

/** An imported AEAD key. The caller never repeats a nonce. `open` rejects or throws ERR_TLS_BAD_RECORD_MAC. */
export interface AeadKey {
  /** What a call is given is read before it returns, and may be changed while its result is awaited. */
  readonly readsAtOnce?: true
  /** Ciphertext followed by the 16-byte tag. */
  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): MaybePromise<Bytes>
  /** The same, at once and into `out`, which is 16 bytes longer: for providers that can spare the copy. */
  sealInto?(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void
  /** `ciphertext` includes the tag. */
  open(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): MaybePromise<Bytes>
}

export interface Aead {
  readonly name: 'AES-128-GCM' | 'AES-256-GCM' | 'CHACHA20-POLY1305'
  readonly keyLength: number
  /** Records under one key before it must be changed (RFC 8446 §5.5). */
  readonly recordLimit: number
  /** Computed in JavaScript: what an engine does goes before it. */
  readonly software?: true
  importKey(key: Uint8Array): MaybePromise<AeadKey>
}

/** A TLS 1.3 or 1.2 cipher suite by its IANA id and name. */
export interface CipherSuite {
  readonly id: number
  readonly name: string
  readonly hash: Hash
  readonly aead: Aead
}

/** One ephemeral key pair of a group; `derive` may be called once. */
export interface KeyShare {
  /** As in a KeyShareEntry: 32 bytes for X25519, the uncompressed point for NIST curves, an ML-KEM encapsulation key. */
  readonly publicKey: Bytes
  /** The shared secret. Invalid points and all-zero X25519 results throw ERR_TLS_KEY_SHARE (RFC 8446 §7.4). */
  derive(peer: Uint8Array): MaybePromise<Bytes>
}

export interface Group {
  readonly id: number
  readonly name:
    | 'X25519'
    | 'secp256r1'
    | 'secp384r1'
    | 'secp521r1'
    | 'X25519MLKEM768'
    | 'SecP256r1MLKEM768'
    | 'SecP384r1MLKEM1024'
    | 'MLKEM1024'
  generate(): MaybePromise<KeyShare>
}

export type CurveName = 'P-256' | 'P-384' | 'P-521'

/** How a signature is made, apart from the key. ECDSA signatures are DER (RFC 3279 §2.2.3) at this boundary. */
export type SignatureAlgorithm =
  | { readonly kind: 'ecdsa'; readonly hash: HashName }
  | { readonly kind: 'rsa-pkcs1'; readonly hash: HashName }
  | { readonly kind: 'rsa-pss'; readonly hash: HashName; readonly saltLength: number }
  | { readonly kind: 'ed25519' }

/** What kind of key a SubjectPublicKeyInfo holds. */
export type KeyKind =
  | { readonly kind: 'ec'; readonly curve: CurveName }
  /** `pss` when the key is of id-RSASSA-PSS and may do nothing else. */
  | { readonly kind: 'rsa'; readonly bits: number; readonly pss: boolean }
  | { readonly kind: 'ed25519' }

/** A public key, parsed and checked by `pki`. */
export interface PublicKey {
  readonly key: KeyKind
  /** DER SubjectPublicKeyInfo, as in the certificate. */
  readonly spki: Bytes
}

/** A private key, wherever it lives: in memory, in a CryptoKey, in a KMS. */
export interface Signer {
  readonly key: KeyKind
  /** The public half, when the holder can tell; used to check that key and certificate belong together. */
  readonly spki?: Uint8Array
  /** Whether `sign` can do it, where the key alone does not tell: a CryptoKey is bound to one algorithm and hash when it
   * is made. Absent: everything that fits `key`. */
  canSign?(algorithm: SignatureAlgorithm): boolean
  /** Sign `data` (not a digest). ECDSA signatures are returned as DER. */
  sign(algorithm: SignatureAlgorithm, data: Uint8Array): MaybePromise<Uint8Array>
}

/** A CryptoKey as any runtime's WebCrypto makes it, by shape: the core has no DOM types. */
export interface CryptoKeyLike {
  readonly type: string
  readonly extractable: boolean
  readonly algorithm: { readonly name: string }
  readonly usages: readonly string[]
}

export interface CryptoProvider {
  readonly name: string
  random(length: number): Bytes
  readonly hashes: Readonly<Record<Exclude<HashName, 'SHA-1'>, Hash>>
  /** TLS 1.3 suites, in preference order. */
  readonly suites: readonly CipherSuite[]
  /** Key exchange groups, in preference order. */
  readonly groups: readonly Group[]
  /** False for a wrong or malformed signature; throws ERR_CRYPTO_UNAVAILABLE for an algorithm it does not have. */
  verify(
    algorithm: SignatureAlgorithm,
    key: PublicKey,
    signature: Uint8Array,
    data: Uint8Array,
  ): MaybePromise<boolean>
  /** Whether `verify` can do it: decides which signature schemes are offered. */
  canVerify(algorithm: SignatureAlgorithm, key?: KeyKind): boolean
  /** Whether it made this very signer of a key in memory, and answers for what it signs. Others are checked before they are believed. */
  vouchesFor?(signer: Signer): boolean
  /** A signer for an unencrypted PKCS#8 key (DER), or for a CryptoKey with usage `sign`. */
  signer(key: Uint8Array | CryptoKeyLike, kind: KeyKind): MaybePromise<Signer>
}
