// X25519MLKEM768 and MLKEM1024 over a KEM of another hand (noble's), and over the engines that have one of their own.
import { ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js'
import { describe, expect, it } from 'vitest'
import { type Bytes, concat, hex } from '../../../src/bytes/index.js'
import {
  type MlKem,
  mlKem1024,
  mlKemLengths,
  subtleMlKem,
  withMlKem,
  x25519MlKem768,
} from '../../../src/crypto/mlkem.js'
import type { Group } from '../../../src/crypto/provider.js'
import type { SubtleLike } from '../../../src/crypto/subtle.js'
import { webcrypto } from '../../../src/crypto/webcrypto.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'

const x25519 = nodeCrypto.groups.find(({ name }) => name === 'X25519')!
const engines = [
  { name: 'node:crypto', group: hybridOf(nodeCrypto) },
  { name: 'WebCrypto', group: hybridOf(webcrypto(globalThis.crypto)) },
]
for (const { name, group } of engines)
  if (group === undefined) console.warn(`ML-KEM of ${name} is SKIPPED: this runtime has none`)

describe.each([
  { name: 'noble', group: x25519MlKem768(noble(ml_kem768), x25519) },
  ...engines.filter((engine): engine is { name: string; group: Group } => engine.group !== undefined),
])('X25519MLKEM768 over $name', ({ group }) => {
  it('agrees with a server', async () => {
    const share = await group.generate()
    expect(share.publicKey).toHaveLength(1216)
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(share.publicKey.subarray(0, 1184))
    const other = await x25519.generate()
    const secret = await share.derive(concat(cipherText, other.publicKey))
    expect(hex(secret.subarray(0, 32))).toBe(hex(sharedSecret))
    expect(hex(secret.subarray(32))).toBe(hex(await other.derive(share.publicKey.subarray(1184))))
  })

  it('makes a new key every time', async () => {
    const [one, two] = [await group.generate(), await group.generate()]
    expect(hex(one.publicKey.subarray(0, 32))).not.toBe(hex(two.publicKey.subarray(0, 32)))
    expect(hex(one.publicKey.subarray(1184))).not.toBe(hex(two.publicKey.subarray(1184)))
  })

  it.each([0, 32, 1088, 1119, 1121])('refuses a share of %d bytes', async (length) => {
    const share = await group.generate()
    await expect(async () => share.derive(new Uint8Array(length).fill(9))).rejects.toMatchObject({
      code: 'ERR_TLS_KEY_SHARE',
      alert: 'illegal_parameter',
    })
  })
})

describe('MLKEM1024', () => {
  const group = mlKem1024(noble(ml_kem1024))

  it('agrees with a server', async () => {
    const share = await group.generate()
    expect(share.publicKey).toHaveLength(mlKemLengths[1024].publicKey)
    const { cipherText, sharedSecret } = ml_kem1024.encapsulate(share.publicKey)
    expect(hex(await share.derive(cipherText))).toBe(hex(sharedSecret))
  })

  it.each([0, 1567, 1569])('refuses a share of %d bytes', async (length) => {
    const share = await group.generate()
    await expect(async () => share.derive(new Uint8Array(length))).rejects.toMatchObject({
      code: 'ERR_TLS_KEY_SHARE',
    })
  })
})

describe('an engine', () => {
  it('without ML-KEM or X25519 changes nothing', () => {
    const classical = nodeCrypto.groups.filter(({ name }) => !name.includes('MLKEM'))
    expect(withMlKem(undefined, classical)).toBe(classical)
    const others = classical.slice(1)
    expect(withMlKem(noble(ml_kem768), others)).toBe(others)
    expect(withMlKem(noble(ml_kem768), classical).map(({ name }) => name)).toEqual([
      'X25519MLKEM768',
      ...classical.map(({ name }) => name),
    ])
    expect(subtleMlKem({} as SubtleLike)).toBeUndefined()
  })

  it('that says it has ML-KEM is used through WebCrypto', async () => {
    const subtle = standIn(['generateKey', 'decapsulateBits'])
    const share = await x25519MlKem768(subtleMlKem(subtle)!, x25519).generate()
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(share.publicKey.subarray(0, 1184))
    const other = await x25519.generate()
    const secret = await share.derive(concat(cipherText, other.publicKey))
    expect(hex(secret.subarray(0, 32))).toBe(hex(sharedSecret))
  })

  it('that lacks an operation is not', () => {
    expect(subtleMlKem(standIn(['generateKey']))).toBeUndefined()
    expect(subtleMlKem(standIn(['decapsulateBits']))).toBeUndefined()
  })

  it('that promised too much raises ERR_CRYPTO_UNAVAILABLE', async () => {
    const subtle = standIn(['generateKey', 'decapsulateBits'])
    subtle.generateKey = () => Promise.reject(new Error('no such algorithm'))
    await expect(async () => subtleMlKem(subtle)!()).rejects.toMatchObject({ code: 'ERR_CRYPTO_UNAVAILABLE' })
  })
})

function hybridOf({ groups }: { readonly groups: readonly Group[] }): Group | undefined {
  return groups.find(({ name }) => name === 'X25519MLKEM768')
}

function noble({ keygen, decapsulate }: typeof ml_kem768): MlKem {
  return () => {
    const { publicKey, secretKey } = keygen()
    return {
      publicKey: publicKey as Bytes,
      decapsulate: (ciphertext) => decapsulate(ciphertext, secretKey) as Bytes,
    }
  }
}

/** SubtleCrypto as far as ML-KEM goes, as engines with the newer algorithms have it. */
function standIn(operations: readonly string[]): SubtleLike {
  class Subtle {
    static supports(operation: string, { name }: { name: string }): boolean {
      return name === 'ML-KEM-768' && operations.includes(operation)
    }
    async generateKey({ name }: { name: string }, extractable: boolean, usages: string[]) {
      expect([name, extractable, usages]).toEqual([
        'ML-KEM-768',
        false,
        ['decapsulateBits', 'encapsulateBits'],
      ])
      const { publicKey, secretKey } = ml_kem768.keygen()
      return { publicKey, privateKey: secretKey }
    }
    async exportKey(format: string, key: Uint8Array) {
      expect(format).toBe('raw-public')
      return key.slice().buffer
    }
    async decapsulateBits(_: unknown, key: Uint8Array, ciphertext: Uint8Array) {
      return ml_kem768.decapsulate(ciphertext, key).slice().buffer
    }
  }
  return new Subtle() as unknown as SubtleLike
}
