import { createHash, createHmac } from 'node:crypto'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { fromHex, hex, utf8 } from '../../../src/bytes/index.js'
import { forgeHashes, sha1 } from '../../../src/crypto/index.js'
import type { Hash } from '../../../src/crypto/provider.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'

const nodeName = (hash: Hash): string => hash.name.replace('-', '').toLowerCase()
const pattern = (length: number): Uint8Array => new Uint8Array(length).map((_, i) => i * 7 + 3)

describe.each([
  ['node-forge', { ...forgeHashes, sha1 }],
  ['node:crypto', nodeCrypto.hashes],
] as const)('hashes of %s', (_, hashes) => {
  beforeAll(async () => {
    for (const hash of Object.values(hashes) as Hash[]) await hash.load?.()
  })

  describe.each(Object.values(hashes))('$name', (hash) => {
    it('agrees with OpenSSL at every length around its blocks, and on long input', () => {
      for (const length of [...Array(300).keys(), 4095, 4096, 4097, 70_001]) {
        const data = pattern(length)
        const digest = hash.digest(data)
        expect(hex(digest)).toBe(createHash(nodeName(hash)).update(data).digest('hex'))
        expect(digest.length).toBe(hash.length)
      }
    })

    it('reads a running hash many times without consuming it', () => {
      const running = hash.create()
      const data = pattern(1000)
      for (let at = 0; at < data.length; at += 37) {
        running.update(data.subarray(at, at + 37))
        const sofar = data.subarray(0, at + 37)
        expect(running.digest()).toEqual(hash.digest(sofar))
        expect(running.digest()).toEqual(hash.digest(sofar))
      }
    })

    it('keeps running hashes apart from each other and from one-shot calls', () => {
      const [a, b] = [hash.create(), hash.create()]
      a.update(utf8('a'))
      b.update(utf8('b'))
      hash.digest(utf8('else'))
      hash.hmac(utf8('key'), utf8('else'))
      a.update(utf8('bc'))
      expect(a.digest()).toEqual(hash.digest(utf8('abc')))
      expect(b.digest()).toEqual(hash.digest(utf8('b')))
    })

    it('makes HMACs with keys of every length, empty and longer than a block too', () => {
      for (const length of [0, 1, 20, 63, 64, 65, 127, 128, 129, 300]) {
        const key = pattern(length)
        const expected = createHmac(nodeName(hash), key).update('one').update('two').digest('hex')
        expect(hex(hash.hmac(key, utf8('one'), utf8('two')))).toBe(expected)
        expect(hex(hash.hmac(key, utf8('onetwo')))).toBe(expected)
      }
      expect(hex(hash.hmac(utf8('k')))).toBe(createHmac(nodeName(hash), 'k').digest('hex'))
    })

    it('hashes the bytes of a view and leaves its arguments as they were', () => {
      const bytes = pattern(20)
      const before = hex(bytes)
      expect(hash.digest(bytes.subarray(5, 9))).toEqual(hash.digest(bytes.slice(5, 9)))
      hash.hmac(bytes, bytes)
      expect(hex(bytes)).toBe(before)
    })

    it('returns bytes with a buffer of their own', () => {
      const running = hash.create()
      for (const made of [hash.digest(utf8('x')), hash.hmac(utf8('x'), utf8('x')), running.digest()]) {
        expect(Object.getPrototypeOf(made)).toBe(Uint8Array.prototype)
        expect(made.buffer.byteLength).toBe(hash.length)
      }
    })
  })

  it('knows the answers of FIPS 180-4 and RFC 4231', () => {
    expect(hex(hashes['SHA-256'].digest(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
    // RFC 4231 §4.3.
    expect(hex(hashes['SHA-384'].hmac(utf8('Jefe'), utf8('what do ya want for nothing?')))).toBe(
      'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
    )
    // RFC 4231 §4.7: a key longer than the block.
    expect(
      hex(
        hashes['SHA-256'].hmac(
          fromHex('aa'.repeat(131)),
          utf8('Test Using Larger Than Block-Size Key - Hash Key First'),
        ),
      ),
    ).toBe('60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54')
  })
})

describe('a hash that is loaded when it is needed', () => {
  const file = '../../../src/crypto/forge-sha512.js'
  const fresh = async () => {
    vi.resetModules()
    const { forgeHashes: hashes } = await import('../../../src/crypto/hash.js')
    return hashes
  }

  it.each(['SHA-384', 'SHA-512'] as const)('%s is of no use before', async (name) => {
    const hash = (await fresh())[name]
    for (const use of [() => hash.digest(utf8('')), () => hash.hmac(utf8('')), () => hash.create()])
      expect(use).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL', blame: 'us' }))
    await Promise.all([hash.load!(), hash.load!()])
    expect(hex(hash.digest(utf8('abc')))).toBe(createHash(nodeName(hash)).update('abc').digest('hex'))
    await hash.load!()
  })

  it('is said to be missing when it cannot be loaded, and may be had later', async () => {
    vi.doMock(file, () => Promise.reject(new Error('no such file')))
    const { 'SHA-384': hash } = await fresh()
    await expect(hash.load!()).rejects.toMatchObject({ code: 'ERR_CONFIG_CHUNK', blame: 'config' })
    expect(() => hash.digest(utf8(''))).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL' }))
    vi.doUnmock(file)
    await hash.load!()
    expect(hash.digest(utf8(''))).toHaveLength(48)
  })

  it('is not what SHA-256 or node:crypto are', () => {
    expect(forgeHashes['SHA-256'].load).toBeUndefined()
    expect(Object.values(nodeCrypto.hashes).filter(({ load }) => load !== undefined)).toEqual([])
  })
})
