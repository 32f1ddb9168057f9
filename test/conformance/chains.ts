// Path validation over certificates made on the spot, with the runtime's own cryptography.
import { describe, expect, it } from 'vitest'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import { dangerously, type Identity, loadIdentity, trustStore, verifyChain } from '../../src/pki/index.js'
import {
  type AuthorityOptions,
  createAuthority,
  type KeyChoice,
  type LeafOptions,
} from '../support/certificates.js'
import { codeOf } from './outcome.js'

const day = 86_400_000

export function chainValidation(crypto: CryptoProvider): void {
  it.each(['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-pss', 'ed25519'] satisfies KeyChoice[])(
    'a chain of %s certificates leads to its anchor',
    async (key) => {
      const root = await createAuthority({ key })
      const leaf = await (await root.intermediate({ key })).issue({ key, names: ['db.test'] })
      const verified = await verifyChain({
        chain: leaf.chainDer,
        expectation: { trust: trustStore(root.certificate), serverName: 'db.test', purpose: 'server' },
        now: Date.now(),
        crypto,
      })
      expect(verified.verified).toBe(true)
      expect(verified.path).toHaveLength(3)
    },
  )

  describe('a chain is refused when', () => {
    const cases: ReadonlyArray<{
      readonly why: string
      readonly code: string
      readonly leaf?: LeafOptions
      readonly middle?: AuthorityOptions
      readonly serverName?: string
      readonly foreign?: boolean
    }> = [
      { why: 'it expired', code: 'ERR_CERT_EXPIRED', leaf: { notAfter: new Date(Date.now() - day) } },
      {
        why: 'its time has not come',
        code: 'ERR_CERT_NOT_YET_VALID',
        leaf: { notBefore: new Date(Date.now() + day) },
      },
      { why: 'it is for another name', code: 'ERR_CERT_NAME_MISMATCH', serverName: 'other.test' },
      { why: 'nobody trusted signed it', code: 'ERR_CERT_UNTRUSTED', foreign: true },
      { why: 'it is a client certificate', code: 'ERR_CERT_PURPOSE', leaf: { usage: 'client' } },
      {
        why: 'it has an unknown critical extension',
        code: 'ERR_CERT_CONSTRAINT',
        leaf: { unknownCritical: true },
      },
      { why: 'its issuer is no CA', code: 'ERR_CERT_CONSTRAINT', middle: { ca: false } },
      {
        why: 'its issuer may not sign certificates',
        code: 'ERR_CERT_CONSTRAINT',
        middle: { keyUsage: ['digitalSignature'] },
      },
      {
        why: 'its name is excluded',
        code: 'ERR_CERT_CONSTRAINT',
        middle: { nameConstraints: { permitted: ['example.test'] } },
      },
    ]

    it.each(cases)('$why', async ({ code, leaf, middle, serverName = 'db.test', foreign }) => {
      const root = await createAuthority()
      const issued = await (await root.intermediate(middle)).issue({ names: ['db.test'], ...leaf })
      const anchor = foreign ? await createAuthority() : root
      const verify = () =>
        verifyChain({
          chain: issued.chainDer,
          expectation: { trust: trustStore(anchor.certificate), serverName, purpose: 'server' },
          now: Date.now(),
          crypto,
        })
      expect(await codeOf(verify)).toBe(code)
    })

    it('a signature in it is wrong', async () => {
      const root = await createAuthority()
      const issued = await root.issue({ names: ['db.test'] })
      const forged = issued.der.slice()
      forged[forged.length - 1]! ^= 1
      const trust = trustStore(root.certificate)
      const expectation = { trust, serverName: 'db.test', purpose: 'server' } as const
      expect(await codeOf(() => verifyChain({ chain: [forged], expectation, now: Date.now(), crypto }))).toBe(
        'ERR_CERT_SIGNATURE',
      )
    })
  })

  it('a chain that nobody checks says so', async () => {
    const issued = await (await createAuthority()).issue({ names: ['db.test'] })
    const trust = dangerously.anyCertificate('a test of unverified trust')
    const { verified } = await verifyChain({
      chain: issued.chainDer,
      expectation: { trust, serverName: 'db.test', purpose: 'server' },
      now: Date.now(),
      crypto,
    })
    expect(verified).toBe(false)
  })

  it('an identity is read from PEM, and a foreign key is told from its own', async () => {
    const root = await createAuthority()
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map((commonName) => root.issue({ commonName, usage: 'client' })),
    )
    const identity = await loadIdentity({ certificate: alice!.chain, privateKey: alice!.privateKey }, crypto)
    expect(identity.chain).toHaveLength(1)
    const mixed = { certificate: alice!.chain, privateKey: bob!.privateKey }
    expect(await codeOf(() => loadIdentity(mixed, crypto))).toBe('ERR_CONFIG_KEY_MISMATCH')
  })

  it('an identity is a CryptoKey that cannot be extracted', async () => {
    const alice = await (await createAuthority()).issue({ commonName: 'alice', usage: 'client' })
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    const key = await globalThis.crypto.subtle.importKey('pkcs8', alice.key.pkcs8, algorithm, false, ['sign'])
    const loading = (): Promise<Identity> =>
      loadIdentity({ certificate: alice.chain, privateKey: key }, crypto)
    // Only crypto.subtle signs with one.
    if (crypto.name.startsWith('forge')) return expect(await codeOf(loading)).toBe('ERR_CRYPTO_UNAVAILABLE')
    const identity = await loading()
    const data = new Uint8Array(32)
    const signature = await identity.signer.sign({ kind: 'ecdsa', hash: 'SHA-256' }, data)
    const { publicKey } = identity.leaf
    expect(await crypto.verify({ kind: 'ecdsa', hash: 'SHA-256' }, publicKey, signature, data)).toBe(true)
  })
}
