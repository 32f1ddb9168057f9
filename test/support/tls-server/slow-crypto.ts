// A provider whose every keyed operation takes a while, and later calls often finish before earlier ones: what a layer
// must bear from WebCrypto.
import type { Aead, CryptoProvider } from '../../../src/crypto/provider.js'

export function slowCrypto(crypto: CryptoProvider): CryptoProvider & { readonly inFlight: () => number } {
  let calls = 0
  let now = 0
  let most = 0

  /** Run after a number of microtasks that differs from call to call. */
  async function later<T>(run: () => T | Promise<T>): Promise<T> {
    most = Math.max(most, ++now)
    try {
      for (let i = (calls++ * 7) % 11; i > 0; i--) await undefined
      return await run()
    } finally {
      now--
    }
  }

  const slowAead = (aead: Aead): Aead => ({
    ...aead,
    importKey: (key) =>
      later(async () => {
        const ready = await aead.importKey(key)
        return {
          seal: (...args) => later(() => ready.seal(...args)),
          open: (...args) => later(() => ready.open(...args)),
        }
      }),
  })
  return {
    ...crypto,
    name: `slow ${crypto.name}`,
    suites: crypto.suites.map((suite) => ({ ...suite, aead: slowAead(suite.aead) })),
    groups: crypto.groups.map((group) => ({
      ...group,
      generate: () =>
        later(async () => {
          const share = await group.generate()
          return { publicKey: share.publicKey, derive: (peer) => later(() => share.derive(peer)) }
        }),
    })),
    verify: (...args) => later(() => crypto.verify(...args)),
    /** The most operations that were under way at once. */
    inFlight: () => most,
  }
}
