// A crypto provider against published answers, and against itself where answers are random.
import { describe, expect, it } from 'vitest'
import { fromHex, hex, utf8 } from '../../src/bytes/index.js'
import { deriveSecret, forgeHashes, hkdfExpand, hkdfExtract } from '../../src/crypto/index.js'
import type { CryptoProvider, SignatureAlgorithm } from '../../src/crypto/provider.js'
import { createKeyPair, type KeyChoice } from '../support/certificates.js'
import { codeOf } from './outcome.js'

const sha256 = forgeHashes['SHA-256']

export function cryptoAnswers(crypto: CryptoProvider): void {
  it.each([
    ['SHA-256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'SHA-384',
      'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
    ],
  ] satisfies [keyof CryptoProvider['hashes'], string][])('%s of abc (FIPS 180-4)', async (name, digest) => {
    await forgeHashes[name].load?.()
    expect(hex(forgeHashes[name].digest(utf8('abc')))).toBe(digest)
    const running = forgeHashes[name].create()
    running.update(utf8('a'))
    running.digest()
    running.update(utf8('bc'))
    expect(hex(running.digest())).toBe(digest)
  })

  it('HKDF (RFC 5869 A.1 and A.3, the one with an empty salt)', () => {
    const ikm = new Uint8Array(22).fill(0x0b)
    const prk = hkdfExtract(sha256, fromHex('000102030405060708090a0b0c'), ikm)
    expect(hex(prk)).toBe('077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5')
    expect(hex(hkdfExpand(sha256, prk, fromHex('f0f1f2f3f4f5f6f7f8f9'), 42))).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    )
    const unsalted = hkdfExtract(sha256, new Uint8Array(), ikm)
    expect(hex(hkdfExpand(sha256, unsalted, new Uint8Array(), 42))).toBe(
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    )
  })

  it('the first secrets of the TLS 1.3 key schedule (RFC 8448 §3)', () => {
    const early = hkdfExtract(sha256, new Uint8Array(), new Uint8Array(32))
    expect(hex(early)).toBe('33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a')
    expect(hex(deriveSecret(sha256, early, 'derived', sha256.digest(new Uint8Array())))).toBe(
      '6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba',
    )
  })

  it('offers the suites and groups that every runtime has', () => {
    expect(crypto.suites.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384']),
    )
    expect(crypto.groups.map(({ name }) => name)).toEqual(expect.arrayContaining(['X25519', 'secp256r1']))
  })

  it('AES-128-GCM (the specification’s test case 2), and refuses a changed tag', async () => {
    const suite = crypto.suites.find(({ name }) => name === 'TLS_AES_128_GCM_SHA256')!
    const key = await suite.aead.importKey(new Uint8Array(16))
    const nonce = new Uint8Array(12)
    const sealed = await key.seal(nonce, new Uint8Array(), new Uint8Array(16))
    expect(hex(sealed)).toBe('0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf')
    expect(await key.open(nonce, new Uint8Array(), sealed.slice())).toEqual(new Uint8Array(16))
    const changed = sealed.slice()
    changed[31]! ^= 1
    expect(await codeOf(() => key.open(nonce, new Uint8Array(), changed))).toBe('ERR_TLS_BAD_RECORD_MAC')
  })

  describe.each(['X25519', 'secp256r1', 'secp384r1'] as const)('%s', (name) => {
    const group = crypto.groups.find((each) => each.name === name)!

    it('agrees with itself', async () => {
      const [a, b] = [await group.generate(), await group.generate()]
      const [one, other] = [await a.derive(b.publicKey), await b.derive(a.publicKey)]
      expect(hex(one)).toBe(hex(other))
      expect(one.length).toBe(name === 'secp384r1' ? 48 : 32)
    })

    it('refuses a share that is no point of the group', async () => {
      const share = await group.generate()
      expect(await codeOf(() => share.derive(new Uint8Array(share.publicKey.length)))).toBe(
        'ERR_TLS_KEY_SHARE',
      )
      const other = await group.generate()
      expect(await codeOf(() => other.derive(new Uint8Array(7)))).toBe('ERR_TLS_KEY_SHARE')
    })
  })

  describe.each([
    ['ecdsa-p256', { kind: 'ec', curve: 'P-256' }, { kind: 'ecdsa', hash: 'SHA-256' }],
    ['ecdsa-p384', { kind: 'ec', curve: 'P-384' }, { kind: 'ecdsa', hash: 'SHA-384' }],
    [
      'rsa-2048',
      { kind: 'rsa', bits: 2048, pss: false },
      { kind: 'rsa-pss', hash: 'SHA-256', saltLength: 32 },
    ],
    ['ed25519', { kind: 'ed25519' }, { kind: 'ed25519' }],
  ] as const)('signatures with %s', (choice: KeyChoice, kind, algorithm: SignatureAlgorithm) => {
    it('verify, and fail for other data', async () => {
      const pair = await createKeyPair(choice)
      const signer = await crypto.signer(pair.pkcs8, kind)
      const data = utf8('signed data')
      const signature = await signer.sign(algorithm, data)
      const key = { key: kind, spki: pair.spki }
      expect(crypto.canVerify(algorithm, kind)).toBe(true)
      expect(await crypto.verify(algorithm, key, signature, data)).toBe(true)
      expect(await crypto.verify(algorithm, key, signature, utf8('other data'))).toBe(false)
      expect(await crypto.verify(algorithm, key, signature.slice(1), data)).toBe(false)
    })
  })
}
