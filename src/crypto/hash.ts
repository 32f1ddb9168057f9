// Synchronous SHA-2 and HMAC (RFC 2104) from node-forge, for every platform without node:crypto: WebCrypto's are
// asynchronous and refuse an empty HMAC key. Only digest modules may be imported here, so that a bundle carries nothing
// else of node-forge.
/// <reference path="./node-forge.d.ts" />
import sha256 from 'node-forge/lib/sha256.js'
import sha512 from 'node-forge/lib/sha512.js'
import { forgeHash } from './forge-hash.js'
import type { CryptoProvider } from './provider.js'

export const forgeHashes: CryptoProvider['hashes'] = {
  'SHA-256': /* @__PURE__ */ forgeHash('SHA-256', 32, 64, () => sha256.create()),
  'SHA-384': /* @__PURE__ */ forgeHash('SHA-384', 48, 128, () => sha512.create('SHA-384')),
  'SHA-512': /* @__PURE__ */ forgeHash('SHA-512', 64, 128, () => sha512.create('SHA-512')),
}
