// SHA-1, apart from the hashes of a provider: nothing of TLS or of certificates may use it (RFC 9155 §2). It proves to a
// WebSocket client that its request was read (RFC 6455 §4.2.2), which takes no strength.
import { forgeHash } from './forge-hash.js'
import { sha1 as forgeSha1 } from './forge-sha1.js'
import type { Hash } from './provider.js'

export const sha1: Hash = /* @__PURE__ */ forgeHash('SHA-1', 20, 64, () => forgeSha1.create())
