// Cryptography without WebCrypto: forge for RSA and AES, noble for curves and ChaCha20. Loaded on insecure origins alone.
import { forgeCrypto, withNoble } from 'underpass/crypto/noble'

export function scriptCrypto(): ReturnType<typeof withNoble> {
  // getRandomValues is there on every origin.
  return withNoble(forgeCrypto({ random: (length) => crypto.getRandomValues(new Uint8Array(length)) }))
}
