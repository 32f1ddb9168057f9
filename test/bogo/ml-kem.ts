// ML-KEM for the shim, whatever the runtime has: the library's opt-in groups.
import { mlKem1024, x25519MlKem768 } from '../../src/crypto/noble.js'
import type { Group } from '../../src/crypto/provider.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'

export const mlKemGroups: readonly Group[] = [x25519MlKem768(nodeCrypto), mlKem1024(nodeCrypto)]
