import { describe, expect, it } from 'vitest'
import { fromHex, hex, utf8 } from '../../../src/bytes/index.js'
import { rsaPrivateKey, rsaPublicOperation } from '../../../src/crypto/forge-rsa.js'
import { forgeCrypto, sha1 } from '../../../src/crypto/index.js'
import type { SignatureAlgorithm } from '../../../src/crypto/provider.js'
import { emsaPkcs1, emsaPss, isEmsaPss } from '../../../src/crypto/rsa-encoding.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { ecKey, rsaKey } from './keys.js'

const provider = forgeCrypto(nodeCrypto)
const sha256 = provider.hashes['SHA-256']
const data = utf8('what is signed')
const code = (name: string): unknown => expect.objectContaining({ code: name })

describe('forgeCrypto()', () => {
  it('has no group', () => {
    expect(provider.groups).toEqual([])
  })

  it('has no ECDSA and no CryptoKeys', async () => {
    const key = ecKey('P-256')
    const algorithm: SignatureAlgorithm = { kind: 'ecdsa', hash: 'SHA-256' }
    expect(provider.canVerify(algorithm)).toBe(false)
    expect(() => provider.verify(algorithm, key.publicKey, new Uint8Array(70), data)).toThrow(
      code('ERR_CRYPTO_UNAVAILABLE'),
    )
    expect(() => provider.signer(key.pkcs8, key.kind)).toThrow(code('ERR_CRYPTO_UNAVAILABLE'))
    const cryptoKey = await globalThis.crypto.subtle.importKey(
      'pkcs8',
      key.pkcs8,
      { name: 'ECDSA', namedCurve: 'P-256' },
      false,
      ['sign'],
    )
    expect(() => provider.signer(cryptoKey, key.kind)).toThrow(code('ERR_CRYPTO_UNAVAILABLE'))
  })

  it('is synchronous throughout', () => {
    const key = provider.suites[0]!.aead.importKey(new Uint8Array(16))
    expect(key).not.toBeInstanceOf(Promise)
    expect(
      provider.verify(
        { kind: 'ed25519' },
        { key: { kind: 'ed25519' }, spki: new Uint8Array(44) },
        new Uint8Array(64),
        data,
      ),
    ).toBe(false)
  })

  it('blinds with the randomness it was given', () => {
    const key = rsaKey(1024)
    let drawn = 0
    const counting = forgeCrypto({
      random: (length) => {
        drawn += length
        return nodeCrypto.random(length)
      },
    })
    const algorithm: SignatureAlgorithm = { kind: 'rsa-pkcs1', hash: 'SHA-256' }
    const signer = counting.signer(key.pkcs8, key.kind)
    if (signer instanceof Promise) throw new TypeError('forge is synchronous')
    const first = signer.sign(algorithm, data)
    expect(drawn).toBe(128)
    expect(signer.sign(algorithm, data)).toEqual(first)
    expect(drawn).toBe(256)
  })

  it('fails rather than hangs when the randomness is stuck', () => {
    const { pkcs8 } = rsaKey(1024)
    const stuck = rsaPrivateKey(pkcs8, (length) => new Uint8Array(length))
    expect(() => stuck.operate(new Uint8Array(128).fill(1))).toThrow(code('ERR_INTERNAL'))
  })

  it('lets no faulty CRT result out', () => {
    const { pkcs8 } = rsaKey(1024)
    // The last number is qInv; a changed byte of it leaves n = p q true.
    const faulty = pkcs8.slice()
    faulty[faulty.length - 1]! ^= 1
    const key = rsaPrivateKey(faulty, nodeCrypto.random)
    expect(() => key.operate(new Uint8Array(128).fill(1))).toThrow(code('ERR_CRYPTO_KEY'))
  })

  it('refuses a private key whose numbers contradict each other', () => {
    const { pkcs8 } = rsaKey(1024)
    const faulty = pkcs8.slice()
    // Inside the modulus, which starts a little behind the headers.
    faulty[60]! ^= 1
    expect(() => rsaPrivateKey(faulty, nodeCrypto.random)).toThrow(code('ERR_CRYPTO_KEY'))
  })

  it('does no public operation out of range', () => {
    const { publicKey } = rsaKey(1024)
    expect(rsaPublicOperation(publicKey.spki, new Uint8Array(127))).toBeUndefined()
    expect(rsaPublicOperation(publicKey.spki, new Uint8Array(128).fill(0xff))).toBeUndefined()
    expect(rsaPublicOperation(publicKey.spki, new Uint8Array(128))?.encoded).toEqual(new Uint8Array(128))
    expect(rsaPublicOperation(new Uint8Array(5), new Uint8Array(128))).toBeUndefined()
  })
})

describe('RSA encodings (RFC 8017 §9)', () => {
  it('pads PKCS#1 v1.5 with at least eight bytes', () => {
    const encoded = emsaPkcs1(sha256, data, 62)!
    expect(hex(encoded)).toBe(
      `0001${'ff'.repeat(8)}003031300d060960864801650304020105000420${hex(sha256.digest(data))}`,
    )
    expect(emsaPkcs1(sha256, data, 61)).toBeUndefined()
    expect(emsaPkcs1(sha1, data, 128)).toBeUndefined()
  })

  it('accepts its own PSS encodings at every size of modulus', () => {
    for (let bits = 8 * 66 - 7; bits < 8 * 70; bits++) {
      const encoded = emsaPss(sha256, data, new Uint8Array(32).fill(9), bits)!
      expect(encoded.length).toBe(Math.ceil(bits / 8))
      expect(isEmsaPss(sha256, data, encoded, 32, bits)).toBe(true)
      expect(isEmsaPss(sha256, data, encoded, 31, bits)).toBe(false)
      expect(isEmsaPss(sha256, data.subarray(1), encoded, 32, bits)).toBe(false)
    }
    expect(emsaPss(sha256, data, new Uint8Array(32), 8 * 65)).toBeUndefined()
    expect(isEmsaPss(sha256, data, new Uint8Array(65), 32, 8 * 65)).toBe(false)
  })

  it('refuses a PSS encoding with any bit changed', () => {
    const bits = 8 * 80 - 3
    const encoded = emsaPss(sha256, data, fromHex('ab'.repeat(32)), bits)!
    for (let bit = 0; bit < 8 * encoded.length; bit++) {
      const changed = encoded.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(isEmsaPss(sha256, data, changed, 32, bits)).toBe(false)
    }
  })
})
