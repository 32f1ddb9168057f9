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
