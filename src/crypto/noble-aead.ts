// ChaCha20-Poly1305 (RFC 8439) from @noble/ciphers: where an engine lacks it, and before any AES in JavaScript, which is
// slower and looks up tables by secrets.
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { failure } from '../errors.js'
import type { Aead } from './provider.js'
import { chachaRecordLimit } from './suites.js'

export const chacha20Poly1305: Aead = {
  name: 'CHACHA20-POLY1305',
  keyLength: 32,
  recordLimit: chachaRecordLimit,
  software: true,
  importKey(bytes) {
    if (bytes.length !== 32) throw failure('ERR_CRYPTO_KEY', `${bytes.length} bytes for CHACHA20-POLY1305`)
    const key = bytes.slice()
    return {
      // No `sealInto`: inside a record the output is not aligned to words, and that costs more than the copy.
      seal: (nonce, aad, plaintext) => chacha20poly1305(key, nonce, aad).encrypt(plaintext),
      open(nonce, aad, ciphertext) {
        try {
          return chacha20poly1305(key, nonce, aad).decrypt(ciphertext)
        } catch {
          throw failure('ERR_TLS_BAD_RECORD_MAC')
        }
      },
    }
  },
}
