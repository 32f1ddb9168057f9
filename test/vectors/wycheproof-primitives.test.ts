// Wycheproof vectors for AEADs, key exchange, HMAC and HKDF through every provider that has them.
import { createECDH, createPrivateKey, createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hkdfExpand, hkdfExtract } from '../../src/crypto/index.js'
import type { CryptoProvider, KeyShare } from '../../src/crypto/provider.js'
import { subtleShare } from '../../src/crypto/webcrypto-groups.js'
import { TunnelError } from '../../src/errors.js'
import { nistShare, nodeCrypto, x25519Share } from '../../src/platform/node/crypto.js'
import { book, bytes, groups, present, providers, tally } from './wycheproof.js'

/** The result, or the code of the error of ours that ended it; anything else thrown fails the test. */
async function outcome<T>(run: () => Promise<T>): Promise<T | string> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof TunnelError) return error.code
    throw error
  }
}

const same = (a: Uint8Array | string, b: Uint8Array): boolean =>
  typeof a !== 'string' && Buffer.compare(a, b) === 0

describe.skipIf(!present).each(providers)('wycheproof primitives: $name', (provider) => {
  const aeads = ['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305']
    .map((name) => provider.suites.find(({ aead }) => aead.name === name)?.aead)
    .filter((aead) => aead !== undefined)

  it.each(aeads)('$name', async (aead) => {
    const result = tally()
    const file = aead.name === 'CHACHA20-POLY1305' ? 'chacha20_poly1305' : 'aes_gcm'
    for (const group of groups(file)) {
      if (group.keySize !== 8 * aead.keyLength || group.ivSize !== 96 || group.tagSize !== 128) continue
      for (const vector of group.tests) {
        const key = await aead.importKey(bytes(vector.key))
        const [iv, aad, message] = [bytes(vector.iv), bytes(vector.aad), bytes(vector.msg)]
        const sealed = bytes(vector.ct + vector.tag)
        const opened = await outcome(async () => key.open(iv, aad, sealed))
        if (typeof opened === 'string') expect(opened).toBe('ERR_TLS_BAD_RECORD_MAC')
        book(result, vector, same(opened, message))
        if (vector.result === 'valid') expect(same(await key.seal(iv, aad, message), sealed)).toBe(true)
      }
    }
    expect(result.wrong).toEqual([])
    expect(result.acceptable).toEqual([])
    expect(result.count).toBeGreaterThan(60)
  })

  it.each(['sha256', 'sha384'])('HMAC and HKDF with %s', (name) => {
    const hash = provider.hashes[name === 'sha256' ? 'SHA-256' : 'SHA-384']
    const macs = tally()
    for (const group of groups(`hmac_${name}`))
      for (const vector of group.tests) {
        const tag = bytes(vector.tag)
        const made = hash.hmac(bytes(vector.key), bytes(vector.msg)).subarray(0, group.tagSize / 8)
        book(macs, vector, same(made, tag))
      }
    expect(macs.wrong).toEqual([])
    expect(macs.count).toBeGreaterThan(100)

    const keys = tally()
    for (const group of groups(`hkdf_${name}`))
      for (const vector of group.tests) {
        let made: Uint8Array | undefined
        try {
          const prk = hkdfExtract(hash, bytes(vector.salt), bytes(vector.ikm))
          made = hkdfExpand(hash, prk, bytes(vector.info), vector.size)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_INTERNAL' })
        }
        book(keys, vector, made !== undefined && same(made, bytes(vector.okm)))
      }
    expect(keys.wrong).toEqual([])
    expect(keys.count).toBeGreaterThan(50)
  })
})

type ShareOf = (privateKey: Uint8Array<ArrayBuffer>) => Promise<KeyShare>

const X25519_PKCS8 = '302e020100300506032b656e04220420'

const subtle = globalThis.crypto.subtle

const shares: Record<string, Record<'X25519' | 'secp256r1' | 'secp384r1', ShareOf>> = {
  node: {
    X25519: async (scalar) => {
      const privateKey = createPrivateKey({
        key: Buffer.concat([Buffer.from(X25519_PKCS8, 'hex'), scalar]),
        format: 'der',
        type: 'pkcs8',
      })
      return x25519Share(privateKey, createPublicKey(privateKey))
    },
    secp256r1: async (scalar) => nistShare('secp256r1', nistKey('prime256v1', scalar, 32)),
    secp384r1: async (scalar) => nistShare('secp384r1', nistKey('secp384r1', scalar, 48)),
  },
  webcrypto: {
    X25519: async (scalar) => {
      const encoded = Uint8Array.from([...Buffer.from(X25519_PKCS8, 'hex'), ...scalar])
      const key = await subtle.importKey('pkcs8', encoded, { name: 'X25519' }, false, ['deriveBits'])
      return subtleShare(subtle, 'X25519', key, new Uint8Array(32))
    },
    secp256r1: (scalar) => subtleNist('secp256r1', 'P-256', nistKey('prime256v1', scalar, 32), 32),
    secp384r1: (scalar) => subtleNist('secp384r1', 'P-384', nistKey('secp384r1', scalar, 48), 48),
  },
}

function nistKey(curve: string, scalar: Uint8Array, size: number): ReturnType<typeof createECDH> {
  const ecdh = createECDH(curve)
  const padded = Buffer.concat([Buffer.alloc(size), scalar]).subarray(-size)
  ecdh.setPrivateKey(padded)
  return ecdh
}

async function subtleNist(
  name: 'secp256r1' | 'secp384r1',
  crv: string,
  ecdh: ReturnType<typeof createECDH>,
  size: number,
): Promise<KeyShare> {
  const point = ecdh.getPublicKey()
  const d = Buffer.concat([Buffer.alloc(size), ecdh.getPrivateKey()]).subarray(-size)
  const jwk = {
    kty: 'EC',
    crv,
    x: point.subarray(1, 1 + size).toString('base64url'),
    y: point.subarray(1 + size).toString('base64url'),
    d: d.toString('base64url'),
  }
  const key = await subtle.importKey('jwk', jwk, { name: 'ECDH', namedCurve: crv }, false, ['deriveBits'])
  return subtleShare(subtle, name, key, Uint8Array.from(point))
}

describe.skipIf(!present).each(Object.keys(shares))('wycheproof key exchange: %s', (provider) => {
  it('X25519', async () => {
    const result = tally()
    for (const group of groups('x25519'))
      for (const vector of group.tests) {
        const share = await shares[provider]!.X25519(bytes(vector.private))
        const expected = bytes(vector.shared)
        const made = await outcome(async () => share.derive(bytes(vector.public)))
        // RFC 8446 §7.4.2: an all-zero secret is refused; every other one, twist or not, is what the RFC 7748 makes of it.
        const right = expected.every((byte) => byte === 0)
          ? made === 'ERR_TLS_KEY_SHARE'
          : same(made, expected)
        if (vector.result === 'acceptable')
          expect({ tcId: vector.tcId, right }).toEqual({ tcId: vector.tcId, right: true })
        book(result, vector, right)
      }
    expect(result.wrong).toEqual([])
    expect(result.count).toBe(518)
  }, 60_000)

  it.each(['secp256r1', 'secp384r1'] as const)(
    '%s',
    async (curve) => {
      const result = tally()
      for (const group of groups(`ecdh_${curve}_ecpoint`))
        for (const vector of group.tests) {
          const share = await shares[provider]![curve](bytes(vector.private))
          const made = await outcome(async () => share.derive(bytes(vector.public)))
          if (typeof made === 'string') expect(made).toBe('ERR_TLS_KEY_SHARE')
          book(result, vector, same(made, bytes(vector.shared)))
        }
      expect(result.wrong).toEqual([])
      // RFC 8446 §4.2.8.2: only uncompressed points.
      expect(result.acceptable).toEqual([expect.stringMatching(/compressed public key: refused$/)])
      expect(result.count).toBeGreaterThan(300)
    },
    60_000,
  )
})

describe.skipIf(!present)('wycheproof coverage', () => {
  it('has ChaCha20-Poly1305 at least on Node', () => {
    const names = (provider: CryptoProvider): string[] => provider.suites.map(({ aead }) => aead.name)
    expect(names(nodeCrypto)).toEqual(['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305'])
  })
})
