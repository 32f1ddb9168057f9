import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { conformance } from './suite.js'

conformance('Node')
conformance('Node with node:crypto', nodeCrypto)
