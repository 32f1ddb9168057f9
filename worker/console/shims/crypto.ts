// Node's `crypto` as the PostgreSQL client uses it: WebCrypto for SCRAM. MD5, which WebCrypto has not, is left out: servers
// that still ask for MD5 passwords get an error that says so.

export const webcrypto: Crypto = globalThis.crypto

export function createHash(name: string): never {
  throw new Error(
    `${name} is not available in a page; set password_encryption = 'scram-sha-256' on the server`,
  )
}
