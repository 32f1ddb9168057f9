// Crypto as values: provider types, and the tables that platforms assemble. No protocol state, no certificates.

export { ecdsaSignatureFromDer, ecdsaSignatureToDer } from './ecdsa-encoding.js'
export { forgeCrypto } from './forge.js'
export {
  groupIds,
  requireGroups,
} from './groups.js'
export { forgeHashes } from './hash.js'
export { deriveSecret, hkdfExpand, hkdfExpandLabel, hkdfExtract } from './hkdf.js'
export { isPssKey, pssParametersAllow, samePublicKey } from './key-encoding.js'
export { prf12 } from './prf.js'
export type * from './provider.js'
export { sha1 } from './sha1.js'
export { algorithmFits, algorithmName, isSignatureHash, signerCan } from './signatures.js'
export type { JsonWebKeyLike, SubtleAlgorithm, SubtleLike } from './subtle.js'
export { aesGcmRecordLimit, chachaRecordLimit, cipherSuites } from './suites.js'
export { type WebCryptoSource, webcrypto } from './webcrypto.js'
