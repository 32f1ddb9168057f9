import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createAuthority, type KeyChoice } from '../../support/certificates.js'
import { describePeer } from '../../support/peers.js'

const choices: KeyChoice[] = ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'ed25519', 'rsa-pss']

describe('test certificates, as node:crypto reads them', () => {
  it.each(choices)('%s: root, intermediate and leaf verify in a row and the key fits', async (key) => {
    const root = await createAuthority({ key })
    const middle = await root.intermediate({ key, pathLength: 0 })
    const leaf = await middle.issue({ key, names: ['db.test', '127.0.0.1', '::1'] })
    const [rootCert, middleCert, leafCert] = [root.der, middle.der, leaf.der].map(
      (der) => new X509Certificate(der),
    )
    expect(leafCert!.verify(middleCert!.publicKey)).toBe(true)
    expect(middleCert!.verify(rootCert!.publicKey)).toBe(true)
    expect(rootCert!.verify(rootCert!.publicKey)).toBe(true)
    expect(leafCert!.checkIssued(middleCert!)).toBe(true)
    expect(leafCert!.checkPrivateKey(createPrivateKey(leaf.privateKey))).toBe(true)
    expect(leafCert!.checkHost('db.test')).toBe('db.test')
    expect(leafCert!.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(leafCert!.checkIP('::1')).toBe('::1')
    expect(leafCert!.ca).toBe(false)
    expect(middleCert!.ca).toBe(true)
    expect(leaf.chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
    expect(leafCert!.publicKey.asymmetricKeyType).toBe(
      { 'ecdsa-p256': 'ec', 'ecdsa-p384': 'ec', 'rsa-2048': 'rsa', ed25519: 'ed25519', 'rsa-pss': 'rsa-pss' }[
        key
      ],
    )
  })

  it('dates are as asked', async () => {
    const root = await createAuthority()
    const leaf = await root.issue({ notBefore: new Date('2020-01-01'), notAfter: new Date('2021-01-01') })
    expect(new X509Certificate(leaf.der).validTo).toMatch(/Jan {2}1 .* 2021/)
  })
})

describePeer('openssl', 'test certificates, as openssl reads them', () => {
  it('writes name constraints, path lengths, usages and an unknown critical extension', async () => {
    const root = await createAuthority()
    const middle = await root.intermediate({
      pathLength: 3,
      nameConstraints: {
        permitted: ['example.test', '10.0.0.0/8', '2001:db8::/32'],
        excluded: ['@bad.test', 'CN=x'],
      },
    })
    const leaf = await middle.issue({ usage: 'client', commonName: 'alice', unknownCritical: true })
    const text = (pem: string): string =>
      execFileSync('openssl', ['x509', '-noout', '-text'], { input: pem, encoding: 'utf8' })
    expect(text(middle.certificate)).toMatch(/CA:TRUE, pathlen:3/)
    expect(text(middle.certificate)).toMatch(
      /Permitted:\s+DNS:example.test\s+IP:10.0.0.0\/255.0.0.0\s+IP:2001:DB8/,
    )
    expect(text(middle.certificate)).toMatch(/Excluded:\s+email:bad.test\s+DirName:\s?CN = x/)
    expect(text(leaf.certificate)).toMatch(/TLS Web Client Authentication/)
    expect(text(leaf.certificate)).toMatch(/1.3.6.1.4.1.32473.1: critical/)
    expect(new X509Certificate(leaf.der).keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  })
})
