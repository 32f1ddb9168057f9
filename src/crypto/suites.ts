// The TLS 1.3 cipher suites (RFC 8446 §B.4) as a table built from what a provider has: hashes and AEADs. Which of them a
// connection offers is decided in `tls`.
import type { Aead, CipherSuite, CryptoProvider } from './provider.js'

/** RFC 8446 §5.5: 2^24.5 full-size records keep AES-GCM's safety margin at 2^-57. */
export const aesGcmRecordLimit: number = Math.floor(2 ** 24.5)

/** RFC 8446 §5.5: with ChaCha20-Poly1305 the sequence number would wrap first; what a number counts exactly is less. */
export const chachaRecordLimit: number = Number.MAX_SAFE_INTEGER

type Hashes = CryptoProvider['hashes']

const ids: ReadonlyArray<readonly [id: number, name: string, aead: Aead['name'], hash: keyof Hashes]> = [
  [0x1301, 'TLS_AES_128_GCM_SHA256', 'AES-128-GCM', 'SHA-256'],
  [0x1302, 'TLS_AES_256_GCM_SHA384', 'AES-256-GCM', 'SHA-384'],
  [0x1303, 'TLS_CHACHA20_POLY1305_SHA256', 'CHACHA20-POLY1305', 'SHA-256'],
]

/** One suite for every AEAD given, in the order given: that order is the preference. */
export function cipherSuites(hashes: Hashes, aeads: readonly Aead[]): readonly CipherSuite[] {
  return aeads.flatMap((aead) =>
    ids
      .filter(([, , aeadName]) => aeadName === aead.name)
      .map(([id, name, , hash]) => ({ id, name, hash: hashes[hash], aead })),
  )
}
