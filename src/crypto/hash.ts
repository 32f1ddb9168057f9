// Synchronous SHA-2 and HMAC (RFC 2104) from node-forge, for every platform without node:crypto: WebCrypto's are
// asynchronous and refuse an empty HMAC key. SHA-384 and SHA-512 are loaded when somebody needs them, which with most
// servers is never.
import { failure, loaded } from '../errors.js'
import { forgeHash } from './forge-hash.js'
import { sha256 } from './forge-sha256.js'
import type { CryptoProvider, Hash } from './provider.js'

export const forgeHashes: CryptoProvider['hashes'] = {
  'SHA-256': /* @__PURE__ */ forgeHash('SHA-256', 32, 64, () => sha256.create()),
  'SHA-384': /* @__PURE__ */ lazyHash('SHA-384', 48),
  'SHA-512': /* @__PURE__ */ lazyHash('SHA-512', 64),
}

function lazyHash(name: 'SHA-384' | 'SHA-512', length: number): Hash {
  let create: (() => ForgeDigest) | undefined
  const hash = forgeHash(name, length, 128, () => {
    if (create === undefined) throw failure('ERR_INTERNAL', `${name} is used before it is loaded`)
    return create()
  })
  async function load(): Promise<void> {
    const { sha512 } = await loaded(import('./forge-sha512.js'))
    create = () => sha512.create(name)
  }
  return { ...hash, load }
}
