// The portable core as one bundle: what no runtime's own code is part of.
export { webcrypto } from '../../src/crypto/index.js'
export { loadIdentity, trustStore, verifyChain } from '../../src/pki/index.js'
export { Connection } from '../../src/stream/index.js'
export { tlsClient } from '../../src/tls/index.js'
export { upgrade, webSocket } from '../../src/tunnel/index.js'
