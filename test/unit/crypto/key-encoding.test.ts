import { describe, expect, it } from 'vitest'
import { fromHex, hex } from '../../../src/bytes/index.js'
import { isPssKey, pssParametersAllow, samePublicKey } from '../../../src/crypto/index.js'
import {
  asRsaEncryptionPkcs8,
  asRsaEncryptionSpki,
  ecPublicPoint,
  ed25519PublicKey,
  ed25519Seed,
  ed25519Spki,
  modulusBits,
  rsaPrivateNumbers,
  rsaPublicNumbers,
  rsaSpki,
} from '../../../src/crypto/key-encoding.js'
import { ecKey, ed25519Key, pssKey, rsaKey } from './keys.js'

const rsa = rsaKey(2048)
const pss = pssKey()
const restricted = pssKey({ hash: 'sha256', saltLength: 32 })
const ec = ecKey('P-256')
const ed25519 = ed25519Key()

describe('RSA keys', () => {
  it('give their numbers, and are made of them again', () => {
    for (const { publicKey } of [rsa, rsaKey(1024, 3)]) {
      const numbers = rsaPublicNumbers(publicKey.spki)!
      expect(hex(rsaSpki(numbers))).toBe(hex(publicKey.spki))
      expect(modulusBits(numbers)).toBe(publicKey.key.kind === 'rsa' && publicKey.key.bits)
    }
    expect(hex(rsaPublicNumbers(rsa.publicKey.spki)!.exponent)).toBe('010001')
    expect(modulusBits({ modulus: fromHex('0100'), exponent: fromHex('03') })).toBe(9)
  })

  it('give the eight numbers of the private half', () => {
    const numbers = rsaPrivateNumbers(rsa.pkcs8)!
    expect(numbers).toHaveLength(8)
    const [n, , , p, q] = numbers.map((number) => BigInt(`0x${hex(number)}`))
    expect(p! * q!).toBe(n)
    expect(rsaPrivateNumbers(rsaKey(1024).publicKey.spki)).toBeUndefined()
    expect(rsaPrivateNumbers(ec.pkcs8)).toBeUndefined()
  })

  it('come out of id-RSASSA-PSS as rsaEncryption, and are still the same key', () => {
    for (const key of [pss, restricted]) {
      const plain = asRsaEncryptionSpki(key.publicKey.spki)
      expect(hex(plain.subarray(4, 19))).toBe('300d06092a864886f70d0101010500')
      expect(rsaPublicNumbers(plain)).toEqual(rsaPublicNumbers(key.publicKey.spki))
      expect(rsaPrivateNumbers(asRsaEncryptionPkcs8(key.pkcs8))).toEqual(rsaPrivateNumbers(key.pkcs8))
      expect(samePublicKey(plain, key.publicKey.spki)).toBe(true)
      expect([isPssKey(key.publicKey.spki), isPssKey(key.pkcs8), isPssKey(plain)]).toEqual([
        true,
        true,
        false,
      ])
    }
    expect(samePublicKey(pss.publicKey.spki, restricted.publicKey.spki)).toBe(false)
    expect(samePublicKey(ec.publicKey.spki, ec.publicKey.spki)).toBe(true)
  })

  it('leave other keys as they are', () => {
    for (const key of [rsa, ec, ed25519]) {
      expect(asRsaEncryptionSpki(key.publicKey.spki)).toBe(key.publicKey.spki)
      expect(asRsaEncryptionPkcs8(key.pkcs8)).toBe(key.pkcs8)
    }
  })
})

describe('id-RSASSA-PSS parameters', () => {
  it.each([
    ['plain RSA', rsa, true, true, true],
    ['free', pss, true, true, true],
    ['SHA-256 with at least 32 bytes of salt', restricted, true, false, false],
  ] as const)('%s', (_, key, same, less, other) => {
    for (const encoded of [key.publicKey.spki, key.pkcs8]) {
      expect(pssParametersAllow(encoded, 'SHA-256', 32)).toBe(same)
      expect(pssParametersAllow(encoded, 'SHA-256', 40)).toBe(same)
      expect(pssParametersAllow(encoded, 'SHA-256', 31)).toBe(less)
      expect(pssParametersAllow(encoded, 'SHA-384', 48)).toBe(other)
    }
  })

  it.each([
    // An empty SEQUENCE is the defaults: SHA-1 throughout.
    ['3000', false],
    // SHA-256, but MGF1 with the default SHA-1.
    ['300fa00d300b0609608648016503040201', false],
    // SHA-256, MGF1 with SHA-256, the default 20 bytes of salt.
    ['302ba00d300b0609608648016503040201a11a301806092a864886f70d010108300b0609608648016503040201', true],
    // A generator that is not MGF1.
    ['302ba00d300b0609608648016503040201a11a301806092a864886f70d010109300b0609608648016503040201', false],
    // A salt length that is not a number.
    ['3004a2020400', false],
    // A field without content.
    ['3002a000', false],
  ])('%s allow SHA-256: %s', (parameters, allowed) => {
    const algorithm = `06092a864886f70d01010a${parameters}`
    const length = (text: string): string => (text.length / 2).toString(16).padStart(2, '0')
    const key = '3006020103020103'
    const identifier = `30${length(algorithm)}${algorithm}`
    const content = `${identifier}03${length(`00${key}`)}00${key}`
    expect(pssParametersAllow(fromHex(`30${length(content)}${content}`), 'SHA-256', 32)).toBe(allowed)
  })
})

describe('EC and Ed25519 keys', () => {
  it('give the point, on their own curve only', () => {
    const point = ecPublicPoint(ec.publicKey.spki, 'P-256')!
    expect(hex(point)).toBe(hex(ec.publicKey.spki.subarray(-64)))
    expect(ecPublicPoint(ec.publicKey.spki, 'P-384')).toBeUndefined()
    expect(ecPublicPoint(rsa.publicKey.spki, 'P-256')).toBeUndefined()
  })

  it('refuse a compressed point', () => {
    const compressed = fromHex(
      `3039301306072a8648ce3d020106082a8648ce3d03010703220002${hex(ec.publicKey.spki.subarray(-64, -32))}`,
    )
    expect(ecPublicPoint(compressed, 'P-256')).toBeUndefined()
  })

  it('give the raw Ed25519 key and seed', () => {
    const raw = ed25519PublicKey(ed25519.publicKey.spki)!
    expect(hex(ed25519Spki(raw))).toBe(hex(ed25519.publicKey.spki))
    expect(hex(ed25519Seed(ed25519.pkcs8)!)).toBe(hex(ed25519.pkcs8.subarray(-32)))
    expect(ed25519PublicKey(ec.publicKey.spki)).toBeUndefined()
    expect(ed25519Seed(rsa.pkcs8)).toBeUndefined()
  })
})

describe('malformed encodings', () => {
  it('are undefined at every cut and with every byte behind', () => {
    for (const { publicKey, pkcs8 } of [rsa, pss, ec, ed25519]) {
      const { spki } = publicKey
      const longer = (bytes: Uint8Array): Uint8Array => Uint8Array.from([...bytes, 0])
      const cuts = (bytes: Uint8Array): Uint8Array[] => [
        longer(bytes),
        ...Array.from({ length: Math.min(bytes.length, 60) }, (_, i) => bytes.subarray(0, i)),
      ]
      for (const cut of cuts(spki)) {
        expect(rsaPublicNumbers(cut)).toBeUndefined()
        expect(ecPublicPoint(cut, 'P-256')).toBeUndefined()
        expect(ed25519PublicKey(cut)).toBeUndefined()
        expect(asRsaEncryptionSpki(cut)).toBe(cut)
      }
      for (const cut of cuts(pkcs8)) {
        expect(rsaPrivateNumbers(cut)).toBeUndefined()
        expect(ed25519Seed(cut)).toBeUndefined()
      }
    }
  })

  it.each([
    ['an even modulus', '3006020104020103'],
    ['a negative modulus', '3006020181020103'],
    ['a padded modulus', '300702020003020103'],
    ['an exponent of zero', '3006020103020100'],
    ['an empty number', '30050200020103'],
    ['three numbers', '3009020103020103020103'],
    ['another tag', '3006020103040103'],
    ['a long length where a short one does', '300702810103020103'],
  ])('of RSA: %s', (_, key) => {
    const bits = `03${(key.length / 2 + 1).toString(16).padStart(2, '0')}00${key}`
    const content = `300d06092a864886f70d0101010500${bits}`
    const spki = (text: string): Uint8Array => fromHex(`30${(text.length / 2).toString(16)}${text}`)
    expect(rsaPublicNumbers(spki(content))).toBeUndefined()
    expect(rsaPublicNumbers(spki('300d06092a864886f70d0101010500030900' + '3006020103020103'))).toBeDefined()
  })
})
