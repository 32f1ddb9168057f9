// The single modules of node-forge that this room uses, typed by what it calls. The package's own types describe the
// whole and pull Node's globals into the core. Every module is CommonJS: its `module.exports` is the default import,
// the one form that Node, bundlers, vitest and workerd all read alike.

/** A byte buffer over a binary string. */
interface ForgeBuffer {
  /** What is left, as a binary string. */
  bytes(): string
}

interface ForgeDigest {
  start(): ForgeDigest
  update(binary: string): ForgeDigest
  /** Works on a copy of the state. */
  digest(): ForgeBuffer
}

declare module 'node-forge/lib/sha1.js' {
  const sha1: { create(): ForgeDigest }
  export = sha1
}

declare module 'node-forge/lib/sha256.js' {
  const sha256: { create(): ForgeDigest }
  export = sha256
}

declare module 'node-forge/lib/sha512.js' {
  const sha512: { create(algorithm?: 'SHA-512' | 'SHA-384'): ForgeDigest }
  export = sha512
}

declare module 'node-forge/lib/util.js' {
  const util: { createBuffer(bytes: Uint8Array): ForgeBuffer }
  export = util
}

/** Registers AES, GCM among its modes, with the cipher module; nothing of it is called directly. */
declare module 'node-forge/lib/aes.js' {}

interface ForgeGcm {
  start(options: { iv: Uint8Array; additionalData: Uint8Array; tagLength: 128; tag?: Uint8Array }): void
  update(input: ForgeBuffer): void
  finish(): boolean
  readonly output: ForgeBuffer
  readonly mode: { readonly tag: ForgeBuffer }
}

declare module 'node-forge/lib/cipher.js' {
  const cipher: {
    createCipher(algorithm: 'AES-GCM', key: ForgeBuffer): ForgeGcm
    createDecipher(algorithm: 'AES-GCM', key: ForgeBuffer): ForgeGcm
  }
  export = cipher
}

declare module 'node-forge/lib/ed25519.js' {
  const ed25519: {
    generateKeyPair(options: { seed: Uint8Array }): { publicKey: Uint8Array; privateKey: Uint8Array }
    /** `privateKey` is the seed and the public key, 64 bytes. */
    sign(options: { message: Uint8Array; privateKey: Uint8Array }): Uint8Array
    /** Throws for keys and signatures of a wrong length. */
    verify(options: { message: Uint8Array; signature: Uint8Array; publicKey: Uint8Array }): boolean
  }
  export = ed25519
}

/** Immutable arbitrary-precision integers. */
interface ForgeInteger {
  add(other: ForgeInteger): ForgeInteger
  subtract(other: ForgeInteger): ForgeInteger
  multiply(other: ForgeInteger): ForgeInteger
  mod(modulus: ForgeInteger): ForgeInteger
  modPow(exponent: ForgeInteger, modulus: ForgeInteger): ForgeInteger
  modInverse(modulus: ForgeInteger): ForgeInteger
  gcd(other: ForgeInteger): ForgeInteger
  compareTo(other: ForgeInteger): number
  bitLength(): number
  signum(): number
  toString(radix: 16): string
}

declare module 'node-forge/lib/jsbn.js' {
  const jsbn: { BigInteger: { new (text: string, radix: 16): ForgeInteger; readonly ONE: ForgeInteger } }
  export = jsbn
}
