import { forgeCrypto, withNoble } from '../../src/crypto/noble.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { conformance } from './suite.js'

conformance('Node')
conformance('Node with node:crypto', nodeCrypto)
conformance('Node without crypto.subtle', withNoble(forgeCrypto(nodeCrypto)))
