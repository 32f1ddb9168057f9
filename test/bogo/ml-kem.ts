// The groups made of ML-KEM, whatever the runtime has: over noble's.
import { mlKem1024, x25519MlKem768 } from '../../src/crypto/noble-mlkem.js'
import type { Group } from '../../src/crypto/provider.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'

export const mlKemGroups: readonly Group[] = [x25519MlKem768(nodeCrypto), mlKem1024(nodeCrypto)]
