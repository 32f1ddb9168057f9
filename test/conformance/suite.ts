// The conformance suite: one body, run on every runtime. Nothing here may import a node: module or use a global that the
// slimmest runtime lacks; what a runtime gives is `globalThis.crypto` and timers.
import { describe } from 'vitest'
import { chainValidation } from './chains.js'
import { cryptoAnswers } from './crypto.js'
import { layerBehaviour } from './layers.js'

/** Everything that must hold on a runtime of this name. */
export function conformance(runtime: string): void {
  describe(`on ${runtime}`, () => {
    describe('crypto', cryptoAnswers)
    describe('certificate chains', chainValidation)
    describe('tunnel layers', layerBehaviour)
  })
}
