import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  webcrypto as nodeWebcrypto,
} from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { latin1 } from '../../../src/bytes/index.js'
import { webcrypto } from '../../../src/crypto/webcrypto.js'
import { type IdentityInput, loadIdentity } from '../../../src/pki/identity.js'
import { nameText } from '../../../src/pki/name-text.js'
import { readPrivateKey } from '../../../src/pki/private-key.js'
import { parseCertificate } from '../../../src/pki/whole.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { type Authority, createAuthority, type Issued, pem } from '../../support/certificates.js'
import { octets, oid, rejection, sequence } from './der-bytes.js'
import { ecPkcs12, rsaPkcs12 } from './pkcs12-files.js'

let root: Authority
let ec: Issued
let rsa: Issued
let ed: Issued
beforeAll(async () => {
  root = await createAuthority()
  ;[ec, rsa, ed] = await Promise.all([
    root.issue({ usage: 'client' }),
    root.issue({ usage: 'client', key: 'rsa-2048' }),
    root.issue({ usage: 'client', key: 'ed25519' }),
  ])
})

const load = (input: IdentityInput) => loadIdentity(input, nodeCrypto)
const codeFor = async (input: IdentityInput) => (await rejection(load(input))).code
const keyObject = (issued: Issued): KeyObject => createPrivateKey(issued.privateKey)
const exported = (key: KeyObject, options: object): string | Uint8Array => {
  const out = key.export(options as Parameters<KeyObject['export']>[0]) as unknown as string | Uint8Array
  return typeof out === 'string' ? out : new Uint8Array(out)
}

describe('formats', () => {
  const formats: [string, () => Issued, object][] = [
    ['PKCS#8 PEM, EC', () => ec, { type: 'pkcs8', format: 'pem' }],
    ['PKCS#8 DER, RSA', () => rsa, { type: 'pkcs8', format: 'der' }],
    ['PKCS#8 PEM, Ed25519', () => ed, { type: 'pkcs8', format: 'pem' }],
    ['PKCS#1 PEM', () => rsa, { type: 'pkcs1', format: 'pem' }],
    ['PKCS#1 DER', () => rsa, { type: 'pkcs1', format: 'der' }],
    ['SEC 1 PEM', () => ec, { type: 'sec1', format: 'pem' }],
    ['SEC 1 DER', () => ec, { type: 'sec1', format: 'der' }],
  ]
  it.each(formats)('reads %s', async (_what, issued, options) => {
    const { certificate, der, key } = issued()
    const identity = await load({ certificate, privateKey: exported(keyObject(issued()), options) })
    expect(identity.chain).toEqual([der])
    expect(identity.signer.spki).toEqual(key.spki)
  })

  const encrypted: [string, () => Issued, object][] = [
    ['PBES2 with AES-256, EC', () => ec, { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc' }],
    ['PBES2 with AES-128, RSA in DER', () => rsa, { type: 'pkcs8', format: 'der', cipher: 'aes-128-cbc' }],
    ['PBES2 with 3DES, Ed25519', () => ed, { type: 'pkcs8', format: 'pem', cipher: 'des-ede3-cbc' }],
    ['traditional AES-256, RSA', () => rsa, { type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc' }],
    ['traditional 3DES, EC', () => ec, { type: 'sec1', format: 'pem', cipher: 'des-ede3-cbc' }],
  ]
  it.each(encrypted)('opens %s', async (_what, issued, options) => {
    const privateKey = exported(keyObject(issued()), { ...options, passphrase: 'gehéim' })
    const { certificate, key } = issued()
    const identity = await load({ certificate, privateKey, passphrase: 'gehéim' })
    expect(identity.signer.spki).toEqual(key.spki)
    expect(await codeFor({ certificate, privateKey, passphrase: 'wrong' })).toBe('ERR_CONFIG_PASSPHRASE')
    expect(await codeFor({ certificate, privateKey })).toBe('ERR_CONFIG_PASSPHRASE')
  })

  it('reads PEM given as bytes, with text around it, and a chain', async () => {
    const middle = await root.intermediate()
    const issued = await middle.issue({ usage: 'client' })
    const identity = await load({
      certificate: latin1(`Subject: me\r\n${issued.chain.replaceAll('\n', '\r\n')}`),
      privateKey: latin1(`${issued.privateKey}ssh-rsa-cert-v01@openssh.com AAAA\n`),
    })
    expect(identity.chain).toEqual(issued.chainDer)
    expect(identity.leaf.der).toEqual(issued.der)
    expect(await load(identity)).toBe(identity)
    const list = await load({ certificate: [issued.der, middle.certificate], privateKey: issued.privateKey })
    expect(list.chain).toEqual([issued.der, middle.der])
  })

  it('skips the parameters before an EC key', async () => {
    const sec1 = exported(keyObject(ec), { type: 'sec1', format: 'pem' })
    const privateKey = `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${sec1}`
    expect((await load({ certificate: ec.certificate, privateKey })).signer.spki).toEqual(ec.key.spki)
  })

  it('opens PKCS#12, modern and legacy', async () => {
    const modern = await load({ pkcs12: ecPkcs12, passphrase: 'secret' })
    expect(modern.chain.map((der) => nameText(parseCertificate(der).subject))).toEqual([
      'CN=fixture ec',
      'CN=Fixture Intermediate',
    ])
    expect(modern.signer.key).toEqual({ kind: 'ec', curve: 'P-256' })
    const legacy = await load({ pkcs12: rsaPkcs12, passphrase: 'secret' })
    expect(nameText(legacy.leaf.subject)).toBe('CN=fixture rsa')
    expect(legacy.signer.key).toMatchObject({ kind: 'rsa', bits: 2048 })
  })

  it('names a wrong passphrase of PKCS#12, and what is no PKCS#12', async () => {
    for (const pkcs12 of [ecPkcs12, rsaPkcs12]) {
      expect(await codeFor({ pkcs12, passphrase: 'wrong' })).toBe('ERR_CONFIG_PASSPHRASE')
      expect(await codeFor({ pkcs12 })).toBe('ERR_CONFIG_PASSPHRASE')
    }
    expect(await codeFor({ pkcs12: new Uint8Array([1, 2, 3]) })).toBe('ERR_CONFIG_IDENTITY')
    expect(await codeFor({ pkcs12: ec.der, passphrase: 'secret' })).toBe('ERR_CONFIG_IDENTITY')
    expect(await codeFor({ certificate: ec.certificate, privateKey: ecPkcs12 })).toBe('ERR_CONFIG_IDENTITY')
  })
})

describe('keys elsewhere', () => {
  it('takes a CryptoKey that cannot be extracted', async () => {
    const { subtle } = nodeWebcrypto
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    const key = await subtle.importKey('pkcs8', ec.key.pkcs8, algorithm, false, ['sign'])
    for (const provider of [nodeCrypto, webcrypto(nodeWebcrypto as never)]) {
      const identity = await loadIdentity({ certificate: ec.certificate, privateKey: key }, provider)
      expect(identity.signer.key).toEqual({ kind: 'ec', curve: 'P-256' })
      const mismatch = loadIdentity(
        { certificate: (await root.issue()).certificate, privateKey: key },
        provider,
      )
      expect((await rejection(mismatch)).code).toBe('ERR_CONFIG_KEY_MISMATCH')
    }
    const publicHalf = await subtle.importKey('spki', ec.key.spki, algorithm, true, ['verify'])
    expect(await codeFor({ certificate: ec.certificate, privateKey: publicHalf })).toBe('ERR_CONFIG_IDENTITY')
  })

  it('takes a signer, and asks it to prove itself when it does not show its key', async () => {
    const { signer } = await load({ certificate: rsa.certificate, privateKey: rsa.privateKey })
    const silent = { key: signer.key, sign: signer.sign }
    const identity = await load({ certificate: rsa.certificate, privateKey: silent })
    expect(identity.signer).toBe(silent)
    const other = await root.issue({ usage: 'client', key: 'rsa-2048' })
    expect(await codeFor({ certificate: other.certificate, privateKey: silent })).toBe(
      'ERR_CONFIG_KEY_MISMATCH',
    )
    const failing = { key: signer.key, sign: () => Promise.reject(new Error('the device is gone')) }
    expect(await codeFor({ certificate: rsa.certificate, privateKey: failing })).toBe('ERR_CONFIG_IDENTITY')
  })

  it('believes a signer only about the right key', async () => {
    const { signer } = await load({ certificate: ec.certificate, privateKey: ec.privateKey })
    expect(await codeFor({ certificate: rsa.certificate, privateKey: signer })).toBe(
      'ERR_CONFIG_KEY_MISMATCH',
    )
    const garbled = { ...signer, spki: new Uint8Array([1]) }
    expect(await codeFor({ certificate: ec.certificate, privateKey: garbled })).toBe('ERR_CONFIG_IDENTITY')
  })
})

describe('mistakes', () => {
  it('names a key of another certificate', async () => {
    const others = await Promise.all([
      root.issue(),
      root.issue({ key: 'ecdsa-p384' }),
      root.issue({ key: 'ed25519' }),
      root.issue({ key: 'rsa-2048' }),
    ])
    for (const own of [ec, rsa, ed])
      for (const { privateKey } of others)
        expect(await codeFor({ certificate: own.certificate, privateKey })).toBe('ERR_CONFIG_KEY_MISMATCH')
  })

  const foreign: [string, string, RegExp][] = [
    ['OpenSSH', pem('OPENSSH PRIVATE KEY', latin1('openssh-key-v1')), /OpenSSH/],
    ['a YubiKey reference', pem('PIV YUBIKEY PRIVATE KEY', latin1('{}')), /YubiKey/],
    ['a TPM key', pem('TSS2 PRIVATE KEY', latin1('x')), /TPM/],
    ['DSA', pem('DSA PRIVATE KEY', latin1('x')), /DSA/],
    ['an unknown label', pem('ANOTHER PRIVATE KEY', latin1('x')), /ANOTHER/],
    ['PuTTY', 'PuTTY-User-Key-File-3: ssh-rsa', /PuTTY/],
    ['an SSH public key', 'ssh-ed25519 AAAA me', /SSH public/],
    ['a JWK', '{"kty":"EC"}', /JWK/],
    ['a public key', pem('PUBLIC KEY', latin1('x')), /PUBLIC KEY/],
    ['nothing', 'hello', /no PEM block/],
  ]
  it.each(foreign)('names %s', async (_what, privateKey, words) => {
    const error = await rejection(load({ certificate: ec.certificate, privateKey }))
    expect(error.code).toBe('ERR_CONFIG_IDENTITY')
    expect(error.message).toMatch(words)
  })

  it('names curves and algorithms that are not supported', async () => {
    const { privateKey: k1 } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
    const { privateKey: x } = generateKeyPairSync('x25519')
    for (const key of [k1, x])
      expect(
        (await rejection(readPrivateKey(exported(key, { type: 'pkcs8', format: 'der' }), undefined))).code,
      ).toBe('ERR_CONFIG_IDENTITY')
  })

  it('names broken PEM and DER', async () => {
    const half = ec.privateKey.slice(0, -30)
    expect(await codeFor({ certificate: ec.certificate, privateKey: half })).toBe('ERR_CONFIG_IDENTITY')
    expect(await codeFor({ certificate: ec.certificate, privateKey: ec.der })).toBe('ERR_CONFIG_IDENTITY')
    expect(await codeFor({ certificate: 'nothing', privateKey: ec.privateKey })).toBe('ERR_CONFIG_IDENTITY')
    expect(await codeFor({ certificate: new Uint8Array([0x30, 0]), privateKey: ec.privateKey })).toBe(
      'ERR_CONFIG_IDENTITY',
    )
    const { pkcs8 } = ec.key
    for (let length = 1; length < pkcs8.length; length++)
      expect((await rejection(readPrivateKey(pkcs8.subarray(0, length), undefined))).code).toBe(
        'ERR_CONFIG_IDENTITY',
      )
  })

  it('names values of the wrong type', async () => {
    const { certificate, privateKey } = ec
    for (const wrong of [undefined, null, 1]) {
      expect(await codeFor({ certificate, privateKey: wrong as never })).toBe('ERR_CONFIG_IDENTITY')
      expect(await codeFor({ certificate: wrong as never, privateKey })).toBe('ERR_CONFIG_IDENTITY')
      expect(await codeFor({ pkcs12: wrong as never })).toBe('ERR_CONFIG_IDENTITY')
    }
  })

  it('names encryptions that are not supported', async () => {
    // PBES2 with scrypt, and a traditional cipher of long ago.
    const scrypt = sequence(
      sequence(
        oid('1.2.840.113549.1.5.13'),
        sequence(sequence(oid('1.3.6.1.4.1.11591.4.11'), sequence()), sequence()),
      ),
      octets(new Uint8Array(64)),
    )
    const seed = pem('RSA PRIVATE KEY', new Uint8Array(16)).replace(
      'KEY-----\n',
      'KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: SEED-CBC,00112233445566778899AABBCCDDEEFF\n\n',
    )
    for (const privateKey of [scrypt, seed])
      expect(await codeFor({ certificate: ec.certificate, privateKey, passphrase: 'x' })).toBe(
        'ERR_CONFIG_IDENTITY',
      )
  })

  it('keeps key material out of errors', async () => {
    const privateKey = exported(keyObject(ec), {
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'top-secret',
    })
    const error = await rejection(load({ certificate: ec.certificate, privateKey, passphrase: 'hunter2' }))
    expect(`${error.message} ${error.hint} ${String(error.cause)}`).not.toMatch(/hunter2|top-secret/)
  })
})
