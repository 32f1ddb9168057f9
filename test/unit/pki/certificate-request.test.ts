import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import type { KeyKind, Signer } from '../../../src/crypto/provider.js'
import { type CertificateRequestOptions, certificateRequest } from '../../../src/pki/certificate-request.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { createKeyPair, type KeyChoice } from '../../support/certificates.js'
import { describePeer, requireProgram } from '../../support/peers.js'

const kinds: Readonly<Record<KeyChoice, KeyKind>> = {
  'ecdsa-p256': { kind: 'ec', curve: 'P-256' },
  'ecdsa-p384': { kind: 'ec', curve: 'P-384' },
  ed25519: { kind: 'ed25519' },
  'rsa-2048': { kind: 'rsa', bits: 2048, pss: false },
  'rsa-pss': { kind: 'rsa', bits: 2048, pss: true },
}

async function signerFor(key: KeyChoice): Promise<Signer> {
  const { pkcs8 } = await createKeyPair(key)
  return nodeCrypto.signer(pkcs8, kinds[key])
}

const codeFor = async (options: Omit<CertificateRequestOptions, 'signer'>): Promise<string | undefined> => {
  const signer = await signerFor('ecdsa-p256')
  return certificateRequest({ ...options, signer }).then(
    () => undefined,
    (error: { code: string }) => error.code,
  )
}

describePeer('openssl', 'a certification request, read by OpenSSL', () => {
  const verified = (request: string): string =>
    execFileSync(
      requireProgram('openssl'),
      ['req', '-verify', '-noout', '-text', '-nameopt', 'utf8,sep_comma_plus'],
      { input: request, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] },
    )

  it.each([
    ['ecdsa-p256', 'ecdsa-with-SHA256'],
    ['ecdsa-p384', 'ecdsa-with-SHA384'],
    ['ed25519', 'ED25519'],
    ['rsa-2048', 'sha256WithRSAEncryption'],
    ['rsa-pss', 'rsassaPss'],
  ] satisfies [KeyChoice, string][])('is signed right by a %s key (%s)', async (key, algorithm) => {
    const signer = await signerFor(key)
    const text = verified(await certificateRequest({ signer, subject: { commonName: 'alice' } }))
    expect(text).toContain(`Signature Algorithm: ${algorithm}`)
    expect(text).toContain('Subject: CN=alice')
  })

  it('is signed with PSS where the key can do nothing else', async () => {
    const signer = { ...(await signerFor('rsa-2048')) }
    const text = verified(
      await certificateRequest({ signer: { ...signer, canSign: ({ kind }) => kind === 'rsa-pss' } }),
    )
    expect(text).toContain('Signature Algorithm: rsassaPss')
  })

  it('holds every kind of name', async () => {
    const signer = await signerFor('ecdsa-p256')
    const text = verified(
      await certificateRequest({
        signer,
        subject: { commonName: 'alice', organization: ['a', 'b'], organizationalUnit: 'ünit', country: 'DE' },
        names: ['x.test', '*.x.test', '10.0.0.1', '::1', 'a@x.test', 'https://x.test/y'],
      }),
    )
    expect(text).toContain('Subject: C=DE,O=a,O=b,OU=ünit,CN=alice')
    expect(text).toContain(
      'DNS:x.test, DNS:*.x.test, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1, email:a@x.test, URI:https://x.test/y',
    )
  })

  it('may have no subject and no names', async () => {
    const text = verified(await certificateRequest({ signer: await signerFor('ed25519') }))
    expect(text).toMatch(/Subject: *\n/)
  })
})

describe('a certification request', () => {
  it.each([
    { subject: { commonName: '' } },
    { subject: { commonName: 'x'.repeat(65) } },
    { subject: { country: 'Germany' } },
    { subject: { country: '12' } },
    { subject: { organization: ['a', ''] } },
    { names: ['a b'] },
    { names: [''] },
    { names: ['a..b'] },
    { names: ['a@b@c'] },
    { names: ['\u00fc.test'] },
  ])('is not made of %j', async (options) => {
    expect(await codeFor(options)).toBe('ERR_CONFIG_INVALID')
  })

  it('needs a signer that tells its public key', async () => {
    const { spki: _, ...signer } = await signerFor('ed25519')
    await expect(certificateRequest({ signer })).rejects.toMatchObject({ code: 'ERR_CRYPTO_KEY' })
  })

  it('is 64 characters a line', async () => {
    const lines = (await certificateRequest({ signer: await signerFor('ecdsa-p256') })).trimEnd().split('\n')
    expect([lines[0], lines.at(-1)]).toEqual([
      '-----BEGIN CERTIFICATE REQUEST-----',
      '-----END CERTIFICATE REQUEST-----',
    ])
    expect(lines.slice(1, -2).every((line) => line.length === 64)).toBe(true)
  })
})
