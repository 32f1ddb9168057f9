// What is particular to the @noble pieces; what they share with every provider is in providers.test.ts.
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { p256 } from '@noble/curves/nist.js'
import { describe, expect, it } from 'vitest'
import { type Bytes, concat, hex, utf8 } from '../../../src/bytes/index.js'
import { ecdsaSignatureFromDer, ecdsaSignatureToDer } from '../../../src/crypto/ecdsa-encoding.js'
import { groupIds } from '../../../src/crypto/groups.js'
import { forgeHashes } from '../../../src/crypto/hash.js'
import { forgeCrypto as fallback, webcrypto } from '../../../src/crypto/index.js'
import { ecPrivateScalar } from '../../../src/crypto/key-encoding.js'
import {
  chacha20Poly1305,
  ecdsaSigner,
  ecdsaVerify,
  forgeCrypto,
  mlKem1024,
  secp256r1MlKem768,
  secp384r1MlKem1024,
  withNoble,
  x25519,
  x25519MlKem768,
} from '../../../src/crypto/noble.js'
import type { CryptoProvider, CurveName, Group } from '../../../src/crypto/provider.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { encapsulate } from '../../support/tls-server/encapsulate.js'
import { ecKey, ed25519Key } from './keys.js'

const data = utf8('what is signed')
const code = (name: string): unknown => expect.objectContaining({ code: name })
const badKeyShare = expect.objectContaining({ code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter' })
const ecdsa256 = { kind: 'ecdsa', hash: 'SHA-256' } as const
const names = ({ groups }: Pick<CryptoProvider, 'groups'>) => groups.map(({ name }) => name)
const suiteNames = ({ suites }: CryptoProvider) => suites.map(({ name }) => name)

describe('withNoble()', () => {
  it('makes the fallback whole', () => {
    const whole = withNoble(forgeCrypto(nodeCrypto))
    expect(forgeCrypto).toBe(fallback)
    expect(whole.name).toBe('forge+noble')
    expect(names(whole)).toEqual(['X25519MLKEM768', 'X25519', 'secp256r1', 'secp384r1', 'secp521r1'])
    expect(whole.canVerify(ecdsa256)).toBe(true)
    expect(whole.canVerify(ecdsa256, { kind: 'ec', curve: 'P-521' })).toBe(true)
    expect(whole.canVerify(ecdsa256, { kind: 'ed25519' })).toBe(false)
    expect(whole.canVerify({ kind: 'ed25519' })).toBe(true)
  })

  it('puts ChaCha20 before AES in JavaScript, and behind an engine’s', () => {
    const chacha = 'TLS_CHACHA20_POLY1305_SHA256'
    expect(suiteNames(withNoble(forgeCrypto(nodeCrypto)))[0]).toBe(chacha)
    const engine = { ...nodeCrypto, suites: nodeCrypto.suites.filter(({ name }) => name !== chacha) }
    expect(suiteNames(withNoble(engine))).toEqual([...suiteNames(engine), chacha])
    const mixed = {
      ...engine,
      suites: [...engine.suites.slice(0, 1), ...forgeCrypto(nodeCrypto).suites.slice(1)],
    }
    expect(suiteNames(withNoble(mixed))).toEqual(['TLS_AES_128_GCM_SHA256', chacha, 'TLS_AES_256_GCM_SHA384'])
  })

  it.each(['AES-128-GCM', 'AES-256-GCM'] as const)(
    'does %s as the engine does, in place of forge',
    async (name) => {
      const { aead } = withNoble(forgeCrypto(nodeCrypto)).suites.find((suite) => suite.aead.name === name)!
      const engine = nodeCrypto.suites.find((suite) => suite.aead.name === name)!.aead
      expect(aead.recordLimit).toBe(engine.recordLimit)
      const [key, nonce, aad, text] = [aead.keyLength, 12, 5, 1000].map((length) => nodeCrypto.random(length))
      const ours = await aead.importKey(key!)
      const theirs = await engine.importKey(key!)
      const sealed = await ours.seal(nonce!, aad!, text!)
      expect(hex(await theirs.open(nonce!, aad!, sealed))).toBe(hex(text!))
      expect(hex(await ours.open(nonce!, aad!, sealed))).toBe(hex(text!))
      sealed[7]! ^= 1
      expect(() => ours.open(nonce!, aad!, sealed)).toThrow(code('ERR_TLS_BAD_RECORD_MAC') as Error)
      expect(() => aead.importKey(key!.subarray(1))).toThrow(code('ERR_CRYPTO_KEY') as Error)
    },
  )

  it('adds nothing to what is there', async () => {
    const once = withNoble(nodeCrypto)
    expect(once.suites).toBe(nodeCrypto.suites)
    const [first, ...others] = once.groups
    expect(first!.name).toBe('X25519MLKEM768')
    expect(others).toEqual(nodeCrypto.groups.filter(({ name }) => name !== 'X25519MLKEM768'))
    const twice = withNoble(once)
    expect(twice.groups).toEqual(once.groups)
    expect(twice.suites).toBe(once.suites)
    const key = ecKey('P-256')
    const signed: string[] = []
    const counting = withNoble({
      ...nodeCrypto,
      verify(...input) {
        signed.push('verify')
        return nodeCrypto.verify(...input)
      },
      signer(...input) {
        signed.push('signer')
        return nodeCrypto.signer(...input)
      },
    })
    const signature = await (await counting.signer(key.pkcs8, key.kind)).sign(ecdsa256, data)
    expect(await counting.verify(ecdsa256, key.publicKey, signature, data)).toBe(true)
    expect(signed).toEqual(['signer', 'verify'])
  })

  it('keeps the order of the provider, and adds groups behind', () => {
    const few = { ...nodeCrypto, groups: nodeCrypto.groups.filter(({ name }) => name === 'secp384r1') }
    expect(names(withNoble(few))).toEqual(['X25519MLKEM768', 'secp384r1', 'X25519', 'secp256r1', 'secp521r1'])
  })

  it('leaves CryptoKeys to those who have them', async () => {
    const key = await globalThis.crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
      'sign',
    ])
    const { privateKey } = key as CryptoKeyPair
    const kind = { kind: 'ec', curve: 'P-256' } as const
    expect(() => withNoble(forgeCrypto(nodeCrypto)).signer(privateKey, kind)).toThrow(
      code('ERR_CRYPTO_UNAVAILABLE'),
    )
    const signer = await withNoble(webcrypto(globalThis.crypto)).signer(privateKey, kind)
    expect(signer.key).toEqual(kind)
  })

  it('takes its randomness from the provider alone', async () => {
    let drawn = 0
    const counting = withNoble(
      forgeCrypto({
        random(length) {
          drawn += length
          return new Uint8Array(length).fill(drawn % 251)
        },
      }),
    )
    const lengths = { X25519MLKEM768: 64 + 32, X25519: 32, secp256r1: 48, secp384r1: 72, secp521r1: 99 }
    for (const [name, length] of Object.entries(lengths)) {
      const group = counting.groups.find((each) => each.name === name)!
      drawn = 0
      const { publicKey } = await group.generate()
      expect([name, drawn]).toEqual([name, length])
      drawn = 0
      expect(hex((await group.generate()).publicKey)).toBe(hex(publicKey))
    }
  })
})

describe('ChaCha20-Poly1305', () => {
  it('keeps the key it was given', () => {
    const bytes = new Uint8Array(32).fill(7)
    const key = chacha20Poly1305.importKey(bytes) as Exclude<
      ReturnType<typeof chacha20Poly1305.importKey>,
      Promise<unknown>
    >
    const [nonce, aad] = [new Uint8Array(12), new Uint8Array(5)]
    const sealed = key.seal(nonce, aad, data)
    bytes.fill(0)
    expect(key.seal(nonce, aad, data)).toEqual(sealed)
    expect(sealed).not.toBeInstanceOf(Promise)
  })
})

interface Row {
  readonly name: Group['name']
  readonly id: number
  readonly make: (source: CryptoProvider) => Group
  /** Bytes: the client's share, the server's, the secret. */
  readonly lengths: readonly [share: number, answer: number, secret: number]
  /** Where in the server's share the curve's part and the ciphertext begin. */
  readonly curve: number | undefined
  readonly ciphertext: number
}

// biome-ignore format: a table
const groups: readonly Row[] = [
  { name: 'X25519MLKEM768',     id: 4588, make: x25519MlKem768,     lengths: [1216, 1120, 64], curve: 1088,      ciphertext: 0 },
  { name: 'SecP256r1MLKEM768',  id: 4587, make: secp256r1MlKem768,  lengths: [1249, 1153, 64], curve: 0,         ciphertext: 65 },
  { name: 'SecP384r1MLKEM1024', id: 4589, make: secp384r1MlKem1024, lengths: [1665, 1665, 80], curve: 0,         ciphertext: 97 },
  { name: 'MLKEM1024',          id: 514,  make: mlKem1024,          lengths: [1568, 1568, 32], curve: undefined, ciphertext: 0 },
]

describe.each([
  { platform: 'curves of node:crypto', provider: nodeCrypto },
  { platform: 'no curves', provider: forgeCrypto(nodeCrypto) },
])('over a platform with $platform', ({ provider }) => {
  describe.each(groups)(
    '$name',
    ({ name, id, make, lengths: [shared, answered, length], curve, ciphertext }) => {
      const group = make(provider)
      const agree = async () => {
        const share = await group.generate()
        return { share, ...encapsulate[id]!(share.publicKey) }
      }

      it('agrees with a server', async () => {
        expect([group.id, group.name, groupIds[name]]).toEqual([id, name, id])
        for (let i = 0; i < 2; i++) {
          const { share, publicKey, secret } = await agree()
          expect([share.publicKey.length, publicKey.length]).toEqual([shared, answered])
          const made = await share.derive(publicKey)
          expect(made).toHaveLength(length)
          expect(hex(made)).toBe(hex(secret))
        }
      })

      it('refuses shares of another length', async () => {
        const { share, publicKey } = await agree()
        const shorter = [0, 1, 32, 65, 97, ciphertext, answered - 1].map((each) =>
          publicKey.subarray(0, each),
        )
        for (const bad of [...shorter, concat(publicKey, new Uint8Array(1))])
          await expect(async () => share.derive(bad)).rejects.toEqual(badKeyShare)
      })

      if (curve !== undefined)
        it('refuses a point of small order or off the curve', async () => {
          const { share, publicKey } = await agree()
          publicKey.fill(0, curve, curve + 32)
          await expect(async () => share.derive(publicKey)).rejects.toEqual(badKeyShare)
        })

      it('makes another secret of a changed ciphertext', async () => {
        const { share, publicKey, secret } = await agree()
        // FIPS 203 §6.3: rejection is implicit; the handshake finds out by Finished.
        publicKey[ciphertext]! ^= 1
        expect(hex(await share.derive(publicKey))).not.toBe(hex(secret))
      })
    },
  )
})

describe('the groups of a platform', () => {
  it('are what hybrids are made of', async () => {
    let made = 0
    const counted = nodeCrypto.groups.map((group) => ({
      ...group,
      generate: () => {
        made++
        return group.generate()
      },
    }))
    for (const make of [x25519MlKem768, secp256r1MlKem768, secp384r1MlKem1024])
      await make({ ...nodeCrypto, groups: counted }).generate()
    expect(made).toBe(3)
  })
})

describe('X25519', () => {
  it('agrees with itself over a source alone', async () => {
    const source = { random: (length: number): Bytes => nodeCrypto.random(length) }
    const [a, b] = [await x25519(source).generate(), await x25519(source).generate()]
    expect(await a.derive(b.publicKey)).toEqual(await b.derive(a.publicKey))
  })
})

describe('ECDSA', () => {
  const key = ecKey('P-256')
  const order = p256.Point.Fn.ORDER

  it('takes both signs of s', async () => {
    const low = sign('sha256', data, {
      key: createPrivateKey({ key: Buffer.from(key.pkcs8), format: 'der', type: 'pkcs8' }),
      dsaEncoding: 'ieee-p1363',
    })
    const s = BigInt(`0x${low.subarray(32).toString('hex')}`)
    const other = Buffer.concat([
      low.subarray(0, 32),
      Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex'),
    ])
    for (const each of [low, other])
      expect(await ecdsaVerify(nodeCrypto, ecdsa256, key.publicKey, ecdsaSignatureToDer(each), data)).toBe(
        true,
      )
  })

  it('verifies with hashes longer and shorter than the curve', async () => {
    for (const curve of ['P-256', 'P-384', 'P-521'] satisfies CurveName[])
      for (const hash of ['SHA-256', 'SHA-384', 'SHA-512'] as const) {
        const { pkcs8, kind, publicKey } = ecKey(curve)
        const signature = await (await nodeCrypto.signer(pkcs8, kind)).sign({ kind: 'ecdsa', hash }, data)
        expect(await ecdsaVerify(nodeCrypto, { kind: 'ecdsa', hash }, publicKey, signature, data)).toBe(true)
        const own = await ecdsaSigner(nodeCrypto, pkcs8, kind).sign({ kind: 'ecdsa', hash }, data)
        const spki = createPublicKey({ key: Buffer.from(publicKey.spki), format: 'der', type: 'spki' })
        expect(verify(hash.replace('-', ''), data, spki, own)).toBe(true)
      }
  })

  it('waits for a hash that comes later', async () => {
    const { pkcs8, kind, publicKey } = ecKey('P-384')
    const algorithm = { kind: 'ecdsa', hash: 'SHA-384' } as const
    const provider = { ...nodeCrypto, hashes: forgeHashes }
    const signature = await ecdsaSigner(provider, pkcs8, kind).sign(algorithm, data)
    expect(await ecdsaVerify(provider, algorithm, publicKey, signature, data)).toBe(true)
  })

  it('is of no other kind', () => {
    for (const algorithm of [{ kind: 'ed25519' }, { kind: 'ecdsa', hash: 'SHA-1' }] as const)
      expect(() => ecdsaVerify(nodeCrypto, algorithm, key.publicKey, new Uint8Array(70), data)).toThrow(
        code('ERR_CRYPTO_UNAVAILABLE'),
      )
    const { publicKey } = ed25519Key()
    expect(ecdsaVerify(nodeCrypto, ecdsa256, publicKey, new Uint8Array(70), data)).toBe(false)
  })

  it('draws a fresh nonce for every signature, and a good one from a source that is stuck', async () => {
    const fresh = ecdsaSigner(nodeCrypto, key.pkcs8, key.kind)
    expect(hex(await fresh.sign(ecdsa256, data))).not.toBe(hex(await fresh.sign(ecdsa256, data)))
    const stuck = ecdsaSigner({ ...nodeCrypto, random: (n) => new Uint8Array(n) }, key.pkcs8, key.kind)
    const [one, two] = [await stuck.sign(ecdsa256, data), await stuck.sign(ecdsa256, utf8('something else'))]
    const [r1, r2] = [one, two].map((each) => hex(ecdsaSignatureFromDer(each, 'P-256')!).slice(0, 64))
    expect(r1).not.toBe(r2)
    expect(await nodeCrypto.verify(ecdsa256, key.publicKey, one, data)).toBe(true)
  })

  it('refuses private keys out of range, of another curve, length or version', () => {
    const scalar = ecPrivateScalar(key.pkcs8, 'P-256')!
    const at = hex(key.pkcs8).indexOf(hex(scalar)) / 2
    const withScalar = (number: bigint): Uint8Array => {
      const changed = key.pkcs8.slice()
      changed.set(Buffer.from(number.toString(16).padStart(64, '0'), 'hex'), at)
      return changed
    }
    expect(hex(withScalar(BigInt(`0x${hex(scalar)}`)))).toBe(hex(key.pkcs8))
    const version = key.pkcs8.slice()
    expect(version[at - 3]).toBe(1)
    version[at - 3] = 2
    const bad = [
      withScalar(0n),
      withScalar(order),
      withScalar(2n ** 256n - 1n),
      version,
      ecKey('P-384').pkcs8,
    ]
    for (const each of [...bad, ed25519Key().pkcs8, new Uint8Array(3)])
      expect(() => ecdsaSigner(nodeCrypto, each, key.kind)).toThrow(code('ERR_CRYPTO_KEY'))
    expect(() => ecdsaSigner(nodeCrypto, key.pkcs8, { kind: 'ed25519' })).toThrow(code('ERR_CRYPTO_KEY'))
    expect(ecdsaSigner(nodeCrypto, withScalar(order - 1n), key.kind).key).toEqual(key.kind)
  })
})
