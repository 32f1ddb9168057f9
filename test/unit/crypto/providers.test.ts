// One table of tests for every provider: what one seals, derives or signs, the others open, share and verify.
import { describe, expect, it } from 'vitest'
import { type Bytes, fromHex, hex, utf8 } from '../../../src/bytes/index.js'
import { isPostQuantum } from '../../../src/crypto/groups.js'
import {
  aesGcmRecordLimit,
  algorithmName,
  forgeCrypto,
  groupIds,
  samePublicKey,
  webcrypto,
} from '../../../src/crypto/index.js'
import { asRsaEncryptionPkcs8, asRsaEncryptionSpki } from '../../../src/crypto/key-encoding.js'
import { withNoble } from '../../../src/crypto/noble.js'
import type { CryptoProvider, KeyKind, SignatureAlgorithm } from '../../../src/crypto/provider.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { ecKey, ed25519Key, pssKey, rsaKey, type TestKey } from './keys.js'

const providers: readonly CryptoProvider[] = [
  nodeCrypto,
  webcrypto(globalThis.crypto),
  forgeCrypto(nodeCrypto),
  withNoble(forgeCrypto(nodeCrypto)),
  withNoble(webcrypto(globalThis.crypto)),
]
const keys: readonly TestKey[] = [
  ecKey('P-256'),
  ecKey('P-384'),
  ecKey('P-521'),
  rsaKey(2048),
  // A modulus of 8n + 1 bits: the PSS encoding is one byte shorter than the signature.
  rsaKey(1025),
  rsaKey(1024, 3),
  pssKey(),
  pssKey({ hash: 'sha384', saltLength: 48 }),
  ed25519Key(),
]
const data = utf8('what is signed')

/** Runs what may throw or reject. */
const run = async <T>(body: () => T | Promise<T>): Promise<T> => body()
const code = (name: string): unknown => expect.objectContaining({ code: name })

describe.each(providers)('provider $name', (provider) => {
  it('makes random bytes of any length', () => {
    expect(provider.random(0).length).toBe(0)
    expect(hex(provider.random(32))).not.toBe(hex(provider.random(32)))
    const many = provider.random(70_000)
    expect(many.subarray(-1000).some((byte) => byte !== 0)).toBe(true)
  })

  it('names its suites and groups by their registered numbers', () => {
    const known = [
      [0x1301, 'TLS_AES_128_GCM_SHA256', 'SHA-256', 16, aesGcmRecordLimit],
      [0x1302, 'TLS_AES_256_GCM_SHA384', 'SHA-384', 32, aesGcmRecordLimit],
      [0x1303, 'TLS_CHACHA20_POLY1305_SHA256', 'SHA-256', 32, Number.MAX_SAFE_INTEGER],
    ]
    expect(
      provider.suites.map(({ id, name, hash, aead }) => [
        id,
        name,
        hash.name,
        aead.keyLength,
        aead.recordLimit,
      ]),
    ).toEqual(order(known, provider))
    expect(aesGcmRecordLimit).toBe(23_726_566)
    for (const { id, name } of provider.groups) expect(id).toBe(groupIds[name])
    const curves = provider.groups.filter((group) => !isPostQuantum(group)).map(({ name }) => name)
    expect(curves).toEqual(provider.name === 'forge' ? [] : ['X25519', 'secp256r1', 'secp384r1', 'secp521r1'])
    // What an engine has of ML-KEM depends on it; it goes first.
    const rest = provider.groups.map(({ name }) => name).slice(0, -curves.length || undefined)
    expect([[], ['X25519MLKEM768']]).toContainEqual(rest)
    if (provider.name.endsWith('+noble')) expect(rest).toEqual(['X25519MLKEM768'])
  })

  describe.each(provider.suites)('$name', ({ name, aead }) => {
    const keyBytes = Uint8Array.from({ length: aead.keyLength }, (_, i) => i)
    const nonce = Uint8Array.from({ length: 12 }, (_, i) => 200 + i)
    const aad = fromHex('1703030029')
    const lengths = [0, 1, 15, 16, 17, 100, 16_385]

    it('seals to the same bytes as node:crypto, and opens them', async () => {
      const reference = nodeCrypto.suites.find((suite) => suite.name === name)!.aead
      const key = await aead.importKey(keyBytes)
      for (const length of lengths) {
        const plaintext = new Uint8Array(length).map((_, i) => i)
        const sealed = await key.seal(nonce, aad, plaintext)
        const expected = await (await reference.importKey(keyBytes)).seal(nonce, aad, plaintext)
        expect(hex(sealed)).toBe(hex(expected))
        expect(sealed.length).toBe(length + 16)
        const opened = await key.open(nonce, aad, sealed)
        expect(hex(opened)).toBe(hex(plaintext))
        for (const bytes of [sealed, opened]) expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
      }
    })

    it('keeps records apart when many are in flight', async () => {
      const key = await aead.importKey(keyBytes)
      const nonces = Array.from({ length: 20 }, (_, i) =>
        Uint8Array.from(nonce, (byte, at) => byte ^ (at === 11 ? i : 0)),
      )
      const sealed = await Promise.all(
        nonces.map((each, i) => key.seal(each, aad, new Uint8Array(i * 50).fill(i))),
      )
      const opened = await Promise.all(sealed.map((each, i) => key.open(nonces[i]!, aad, each)))
      expect(opened.map((each) => [each.length, each.at(-1) ?? 0])).toEqual(nonces.map((_, i) => [i * 50, i]))
    })

    it('refuses every change with ERR_TLS_BAD_RECORD_MAC', async () => {
      const key = await aead.importKey(keyBytes)
      const sealed = await key.seal(nonce, aad, data)
      const refused = async (n: Uint8Array, a: Uint8Array, c: Uint8Array): Promise<void> =>
        expect(run(() => key.open(n, a, c))).rejects.toEqual(
          expect.objectContaining({ code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' }),
        )
      for (let at = 0; at < sealed.length; at++) {
        const changed = sealed.slice()
        changed[at]! ^= 1 << (at % 8)
        await refused(nonce, aad, changed)
      }
      await refused(
        nonce.map((byte) => byte ^ 1),
        aad,
        sealed,
      )
      await refused(nonce, aad.slice(1), sealed)
      await refused(nonce, aad, sealed.subarray(1))
      for (const length of [0, 1, 15, 16]) await refused(nonce, aad, sealed.subarray(0, length))
      expect(await key.open(nonce, aad, sealed)).toEqual(data)
    })

    it('refuses keys of another length', async () => {
      for (const length of [0, aead.keyLength - 1, aead.keyLength + 1])
        await expect(run(() => aead.importKey(new Uint8Array(length)))).rejects.toEqual(
          code('ERR_CRYPTO_KEY'),
        )
    })
  })

  // ML-KEM's halves are not alike: mlkem.test.ts.
  describe.each(provider.groups.filter((each) => !isPostQuantum(each)))('$name', (group) => {
    const share = (bytes: Uint8Array): Promise<unknown> =>
      run(async () => (await group.generate()).derive(bytes))
    const badKeyShare = expect.objectContaining({ code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter' })

    it('agrees with node:crypto, both ways', async () => {
      const other = nodeCrypto.groups.find(({ id }) => id === group.id)!
      for (let i = 0; i < 3; i++) {
        const [mine, theirs] = [await group.generate(), await other.generate()]
        const secret = await mine.derive(theirs.publicKey)
        expect(hex(secret)).toBe(hex(await theirs.derive(mine.publicKey)))
        const size = { X25519: 32, secp256r1: 32, secp384r1: 48, secp521r1: 66 }[group.name as 'X25519']
        expect(secret.length).toBe(size)
        expect(mine.publicKey.length).toBe(group.name === 'X25519' ? 32 : 2 * size + 1)
      }
    })

    it('makes a new key every time', async () => {
      expect(hex((await group.generate()).publicKey)).not.toBe(hex((await group.generate()).publicKey))
    })

    it('refuses shares of another length or form', async () => {
      const { publicKey } = await group.generate()
      const longer = new Uint8Array(publicKey.length + 1)
      longer.set(publicKey)
      for (const bad of [new Uint8Array(), publicKey.subarray(1), publicKey.subarray(0, -1), longer])
        await expect(share(bad)).rejects.toEqual(badKeyShare)
    })

    const isX25519 = group.name === 'X25519'
    const small = 'refuses points of small order'
    const foreign = 'refuses points off the curve and other encodings of points'

    const refusesSmallOrder = async (): Promise<void> => {
      const order = 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'
      for (const point of [
        '00'.repeat(32),
        `01${'00'.repeat(31)}`,
        'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
        '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
        order.replace('ed', 'ec'),
        order,
        order.replace('ed', 'ee'),
      ])
        await expect(share(fromHex(point))).rejects.toEqual(badKeyShare)
    }

    const refusesForeignPoints = async (): Promise<void> => {
      const { publicKey } = await group.generate()
      const off = publicKey.slice()
      off[off.length - 1]! ^= 1
      const zero = new Uint8Array(publicKey.length)
      zero[0] = 4
      const tooLarge = new Uint8Array(publicKey.length).fill(0xff)
      tooLarge[0] = 4
      const hybrid = publicKey.slice()
      hybrid[0] = 6 + (publicKey.at(-1)! & 1)
      const compressed = publicKey.slice(0, (publicKey.length + 1) / 2)
      compressed[0] = 2 + (publicKey.at(-1)! & 1)
      for (const bad of [off, zero, tooLarge, hybrid, compressed, new Uint8Array(1)])
        await expect(share(bad)).rejects.toEqual(badKeyShare)
    }

    it(isX25519 ? small : foreign, isX25519 ? refusesSmallOrder : refusesForeignPoints)
  })

  describe.each(keys)('$label', (key) => {
    const can = (algorithm: SignatureAlgorithm): boolean => provider.canVerify(algorithm, key.kind)

    it('signs what every provider verifies', async () => {
      if (key.kind.kind === 'ec' && provider.name === 'forge') {
        await expect(run(() => provider.signer(key.pkcs8, key.kind))).rejects.toEqual(
          code('ERR_CRYPTO_UNAVAILABLE'),
        )
        return
      }
      const signer = await provider.signer(key.pkcs8, key.kind)
      expect(signer.key).toEqual(key.kind)
      expect(samePublicKey(signer.spki!, key.publicKey.spki)).toBe(true)
      let verified = 0
      for (const algorithm of key.algorithms.filter(can)) {
        if (signer.canSign?.(algorithm) === false) continue
        const signature = await signer.sign(algorithm, data)
        for (const other of providers.filter((each) => each.canVerify(algorithm, key.kind))) {
          const [right, wrong] = [
            await other.verify(algorithm, key.publicKey, signature, data),
            await other.verify(algorithm, key.publicKey, signature, data.subarray(1)),
          ]
          expect([other.name, algorithmName(algorithm), right, wrong]).toEqual([
            other.name,
            algorithmName(algorithm),
            true,
            false,
          ])
          verified++
        }
      }
      const verifiers = key.kind.kind === 'ec' ? 4 : 5
      const algorithms = key.algorithms.length - (key.kind.kind === 'rsa' && key.kind.bits < 1042 ? 1 : 0)
      expect(verified).toBe(verifiers * algorithms)
    })

    it('refuses other keys and changed or cut signatures, without throwing', async () => {
      for (const algorithm of key.algorithms.filter(can)) {
        const signature = await (await nodeCrypto.signer(key.pkcs8, key.kind)).sign(algorithm, data)
        const verify = (bytes: Uint8Array): Promise<boolean> =>
          run(() => provider.verify(algorithm, key.publicKey, bytes, data))
        const changed = Uint8Array.from(signature)
        changed[changed.length - 2]! ^= 4
        const longer = new Uint8Array(signature.length + 1)
        longer.set(signature)
        for (const bad of [
          changed,
          longer,
          signature.subarray(1),
          signature.subarray(0, -1),
          new Uint8Array(),
        ])
          expect(await verify(bad)).toBe(false)
        const another = keys.find((each) => each.label !== key.label && each.kind.kind !== key.kind.kind)!
        expect(await run(() => provider.verify(algorithm, another.publicKey, signature, data))).toBe(false)
      }
    })

    it('refuses a public key that cannot be read, without throwing', async () => {
      for (const algorithm of key.algorithms.filter(can)) {
        const signature = await (await nodeCrypto.signer(key.pkcs8, key.kind)).sign(algorithm, data)
        const { spki } = key.publicKey
        const off = spki.slice()
        off[off.length - 5]! ^= 1
        const broken = [new Uint8Array(), spki.slice(1), spki.slice(0, -1), off]
        for (const bad of broken)
          expect(
            await run(() => provider.verify(algorithm, { key: key.kind, spki: bad }, signature, data)),
          ).toBe(false)
      }
    })

    it('refuses private keys that cannot be read, or are of another kind', async () => {
      const other = keys.find((each) => each.kind.kind !== key.kind.kind)!
      if (key.kind.kind === 'ec' && provider.name === 'forge')
        return expect(can(key.algorithms[0]!)).toBe(false)
      for (const bad of [new Uint8Array(), key.pkcs8.slice(0, -7), other.pkcs8, key.publicKey.spki])
        await expect(run(() => provider.signer(bad, key.kind))).rejects.toEqual(code('ERR_CRYPTO_KEY'))
    })

    it('does not sign with an algorithm that does not fit the key', async () => {
      if (key.kind.kind === 'ec' && provider.name === 'forge')
        return expect(can(key.algorithms[0]!)).toBe(false)
      const signer = await provider.signer(key.pkcs8, key.kind)
      const wrong: SignatureAlgorithm[] = [
        key.kind.kind === 'ed25519' ? { kind: 'ecdsa', hash: 'SHA-256' } : { kind: 'ed25519' },
        { kind: 'rsa-pkcs1', hash: 'SHA-1' },
      ]
      for (const algorithm of wrong)
        await expect(run(() => signer.sign(algorithm, data))).rejects.toEqual(code('ERR_CRYPTO_UNAVAILABLE'))
    })
  })

  it('refuses an RSA private key of another size or purpose', async () => {
    const [plain, restricted] = [
      keys.find(({ label }) => label === 'RSA 2048')!,
      keys.find(({ label }) => label === 'RSA-PSS free')!,
    ]
    await expect(
      run(() => provider.signer(plain.pkcs8, { kind: 'rsa', bits: 3072, pss: false })),
    ).rejects.toEqual(code('ERR_CRYPTO_KEY'))
    await expect(run(() => provider.signer(restricted.pkcs8, plain.kind))).rejects.toEqual(
      code('ERR_CRYPTO_KEY'),
    )
    // A plain key may stand behind a certificate that allows PSS only.
    const signer = await provider.signer(plain.pkcs8, restricted.kind)
    await expect(run(() => signer.sign({ kind: 'rsa-pkcs1', hash: 'SHA-256' }, data))).rejects.toEqual(
      code('ERR_CRYPTO_UNAVAILABLE'),
    )
  })

  it('holds an id-RSASSA-PSS key to its parameters', async () => {
    const key = keys.find(({ label }) => label === 'RSA-PSS sha384')!
    const free = keys.find(({ label }) => label === 'RSA-PSS free')!
    const [allowed, other]: SignatureAlgorithm[] = [
      { kind: 'rsa-pss', hash: 'SHA-384', saltLength: 48 },
      { kind: 'rsa-pss', hash: 'SHA-256', saltLength: 32 },
    ]
    const signer = await provider.signer(key.pkcs8, key.kind)
    expect([signer.canSign?.(allowed!), signer.canSign?.(other!)]).toEqual([true, false])
    await expect(run(() => signer.sign(other!, data))).rejects.toEqual(code('ERR_CRYPTO_UNAVAILABLE'))
    const signature = await (await provider.signer(free.pkcs8, free.kind)).sign(other!, data)
    expect(await provider.verify(other!, free.publicKey, signature, data)).toBe(true)
    expect(await run(() => provider.verify(other!, key.publicKey, signature, data))).toBe(false)
    // By this very key, from a holder who does not keep to its parameters.
    const plain: KeyKind = { kind: 'rsa', bits: 2048, pss: false }
    const loose = await (await nodeCrypto.signer(asRsaEncryptionPkcs8(key.pkcs8), plain)).sign(other!, data)
    const open = { key: plain, spki: asRsaEncryptionSpki(key.publicKey.spki) as Bytes }
    expect(await provider.verify(other!, open, loose, data)).toBe(true)
    expect(await run(() => provider.verify(other!, key.publicKey, loose, data))).toBe(false)
  })

  it('has no SHA-1 signatures', async () => {
    for (const algorithm of [
      { kind: 'ecdsa', hash: 'SHA-1' },
      { kind: 'rsa-pkcs1', hash: 'SHA-1' },
      { kind: 'rsa-pss', hash: 'SHA-1', saltLength: 20 },
    ] as const) {
      expect(provider.canVerify(algorithm)).toBe(false)
      await expect(
        run(() => provider.verify(algorithm, keys[3]!.publicKey, new Uint8Array(256), data)),
      ).rejects.toEqual(code('ERR_CRYPTO_UNAVAILABLE'))
    }
  })

  it('refuses RSA signatures that lost their leading zeros', async () => {
    const key = keys.find(({ label }) => label === 'RSA 1024')!
    const algorithm: SignatureAlgorithm = { kind: 'rsa-pss', hash: 'SHA-256', saltLength: 32 }
    const signer = await nodeCrypto.signer(key.pkcs8, key.kind)
    let signature: Uint8Array = new Uint8Array([1])
    // One in 256 begins with a zero.
    for (let tries = 0; signature[0] !== 0 && tries < 10_000; tries++)
      signature = await signer.sign(algorithm, data)
    expect(signature[0]).toBe(0)
    expect(await run(() => provider.verify(algorithm, key.publicKey, signature, data))).toBe(true)
    expect(await run(() => provider.verify(algorithm, key.publicKey, signature.subarray(1), data))).toBe(
      false,
    )
  })

  it('refuses RSA keys with an exponent of 1, an even or an outsized one', async () => {
    const algorithm: SignatureAlgorithm = { kind: 'rsa-pkcs1', hash: 'SHA-256' }
    // With e = 1 the "signature" is the encoded message itself.
    const info = fromHex(
      `3031300d060960864801650304020105000420${hex(provider.hashes['SHA-256'].digest(data))}`,
    )
    const encoded = new Uint8Array(256).fill(0xff)
    encoded.set([0, 1])
    encoded.set([0, ...info], 256 - info.length - 1)
    const key = keys.find(({ label }) => label === 'RSA 2048')!
    const withExponent = (exponent: string): Uint8Array<ArrayBuffer> => {
      const modulus = hex(key.publicKey.spki).match(/0282010100([0-9a-f]{512})/)![1]!
      const der = (tag: string, content: string): string => {
        const length = content.length / 2
        const size =
          length < 128 ? length.toString(16).padStart(2, '0') : `82${length.toString(16).padStart(4, '0')}`
        return tag + size + content
      }
      const numbers = der('30', der('02', `00${modulus}`) + der('02', exponent))
      return fromHex(der('30', `300d06092a864886f70d0101010500${der('03', `00${numbers}`)}`))
    }
    expect(hex(withExponent('010001'))).toBe(hex(key.publicKey.spki))
    for (const exponent of ['00', '01', '02', '010000', '0100000001', '81', '0003'])
      expect(
        await run(() =>
          provider.verify(algorithm, { key: key.kind, spki: withExponent(exponent) }, encoded, data),
        ),
      ).toBe(false)
  })
})

/** Two suites everywhere, the third where the engine has it, or @noble: behind an engine's AES, before one in JavaScript. */
function order<T>(known: readonly T[], { name, suites }: CryptoProvider): readonly T[] {
  const [aes128, aes256, chacha] = known as readonly [T, T, T]
  if (name === 'forge+noble') return [chacha, aes128, aes256]
  const all = name === 'node' || name.endsWith('+noble')
  return all || (name === 'webcrypto' && suites.length === 3) ? known : [aes128, aes256]
}
