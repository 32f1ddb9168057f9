// ChaCha20-Poly1305 (RFC 8439) from @noble/ciphers: where an engine lacks it, and before any AES in JavaScript, which is
// slower and looks up tables by secrets. AES-GCM for servers that insist: faster than node-forge's.
import { gcm } from '@noble/ciphers/aes.js'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { failure } from '../errors.js'
import type { Aead } from './provider.js'
import { aesGcmRecordLimit, chachaRecordLimit } from './suites.js'

export const chacha20Poly1305: Aead = /* @__PURE__ */ softwareAead(
  'CHACHA20-POLY1305',
  32,
  chachaRecordLimit,
  chacha20poly1305,
)
export const aes128Gcm: Aead = /* @__PURE__ */ softwareAead('AES-128-GCM', 16, aesGcmRecordLimit, gcm)
export const aes256Gcm: Aead = /* @__PURE__ */ softwareAead('AES-256-GCM', 32, aesGcmRecordLimit, gcm)

function softwareAead(
  name: Aead['name'],
  keyLength: number,
  recordLimit: number,
  cipher: typeof gcm | typeof chacha20poly1305,
): Aead {
  return {
    name,
    keyLength,
    recordLimit,
    software: true,
    importKey(bytes) {
      if (bytes.length !== keyLength) throw failure('ERR_CRYPTO_KEY', `${bytes.length} bytes for ${name}`)
      const key = bytes.slice()
      return {
        // No `sealInto`: inside a record the output is not aligned to words, and that costs more than the copy.
        seal: (nonce, aad, plaintext) => cipher(key, nonce, aad).encrypt(plaintext),
        open(nonce, aad, ciphertext) {
          try {
            return cipher(key, nonce, aad).decrypt(ciphertext)
          } catch {
            throw failure('ERR_TLS_BAD_RECORD_MAC')
          }
        },
      }
    },
  }
}
