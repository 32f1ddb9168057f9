import { describe, expect, it } from 'vitest'
import { fromHex, hex } from '../../../src/bytes/index.js'
import {
  algorithmFits,
  ecdsaSignatureFromDer,
  ecdsaSignatureToDer,
  signerCan,
} from '../../../src/crypto/index.js'
import type { CurveName, KeyKind, SignatureAlgorithm, Signer } from '../../../src/crypto/provider.js'

const r = '01'.padStart(64, '0')
const s = 'ff'.repeat(32)
const sound = `3026020101022100${s}`

describe('ECDSA signatures in DER', () => {
  it('go both ways', () => {
    expect(hex(ecdsaSignatureFromDer(fromHex(sound), 'P-256')!)).toBe(r + s)
    expect(hex(ecdsaSignatureToDer(fromHex(r + s)))).toBe(sound)
  })

  it.each([
    ['P-256', 32],
    ['P-384', 48],
    ['P-521', 66],
  ] as [CurveName, number][])('go both ways at every size of number on %s', (curve, size) => {
    for (let length = 1; length <= size; length++)
      for (const top of [0x01, 0x7f, 0x80, 0xff]) {
        const joined = new Uint8Array(2 * size).fill(0xab, size)
        joined.fill(0x5a, size - length, size)
        joined[size - length] = top
        expect(ecdsaSignatureFromDer(ecdsaSignatureToDer(joined), curve)).toEqual(joined)
      }
  })

  it.each([
    ['nothing', ''],
    ['half a header', '30'],
    ['another tag', `31${sound.slice(2)}`],
    ['trailing bytes behind', `${sound}00`],
    ['trailing bytes inside', `3027020101022100${s}00`],
    ['a cut end', sound.slice(0, -2)],
    ['an empty sequence', '3000'],
    ['one number', '3003020101'],
    ['three numbers', '3009020101020101020101'],
    ['a long length where a short one does', `308126${sound.slice(4)}`],
    ['a length of three bytes', `30820026${sound.slice(4)}`],
    ['an indefinite length', `3080${sound.slice(4)}0000`],
    ['a length past the end', `3027${sound.slice(4)}`],
    ['another tag for r', '3006030101020101'],
    ['another tag for s', '3006020101030101'],
    ['an empty r', '30050200020101'],
    ['an empty s', '30050201010200'],
    ['a zero r', '3006020100020101'],
    ['a zero s', '3006020101020100'],
    ['a negative r', '3006020180020101'],
    ['a negative s', '3006020101020180'],
    ['a padded r', '300702020001020101'],
    ['a padded s', '300702010102020001'],
    ['a long length of r', '300702810101020101'],
    ['a length of r past the end', '3006020501020101'],
    ['a number longer than the curve', `302602010102210${'1'.repeat(65)}`],
  ])('refuse %s', (_, der) => {
    expect(ecdsaSignatureFromDer(fromHex(der), 'P-256')).toBeUndefined()
  })

  it('use the long length form on P-521, when it is needed', () => {
    const joined = new Uint8Array(132).fill(0x01)
    const der = ecdsaSignatureToDer(joined)
    expect(hex(der.subarray(0, 5))).toBe('3081880242')
    expect(ecdsaSignatureFromDer(der, 'P-521')).toEqual(joined)
  })
})

describe('algorithms and keys', () => {
  const ecdsa: SignatureAlgorithm = { kind: 'ecdsa', hash: 'SHA-256' }
  const pkcs1: SignatureAlgorithm = { kind: 'rsa-pkcs1', hash: 'SHA-256' }
  const pss = (hash: 'SHA-256' | 'SHA-512', saltLength: number): SignatureAlgorithm => ({
    kind: 'rsa-pss',
    hash,
    saltLength,
  })
  const rsa = (bits: number, only = false): KeyKind => ({ kind: 'rsa', bits, pss: only })

  it.each([
    [ecdsa, { kind: 'ec', curve: 'P-384' }, true],
    [ecdsa, rsa(2048), false],
    [{ kind: 'ed25519' }, { kind: 'ed25519' }, true],
    [{ kind: 'ed25519' }, { kind: 'ec', curve: 'P-256' }, false],
    [pkcs1, rsa(2048), true],
    [pkcs1, rsa(2048, true), false],
    [pkcs1, rsa(488), false],
    [pss('SHA-256', 32), rsa(2048, true), true],
    [pss('SHA-512', 64), rsa(1024), false],
    [pss('SHA-512', 62), rsa(1024), true],
    [pss('SHA-512', 64), rsa(1041), true],
    [pss('SHA-256', 32), { kind: 'ed25519' }, false],
  ] as [SignatureAlgorithm, KeyKind, boolean][])('%j with %j: %s', (algorithm, key, fits) => {
    expect(algorithmFits(algorithm, key)).toBe(fits)
  })

  it('ask the signer where the key does not tell, and never for SHA-1', () => {
    const signer: Signer = { key: rsa(2048), sign: () => new Uint8Array() }
    expect(signerCan(signer, pkcs1)).toBe(true)
    expect(signerCan(signer, ecdsa)).toBe(false)
    expect(signerCan(signer, { kind: 'rsa-pkcs1', hash: 'SHA-1' })).toBe(false)
    expect(signerCan({ ...signer, canSign: () => false }, pkcs1)).toBe(false)
    expect(signerCan({ ...signer, canSign: () => true }, ecdsa)).toBe(false)
  })
})
