// What a configuration may say, and which contradictions are found before anything is sent.
import { describe, expect, it } from 'vitest'
import { dangerously } from '../../../src/pki/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { type TlsClientOptions, tlsClient } from '../../../src/tls/index.js'
import { configure } from '../../../src/tls/options.js'

const base: TlsClientOptions = {
  crypto: nodeCrypto,
  now: () => 0,
  trust: dangerously.anyCertificate('a test of options'),
}

describe('options', () => {
  it.each<[string, Partial<TlsClientOptions>, string]>([
    ['neither trust nor expect', { trust: undefined }, 'ERR_TLS_CONFIG'],
    ['trust that is no certificate', { trust: 'nothing', serverName: 'a.example.com' }, 'ERR_CONFIG_TRUST'],
    ['a server name that is no name', { serverName: 'a b' }, 'ERR_TLS_CONFIG'],
    ['a server name outside ASCII', { serverName: 'é.example.com' }, 'ERR_TLS_CONFIG'],
    ['an empty server name', { serverName: '' }, 'ERR_TLS_CONFIG'],
    ['a server name too long', { serverName: 'a.'.repeat(128) }, 'ERR_TLS_CONFIG'],
    ['no version', { versions: [] }, 'ERR_TLS_CONFIG'],
    ['an empty protocol', { alpn: [''] }, 'ERR_TLS_CONFIG'],
    ['a protocol too long', { alpn: ['a'.repeat(256)] }, 'ERR_TLS_CONFIG'],
    ['a protocol that is not bytes', { alpn: ['€'] }, 'ERR_TLS_CONFIG'],
    [
      'a share of a group the provider lacks',
      { keyShares: ['X25519'], crypto: { ...nodeCrypto, groups: nodeCrypto.groups.slice(-1) } },
      'ERR_CRYPTO_UNAVAILABLE',
    ],
    ['a limit that is no number', { limits: { keyUpdates: Number.NaN } }, 'ERR_TLS_CONFIG'],
    ['a limit that is undefined', { limits: { keyUpdates: undefined as never } }, 'ERR_TLS_CONFIG'],
    ['a provider without groups', { crypto: { ...nodeCrypto, groups: [] } }, 'ERR_CRYPTO_UNAVAILABLE'],
    ['a provider without suites', { crypto: { ...nodeCrypto, suites: [] } }, 'ERR_CRYPTO_UNAVAILABLE'],
  ])('with %s are refused', (_, options, code) => {
    expect(() => tlsClient({ ...base, ...options })).toThrowError(expect.objectContaining({ code }))
  })

  it('with trust but nobody to expect are refused', async () => {
    const { createAuthority } = await import('../../support/certificates.js')
    const { certificate } = await createAuthority()
    expect(() => tlsClient({ ...base, trust: certificate })).toThrowError(
      expect.objectContaining({ code: 'ERR_TLS_CONFIG' }),
    )
  })

  it('have defaults', () => {
    expect(configure({ ...base, alpn: ['a'] })).toMatchObject({
      alpnRequired: true,
      sni: undefined,
      limits: { handshakeMessage: 131_072, emptyRecords: 32, warnings: 4, keyUpdates: 32, tickets: 32 },
    })
    expect(configure(base).alpnRequired).toBe(false)
    expect(configure({ ...base, limits: { tickets: 1 } }).limits).toMatchObject({ tickets: 1, warnings: 4 })
  })

  it('offer only what the provider can verify', () => {
    const crypto = { ...nodeCrypto, canVerify: ({ kind }: { kind: string }) => kind === 'ed25519' }
    expect(configure({ ...base, crypto }).schemes.map(({ name }) => name)).toEqual(['ed25519'])
  })
})
