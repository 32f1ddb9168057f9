import { beforeAll, describe, expect, it } from 'vitest'
import { loadIdentity } from '../../../src/pki/identity.js'
import { parseIdentityFile } from '../../../src/pki/identity-file.js'
import { trustStore } from '../../../src/pki/trust.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { type Authority, createAuthority, type Issued } from '../../support/certificates.js'

const code = 'ERR_CONFIG_IDENTITY'
const ssh = 'ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5 alice'
const known = '@cert-authority cluster.test,*.cluster.test ssh-rsa AAAAB3Nz type=host'

let host: Authority
let other: Authority
let alice: Issued
beforeAll(async () => {
  ;[host, other] = await Promise.all([createAuthority(), createAuthority()])
  alice = await (await createAuthority()).issue({ commonName: 'alice', usage: 'client' })
})

const file = (...parts: string[]): string => parts.map((part) => `${part.trim()}\n`).join('')

describe('an identity file', () => {
  it('is taken apart in the order in which Teleport writes it', () => {
    const parsed = parseIdentityFile(
      file(alice.privateKey, ssh, alice.certificate, known, known, host.certificate, other.certificate),
    )
    expect(parsed).toEqual({
      privateKey: alice.privateKey,
      certificate: alice.certificate,
      authorities: host.certificate + other.certificate,
      sshCertificate: ssh,
      sshAuthorities: [known, known],
    })
  })

  it('is an identity as it is, and its authorities are trust', async () => {
    const parsed = parseIdentityFile(file(alice.privateKey, alice.certificate, host.certificate))
    const identity = await loadIdentity(parsed, nodeCrypto)
    expect(identity.chain).toEqual([alice.der])
    expect(trustStore(parsed.authorities).kind).toBe('anchors')
    expect(parsed.sshCertificate).toBeUndefined()
  })

  it('may have other ends of lines, spaces around them, and lines that nobody knows', () => {
    const text = file(alice.privateKey, 'hello', ssh, alice.certificate, host.certificate)
    const parsed = parseIdentityFile(`\n  ${text.replaceAll('\n', '  \r\n  ')}`)
    expect(parsed.privateKey).toBe(alice.privateKey)
    expect(parsed.authorities).toBe(host.certificate)
    expect(parsed.sshCertificate).toBe(ssh)
  })

  it.each([
    'ssh-rsa-cert-v01@openssh.com',
    'ecdsa-sha2-nistp256-cert-v01@openssh.com',
    'sk-ssh-ed25519-cert-v01@openssh.com',
    'sk-ecdsa-sha2-nistp256-cert-v01@openssh.com',
  ])('knows an SSH certificate of the type %s', (type) => {
    const parsed = parseIdentityFile(file(alice.privateKey, `${type} AAAA`, alice.certificate))
    expect(parsed.sshCertificate).toBe(`${type} AAAA`)
  })

  it('takes a public key for no certificate', () => {
    const parsed = parseIdentityFile(file(alice.privateKey, 'ssh-ed25519 AAAA', alice.certificate))
    expect(parsed.sshCertificate).toBeUndefined()
  })

  it.each([
    ['nothing', () => ''],
    ['a key alone', () => alice.privateKey],
    ['the certificate before the key', () => file(alice.certificate, alice.privateKey)],
    ['two keys', () => file(alice.privateKey, alice.privateKey, alice.certificate)],
    [
      'a block without its end',
      () => file(alice.privateKey, alice.certificate.replace(/-----END[\s\S]*/, '')),
    ],
    ['more than a file has', () => ' '.repeat((4 << 20) + 1)],
  ])('is not %s', (_what, text) => {
    expect(() => parseIdentityFile(text())).toThrow(expect.objectContaining({ code }))
  })
})
