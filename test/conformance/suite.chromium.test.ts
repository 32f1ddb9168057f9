import { forgeCrypto, withNoble } from '../../src/crypto/noble.js'
import { conformance } from './suite.js'

const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length))

conformance('Chromium')
conformance('Chromium without crypto.subtle', withNoble(forgeCrypto({ random })))
