// Keys as openssl makes them, in every dress; and what is no identity at all, told by what it looks like.
import { execFileSync } from 'node:child_process'
import { mkdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { filesIdentity, identityFile } from '../../../src/login/index.js'
import { describePeer, requireProgram } from '../../support/peers.js'
import { folder, issue, put, removeFolders } from './tree.js'

afterEach(removeFolders)

const secret = 'correct horse'

describePeer('openssl', 'files that openssl made', () => {
  const openssl = (...args: string[]) =>
    execFileSync(requireProgram('openssl'), args, { stdio: 'pipe', env: { ...process.env, SECRET: secret } })

  async function material(kind: 'ec' | 'rsa') {
    const path = await folder()
    const at = (name: string) => join(path, name)
    const algorithm =
      kind === 'ec' ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-newkey', 'rsa:2048']
    openssl(
      'req',
      '-x509',
      ...algorithm,
      '-noenc',
      '-subj',
      '/CN=alice',
      '-keyout',
      at('key'),
      '-out',
      at('crt'),
    )
    return { at, certificate: at('crt') }
  }

  it.each(['ec', 'rsa'] as const)('%s: PKCS#8, plain and encrypted, PEM and DER', async (kind) => {
    const { at, certificate } = await material(kind)
    openssl(
      'pkcs8',
      '-topk8',
      '-in',
      at('key'),
      '-out',
      at('aes'),
      '-v2',
      'aes-256-cbc',
      '-passout',
      'env:SECRET',
    )
    openssl(
      'pkcs8',
      '-topk8',
      '-in',
      at('key'),
      '-out',
      at('des'),
      '-v1',
      'PBE-SHA1-3DES',
      '-passout',
      'env:SECRET',
    )
    openssl('pkcs8', '-topk8', '-in', at('key'), '-out', at('der'), '-outform', 'DER', '-nocrypt')
    openssl('x509', '-in', certificate, '-outform', 'DER', '-out', at('crt.der'))
    const plain = await filesIdentity({ certificate, privateKey: at('key') })
    const { der } = (await plain.current()).leaf
    for (const files of [
      { certificate, privateKey: at('aes'), passphrase: secret },
      { certificate, privateKey: at('des'), passphrase: secret },
      { certificate, privateKey: at('der') },
      { certificate: at('crt.der'), privateKey: at('key') },
    ])
      expect((await (await filesIdentity(files)).current()).leaf.der).toEqual(der)
    await expect(filesIdentity({ certificate, privateKey: at('aes') })).rejects.toMatchObject({
      code: 'ERR_CONFIG_PASSPHRASE',
    })
    const wrong = filesIdentity({ certificate, privateKey: at('aes'), passphrase: 'battery staple' })
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_CONFIG_PASSPHRASE' })
    await expect(wrong).rejects.not.toThrow(/battery|horse/)
  })

  it('the traditional forms of openssl, encrypted too', async () => {
    const { at, certificate } = await material('rsa')
    openssl('rsa', '-in', at('key'), '-traditional', '-out', at('pkcs1'))
    openssl(
      'rsa',
      '-in',
      at('key'),
      '-traditional',
      '-aes128',
      '-passout',
      'env:SECRET',
      '-out',
      at('sealed'),
    )
    await (await filesIdentity({ certificate, privateKey: at('pkcs1') })).current()
    await (await filesIdentity({ certificate, privateKey: at('sealed'), passphrase: secret })).current()
  })

  it('PKCS#12, modern and legacy', async () => {
    const { at, certificate } = await material('ec')
    const both = ['-export', '-inkey', at('key'), '-in', certificate, '-passout', 'env:SECRET']
    openssl('pkcs12', ...both, '-out', at('modern.p12'))
    openssl('pkcs12', ...both, '-legacy', '-out', at('legacy.p12'))
    for (const pkcs12 of [at('modern.p12'), at('legacy.p12')]) {
      expect((await (await filesIdentity({ pkcs12, passphrase: secret })).current()).chain).toHaveLength(1)
      await expect(filesIdentity({ pkcs12, passphrase: 'no' })).rejects.toMatchObject({
        code: 'ERR_CONFIG_PASSPHRASE',
      })
    }
    await expect(
      filesIdentity({ certificate: at('modern.p12'), privateKey: at('key') }),
    ).rejects.toMatchObject({
      code: 'ERR_CONFIG_IDENTITY',
      detail: `${at('modern.p12')} looks like PKCS#12`,
    })
  })

  it('PKCS#7, which holds no key', async () => {
    const { at, certificate } = await material('ec')
    for (const form of ['PEM', 'DER']) {
      openssl('crl2pkcs7', '-nocrl', '-certfile', certificate, '-outform', form, '-out', at('p7'))
      await expect(filesIdentity({ certificate: at('p7'), privateKey: at('key') })).rejects.toMatchObject({
        code: 'ERR_CONFIG_IDENTITY',
        detail: `${at('p7')} looks like PKCS#7`,
        hint: expect.stringContaining('openssl pkcs7'),
      })
    }
  })
})

describe('certificate and key', () => {
  it('may be one file, with a byte order mark before it', async () => {
    const alice = await issue()
    const path = await put(join(await folder(), 'both.pem'), `\ufeff${alice.privateKey}${alice.certificate}`)
    const source = await filesIdentity({ certificate: path, privateKey: path })
    expect((await source.current()).leaf.der).toEqual(alice.der)
    // Where PKCS#12 was promised, both halves in PEM do as well.
    expect((await (await filesIdentity({ pkcs12: path })).current()).leaf.der).toEqual(alice.der)
  })

  it('must belong together', async () => {
    const [alice, other] = await Promise.all([issue(), issue()])
    const path = await folder()
    const certificate = await put(join(path, 'crt'), alice.certificate)
    const privateKey = await put(join(path, 'key'), other.privateKey)
    await expect(filesIdentity({ certificate, privateKey })).rejects.toMatchObject({
      code: 'ERR_CONFIG_KEY_MISMATCH',
    })
  })
})

describe('a file that cannot be read', () => {
  it('is told by its path', async () => {
    const path = await folder()
    const alice = await issue()
    const certificate = await put(join(path, 'crt'), alice.certificate)
    const missing = join(path, 'missing')
    await expect(filesIdentity({ certificate, privateKey: missing })).rejects.toMatchObject({
      code: 'ERR_CONFIG_FILE',
      detail: `${missing} does not exist`,
    })
    await mkdir(missing)
    await expect(filesIdentity({ certificate, privateKey: missing })).rejects.toMatchObject({
      code: 'ERR_CONFIG_FILE',
      detail: `${missing} is a directory`,
    })
    const large = await put(join(path, 'large'), '')
    await truncate(large, (4 << 20) + 1)
    await expect(filesIdentity({ certificate, privateKey: large })).rejects.toMatchObject({
      code: 'ERR_CONFIG_FILE',
      detail: `${large} is larger than 4 MiB`,
    })
  })
})

const armour = (label: string) => `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`

// biome-ignore format: a table
const foreign: ReadonlyArray<readonly [string, string | Uint8Array]> = [
  ['an empty file', ''],
  ['an OpenSSH private key', armour('OPENSSH PRIVATE KEY')],
  ['an SSH certificate', 'ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2g alice'],
  ['an SSH public key', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE alice@example'],
  ['an SSH public key', 'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY= alice@example'],
  ['a PuTTY key', 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n'],
  ['a kubeconfig', 'apiVersion: v1\nclusters: []\nkind: Config\n'],
  ['a kubeconfig', `apiVersion: v1\nkind: Config\nusers: []\n`],
  ['a kubeconfig', `apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: ${'A'.repeat(9000)}\nkind: Config\n`],
  ['a Kubernetes resource', 'apiVersion: v1\nkind: Secret\ndata:\n  tls.crt: AAAA\n'],
  ['PKCS#7', armour('PKCS7')],
  ['a certificate request', armour('CERTIFICATE REQUEST')],
  ['a public key', armour('PUBLIC KEY')],
  ['OpenPGP', armour('PGP PRIVATE KEY BLOCK')],
  ['a reference to a key inside a device', armour('PIV YUBIKEY PRIVATE KEY')],
  ['a web page', '<!DOCTYPE html><title>Sign in</title>'],
  ['JSON', '{"kty":"EC"}'],
  ['text in UTF-16', new Uint8Array([0xff, 0xfe, 0x2d, 0])],
  ['a Java key store', new Uint8Array([0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2])],
]

describe('foreign formats', () => {
  it.each(foreign)('%s is called by its name, with what to do', async (looks, content) => {
    const path = await folder()
    const alice = await issue()
    const file = await put(join(path, 'foreign'), content)
    const certificate = await put(join(path, 'crt'), alice.certificate)
    const privateKey = await put(join(path, 'key'), alice.privateKey)
    const expected = {
      code: 'ERR_CONFIG_IDENTITY',
      detail: `${file} looks like ${looks}`,
      hint: expect.stringMatching(/^[A-Z].+\.$/),
    }
    await expect(filesIdentity({ certificate: file, privateKey })).rejects.toMatchObject(expected)
    await expect(filesIdentity({ certificate, privateKey: file })).rejects.toMatchObject(expected)
    await expect(identityFile(file)).rejects.toMatchObject(expected)
  })

  it('what nobody knows is told with the path', async () => {
    const path = await folder()
    const file = await put(join(path, 'noise'), 'no idea what this is')
    await expect(filesIdentity({ certificate: file, privateKey: file })).rejects.toMatchObject({
      code: 'ERR_CONFIG_IDENTITY',
      detail: expect.stringContaining(file),
    })
  })

  it('no content of a key gets into an error', async () => {
    const path = await folder()
    const alice = await issue()
    const certificate = await put(join(path, 'crt'), alice.certificate)
    const broken = alice.privateKey.replace(/\n(.{10})/, '\n!!!!$1')
    const privateKey = await put(join(path, 'key'), broken)
    const lines = broken.split('\n').filter((line) => line.length > 20 && !line.startsWith('-'))
    const error = await filesIdentity({ certificate, privateKey }).catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ code: 'ERR_CONFIG_IDENTITY' })
    for (const line of lines) expect(JSON.stringify(error) + String(error)).not.toContain(line.slice(0, 16))
  })
})
