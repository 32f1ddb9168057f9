// The conformance suite: one body, run on every runtime. Nothing here may import a node: module or use a global that the
// slimmest runtime lacks; what a runtime gives is `globalThis.crypto` and timers.
import { describe } from 'vitest'
import { webcrypto } from '../../src/crypto/index.js'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import { chainValidation } from './chains.js'
import { cryptoAnswers } from './crypto.js'
import { layerBehaviour } from './layers.js'
import { traces } from './traces.js'
import { tunnels } from './tunnels.js'

/** Everything that must hold on a runtime of this name, with the portable provider or another one. */
export function conformance(runtime: string, crypto: CryptoProvider = webcrypto(globalThis.crypto)): void {
  describe(`on ${runtime}`, () => {
    describe('crypto', () => cryptoAnswers(crypto))
    describe('certificate chains', () => chainValidation(crypto))
    describe('tunnel layers', layerBehaviour)
    describe('tunnels', () => tunnels(crypto))
    describe('traces', () => traces(crypto))
  })
}
