// What a handshake loads when it needs it: in time for its first use, and an error by name when it cannot be had.
import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { hex } from '../../../src/bytes/index.js'
import { cipherSuites } from '../../../src/crypto/index.js'
import type { CryptoProvider, Hash } from '../../../src/crypto/provider.js'
import { webcrypto } from '../../../src/crypto/webcrypto.js'
import { failure } from '../../../src/errors.js'
import { explain } from '../../../src/explain.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { memorySessionStore } from '../../../src/tls/index.js'
import {
  createWorld,
  type Meeting,
  type Meeting12,
  type TicketState,
  type World,
} from '../../support/tls-server/index.js'

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

// Before anybody else: what was loaded once is not asked for again.
describe('what knows of sessions, when it cannot be loaded', () => {
  it('fails the handshake before anything is sent', async () => {
    const meet = () => world.meet({}, { session: memorySessionStore() })
    vi.doMock('../../../src/tls/recall.js', () => Promise.reject(new Error('offline')))
    const failed = await meet()
    vi.doUnmock('../../../src/tls/recall.js')
    expect(failed.error?.code).toBe('ERR_CONFIG_CHUNK')
    expect(failed.server.hellos).toEqual([])
    expect((await meet()).error).toBeUndefined()
  })
})

describe('the hash of a suite', () => {
  it.each([
    ['TLS 1.3', (crypto: CryptoProvider) => world.meet({ suite: 0x1302 }, { crypto })],
    [
      'TLS 1.3, second hello',
      (crypto: CryptoProvider) =>
        world.meet({ suite: 0x1302, retry: { group: 29 } }, { crypto, keyShares: [] }),
    ],
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
    const tickets = new Map<string, TicketState>()
    const common = { session: memorySessionStore(), sessionKey: 'peer' }
    const script = { suite: 0x1302, tickets }
    const first = await world.meet(script, { ...common, crypto: unloaded() })
    first.server.ticket({})
    await first.settle()
    for (const retry of [undefined, { cookie: new Uint8Array([1]) }]) {
      const crypto = unloaded()
      const second = await world.meet({ ...script, ...(retry && { retry }) }, { ...common, crypto })
      expect(second.error).toBeUndefined()
      expect(second.info).toMatchObject({ resumed: true, suite: 'TLS_AES_256_GCM_SHA384' })
      second.server.ticket({})
      await second.settle()
    }
  })

  it.each(['TLS 1.3', 'TLS 1.2'])(
    'is loaded for the binding to a certificate signed with it: %s',
    async (version) => {
      const crypto = unloaded()
      const { chain, signer } = await world.server('ecdsa-p256', { hash: 'SHA-384' })
      const { info, error } =
        version === 'TLS 1.3'
          ? await world.meet({ suite: 0x1301, chain, signer }, { crypto })
          : await world.meet12({ suite: 0xc02b, chain, signer }, { crypto })
      expect(error).toBeUndefined()
      expect(crypto.loads()).toBe(1)
      expect(hex(info!.channelBinding('tls-server-end-point')!)).toBe(
        createHash('sha384').update(chain[0]!).digest('hex'),
      )
    },
  )
})

describe('a part that cannot be loaded', () => {
  const secure = webcrypto(globalThis.crypto)

  it.each<[part: string, meet: () => Promise<Meeting | Meeting12>]>([
    ['tls/handshake12', () => world.meet12()],
    ['tls/client-certificate', () => world.meet({ request: {} })],
    ['tls/second-hello', () => world.meet({ retry: { group: 29 } }, { keyShares: [] })],
    ['tls/second-hello', () => world.meet({ retry: { cookie: new Uint8Array([1]) } })],
    ['crypto/forge-sha512', () => world.meet({ suite: 0x1302 }, { crypto: secure })],
    ['crypto/forge-sha512', () => world.meet12({ suite: 0xc02c }, { crypto: secure })],
  ])('%s ends the handshake by name, and may be had later', async (part, meet) => {
    const file = `../../../src/${part}.js`
    vi.doMock(file, () => Promise.reject(new Error('Failed to fetch dynamically imported module')))
    const failed = await meet()
    vi.doUnmock(file)
    expect(failed.info).toBeUndefined()
    expect(failed.error).toMatchObject({
      code: 'ERR_CONFIG_CHUNK',
      blame: 'config',
      retryable: false,
      cause: expect.any(Error),
    })
    expect(failed.server.alerts).toMatchObject([{ name: 'internal_error' }])
    const { error, info } = await meet()
    expect(error).toBeUndefined()
    expect(info).toBeDefined()
  })

  it('is said of explanations, too', async () => {
    vi.doMock('../../../src/error-prose.js', () => Promise.reject(new Error('offline')))
    await expect(explain(failure('ERR_ABORTED'))).rejects.toMatchObject({ code: 'ERR_CONFIG_CHUNK' })
    vi.doUnmock('../../../src/error-prose.js')
    expect((await explain(failure('ERR_ABORTED'))).hint).toMatch(/\w/)
  })
})
