import { describe, expect, it } from 'vitest'
import { fromHex, hex } from '../../../src/bytes/index.js'
import {
  deriveSecret,
  forgeHashes,
  hkdfExpand,
  hkdfExpandLabel,
  hkdfExtract,
} from '../../../src/crypto/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'

const run = (from: number, to: number): string =>
  hex(Uint8Array.from({ length: to - from + 1 }, (_, i) => from + i))

describe.each([
  ['node-forge', forgeHashes],
  ['node:crypto', nodeCrypto.hashes],
] as const)('HKDF over %s', (_, hashes) => {
  const sha256 = hashes['SHA-256']

  // RFC 5869 §A.1 to §A.3.
  it.each([
    {
      ikm: '0b'.repeat(22),
      salt: run(0, 12),
      info: run(0xf0, 0xf9),
      prk: '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
      okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    },
    {
      ikm: run(0, 0x4f),
      salt: run(0x60, 0xaf),
      info: run(0xb0, 0xff),
      prk: '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
      okm: 'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
    },
    {
      ikm: '0b'.repeat(22),
      salt: '',
      info: '',
      prk: '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
      okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    },
  ])('gives $okm', ({ ikm, salt, info, prk, okm }) => {
    const extracted = hkdfExtract(sha256, fromHex(salt), fromHex(ikm))
    expect(hex(extracted)).toBe(prk)
    expect(hex(hkdfExpand(sha256, extracted, fromHex(info), okm.length / 2))).toBe(okm)
  })

  it('gives prefixes of one stream, up to 255 digests', () => {
    const prk = new Uint8Array(32)
    const longest = hkdfExpand(sha256, prk, new Uint8Array(), 255 * 32)
    for (const length of [0, 1, 31, 32, 33, 64, 65, 255 * 32 - 1])
      expect(hkdfExpand(sha256, prk, new Uint8Array(), length)).toEqual(longest.slice(0, length))
    expect(() => hkdfExpand(sha256, prk, new Uint8Array(), 255 * 32 + 1)).toThrow(
      expect.objectContaining({ code: 'ERR_INTERNAL' }),
    )
  })

  it('derives the secrets of RFC 8448 §3', () => {
    const early = hkdfExtract(sha256, new Uint8Array(), new Uint8Array(32))
    expect(hex(early)).toBe('33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a')
    const derived = deriveSecret(sha256, early, 'derived', sha256.digest(new Uint8Array()))
    expect(hex(derived)).toBe('6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba')
    const server = fromHex('b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38')
    expect(hex(hkdfExpandLabel(sha256, server, 'key', new Uint8Array(), 16))).toBe(
      '3fce516009c21727d0f2e4e86ee403bc',
    )
    expect(hex(hkdfExpandLabel(sha256, server, 'iv', new Uint8Array(), 12))).toBe('5d313eb2671276ee13000b30')
  })

  it('refuses labels and contexts that their length bytes cannot say', () => {
    const refused = expect.objectContaining({ code: 'ERR_INTERNAL' })
    const label = (text: string, context: number) => (): unknown =>
      hkdfExpandLabel(sha256, new Uint8Array(32), text, new Uint8Array(context), 16)
    expect(label('', 0)).not.toThrow()
    expect(label('x'.repeat(250), 0)).toThrow(refused)
    expect(label('x', 256)).toThrow(refused)
    expect(label('x'.repeat(249), 255)).not.toThrow()
  })
})
