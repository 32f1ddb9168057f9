// `underpass/crypto/noble`: what a platform lacks, from the @noble packages, which are optional peers of this one and must be
// installed (@noble/ciphers, @noble/curves, @noble/post-quantum). Opt-in: only this entry point and the noble-* files beside
// it import them, and no other entry point imports this one.
import { aes128Gcm, aes256Gcm, chacha20Poly1305 } from './noble-aead.js'
import { secp256r1, secp384r1, secp521r1, x25519 } from './noble-groups.js'
import { x25519MlKem768 } from './noble-mlkem.js'
import { ecdsaSigner, ecdsaVerify, isEcdsa } from './noble-signatures.js'
import type { CipherSuite, CryptoProvider, Group } from './provider.js'
import { cipherSuites } from './suites.js'

export { forgeCrypto } from './forge.js'
export { chacha20Poly1305 } from './noble-aead.js'
export { type RandomSource, secp256r1, secp384r1, secp521r1, x25519 } from './noble-groups.js'
export {
  type GroupSource,
  mlKem1024,
  secp256r1MlKem768,
  secp384r1MlKem1024,
  x25519MlKem768,
} from './noble-mlkem.js'
export { ecdsaSigner, ecdsaVerify } from './noble-signatures.js'

/**
 * A provider with what it lacks of X25519MLKEM768, X25519, the NIST curves, ChaCha20-Poly1305 and ECDSA. What it has it keeps:
 * `withNoble(forgeCrypto({ random }))` is whole without crypto.subtle, `withNoble(webcrypto(crypto))` gains ML-KEM on an
 * engine that has none. ChaCha20 goes behind the engine's AEADs and before those in JavaScript, which become noble's. The other post-quantum
 * groups are not added: spread them into `groups` where a server wants them.
 */
export function withNoble(provider: CryptoProvider): CryptoProvider {
  const ecdsaMissing = !provider.canVerify({ kind: 'ecdsa', hash: 'SHA-256' })
  return {
    ...provider,
    name: `${provider.name}+noble`,
    suites: suitesOf(provider),
    groups: groupsOf(provider),
    canVerify: (algorithm, key) =>
      provider.canVerify(algorithm, key) || (ecdsaMissing && isEcdsa(algorithm, key)),
    verify: (algorithm, key, signature, data) =>
      ecdsaMissing && isEcdsa(algorithm)
        ? ecdsaVerify(provider, algorithm, key, signature, data)
        : provider.verify(algorithm, key, signature, data),
    signer: (key, kind) =>
      ecdsaMissing && kind.kind === 'ec' && key instanceof Uint8Array
        ? ecdsaSigner(provider, key, kind)
        : provider.signer(key, kind),
  }
}

function suitesOf({ suites, hashes }: CryptoProvider): readonly CipherSuite[] {
  if (suites.some(({ aead }) => aead.name === chacha20Poly1305.name)) return suites
  const software = suites.filter(({ aead }) => aead.software === true)
  const ours = [aes128Gcm, aes256Gcm].filter(({ name }) => software.some(({ aead }) => aead.name === name))
  return [
    ...suites.filter((suite) => !software.includes(suite)),
    ...cipherSuites(hashes, [chacha20Poly1305, ...ours]),
  ]
}

function groupsOf(provider: CryptoProvider): readonly Group[] {
  const has = ({ id }: Group): boolean => provider.groups.some((group) => group.id === id)
  const missing = (group: Group): readonly Group[] => (has(group) ? [] : [group])
  return [
    ...missing(x25519MlKem768(provider)),
    ...provider.groups,
    ...[x25519, secp256r1, secp384r1, secp521r1].flatMap((make) => missing(make(provider))),
  ]
}
