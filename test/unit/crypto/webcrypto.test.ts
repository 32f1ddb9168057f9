import { createCipheriv, createDecipheriv, webcrypto as nodeWebcrypto } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hex, utf8 } from '../../../src/bytes/index.js'
import { type SubtleLike, samePublicKey, signerCan, webcrypto } from '../../../src/crypto/index.js'
import type {
  CryptoKeyLike,
  CryptoProvider,
  KeyKind,
  SignatureAlgorithm,
} from '../../../src/crypto/provider.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { ecKey, ed25519Key, rsaKey } from './keys.js'

const subtle = globalThis.crypto.subtle
const provider = webcrypto(globalThis.crypto)
const data = utf8('what is signed')
const code = (name: string): unknown => expect.objectContaining({ code: name })
const run = async <T>(body: () => T | Promise<T>): Promise<T> => body()

/** The engine, with some of its operations replaced. */
function engine(changes: Partial<SubtleLike>): CryptoProvider {
  const bound = Object.fromEntries(
    ['importKey', 'exportKey', 'generateKey', 'deriveBits', 'encrypt', 'decrypt', 'sign', 'verify'].map(
      (name) => [name, (subtle[name as keyof SubtleCrypto] as () => unknown).bind(subtle)],
    ),
  ) as unknown as SubtleLike
  return webcrypto({ subtle: { ...bound, ...changes }, getRandomValues: (bytes) => bytes })
}

function notSupported(): Promise<never> {
  return Promise.reject(new DOMException('no such algorithm', 'NotSupportedError'))
}

describe('webcrypto()', () => {
  it('takes what any runtime calls crypto', () => {
    expect(webcrypto(nodeWebcrypto as Crypto).name).toBe('webcrypto')
  })

  it('says that a page without crypto.subtle cannot have it', () => {
    const insecure = { getRandomValues: () => {} } as unknown as Crypto
    expect(() => webcrypto(insecure)).toThrow(code('ERR_CRYPTO_UNAVAILABLE'))
  })

  it('asks for random bytes in portions that the engine allows', () => {
    const asked: number[] = []
    const source = webcrypto({
      subtle,
      getRandomValues: (bytes) => {
        asked.push(bytes.length)
        bytes.fill(7)
      },
    })
    const bytes = source.random(65_536 + 10)
    expect(asked).toEqual([65_536, 10])
    expect(bytes.every((byte) => byte === 7)).toBe(true)
  })

  it('reports what the engine does not have as ERR_CRYPTO_UNAVAILABLE', async () => {
    const lacking = engine({ importKey: notSupported, generateKey: notSupported })
    const key = ed25519Key()
    await expect(
      run(() => lacking.verify({ kind: 'ed25519' }, key.publicKey, new Uint8Array(64), data)),
    ).rejects.toEqual(code('ERR_CRYPTO_UNAVAILABLE'))
    await expect(run(() => lacking.signer(key.pkcs8, key.kind))).rejects.toEqual(
      code('ERR_CRYPTO_UNAVAILABLE'),
    )
    await expect(run(() => lacking.groups[0]!.generate())).rejects.toEqual(code('ERR_CRYPTO_UNAVAILABLE'))
  })

  it('refuses an all-zero secret even if the engine does not', async () => {
    const careless = engine({ deriveBits: async () => new ArrayBuffer(32) })
    const share = await careless.groups[0]!.generate()
    const peer = await provider.groups[0]!.generate()
    await expect(run(() => share.derive(peer.publicKey))).rejects.toEqual(code('ERR_TLS_KEY_SHARE'))
  })

  it('gives results to their own callers when the engine finishes out of order', async () => {
    const delays = [30, 1, 15, 0]
    let calls = 0
    const slow = engine({
      encrypt: async (...parameters) => {
        await new Promise((resolve) => setTimeout(resolve, delays[calls++ % delays.length]))
        return subtle.encrypt(...(parameters as Parameters<SubtleCrypto['encrypt']>))
      },
    })
    const [mine, theirs] = await Promise.all(
      [slow, nodeCrypto].map((each) => each.suites[0]!.aead.importKey(new Uint8Array(16))),
    )
    const nonces = delays.map((_, i) => new Uint8Array(12).fill(i))
    const sealed = await Promise.all(nonces.map((nonce) => mine!.seal(nonce, data, data)))
    for (const [i, each] of sealed.entries())
      expect(hex(each)).toBe(hex(await theirs!.seal(nonces[i]!, data, data)))
  })

  it('has read what it is given when a call returns, as its keys say', async () => {
    const key = await provider.suites[0]!.aead.importKey(new Uint8Array(16))
    const [nonce, aad, plaintext] = [utf8('twelve bytes'), utf8('header'), new Uint8Array(2 ** 14).fill(5)]
    const wanted = await key.seal(nonce, aad, plaintext)
    const given = [nonce.slice(), aad.slice(), plaintext.slice()] as const
    const sealing = key.seal(...given)
    const sealed = [nonce.slice(), aad.slice(), wanted.slice()] as const
    const opening = key.open(...sealed)
    for (const each of [...given, ...sealed]) each.fill(0)
    expect(key.readsAtOnce).toBe(true)
    expect(hex(await sealing)).toBe(hex(wanted))
    expect(hex(await opening)).toBe(hex(plaintext))
  })
})

describe('ChaCha20-Poly1305', () => {
  // No engine of Node 20 has it: this one stands in, as the newer ones answer.
  class ModernSubtle {
    static supports(operation: string, algorithm: unknown): boolean {
      const name = typeof algorithm === 'string' ? algorithm : (algorithm as { name: string }).name
      return ['encrypt', 'importKey'].includes(operation) && name === 'ChaCha20-Poly1305'
    }
    async importKey(format: string, key: Uint8Array): Promise<unknown> {
      expect(format).toBe('raw-secret')
      return { type: 'secret', key }
    }
    async encrypt(
      parameters: Parameters_,
      { key }: { key: Uint8Array },
      message: Uint8Array,
    ): Promise<ArrayBuffer> {
      const cipher = createCipheriv('chacha20-poly1305', key, parameters.iv, { authTagLength: 16 })
      cipher.setAAD(parameters.additionalData, { plaintextLength: message.length })
      return Uint8Array.from([...cipher.update(message), ...cipher.final(), ...cipher.getAuthTag()]).buffer
    }
    async decrypt(
      parameters: Parameters_,
      { key }: { key: Uint8Array },
      sealed: Uint8Array,
    ): Promise<ArrayBuffer> {
      const decipher = createDecipheriv('chacha20-poly1305', key, parameters.iv, { authTagLength: 16 })
      decipher.setAAD(parameters.additionalData, { plaintextLength: sealed.length - 16 })
      decipher.setAuthTag(sealed.subarray(-16))
      return Uint8Array.from([...decipher.update(sealed.subarray(0, -16)), ...decipher.final()]).buffer
    }
  }
  interface Parameters_ {
    iv: Uint8Array
    additionalData: Uint8Array
    tagLength: number
  }
  const modern = webcrypto({
    subtle: new ModernSubtle() as unknown as SubtleLike,
    getRandomValues: (bytes) => bytes,
  })

  it('is offered last, and only by an engine that says it has it', () => {
    expect(modern.suites.map(({ id }) => id)).toEqual([0x1301, 0x1302, 0x1303])
    expect(engine({}).suites.map(({ id }) => id)).toEqual([0x1301, 0x1302])
  })

  it('seals as node:crypto does', async () => {
    const [mine, theirs] = [modern, nodeCrypto].map(
      (each) => each.suites.find(({ id }) => id === 0x1303)!.aead,
    )
    const [nonce, aad] = [new Uint8Array(12).fill(1), new Uint8Array(5).fill(2)]
    const key = await mine!.importKey(new Uint8Array(32).fill(3))
    const sealed = await key.seal(nonce, aad, data)
    expect(hex(sealed)).toBe(
      hex(await (await theirs!.importKey(new Uint8Array(32).fill(3))).seal(nonce, aad, data)),
    )
    expect(hex(await key.open(nonce, aad, sealed))).toBe(hex(data))
    sealed[0]! ^= 1
    await expect(run(() => key.open(nonce, aad, sealed))).rejects.toEqual(code('ERR_TLS_BAD_RECORD_MAC'))
  })
})

describe.each([provider, nodeCrypto])('a CryptoKey as signer with $name', (using) => {
  const rsa = rsaKey(2048)
  const ec = ecKey('P-384')
  const ed = ed25519Key()
  const p384: KeyKind = { kind: 'ec', curve: 'P-384' }

  const imported = (
    pkcs8: Uint8Array<ArrayBuffer>,
    algorithm: object,
    usages: KeyUsage[] = ['sign'],
  ): Promise<CryptoKey> => subtle.importKey('pkcs8', pkcs8, algorithm as RsaHashedImportParams, false, usages)

  it.each([
    [
      'ECDSA',
      ec,
      { name: 'ECDSA', namedCurve: 'P-384' },
      ['ecdsa SHA-256', 'ecdsa SHA-384', 'ecdsa SHA-512'],
    ],
    ['Ed25519', ed, { name: 'Ed25519' }, ['ed25519']],
    ['RSA-PSS', rsa, { name: 'RSA-PSS', hash: 'SHA-384' }, ['rsa-pss SHA-384']],
    ['RSASSA-PKCS1-v1_5', rsa, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, ['rsa-pkcs1 SHA-256']],
  ])('%s signs with what the key was made for, and nothing else', async (_, key, algorithm, expected) => {
    const cryptoKey = await imported(key.pkcs8, algorithm)
    expect(cryptoKey.extractable).toBe(false)
    const signer = await using.signer(cryptoKey, key.kind)
    const able: string[] = []
    for (const each of key.algorithms) {
      if (!signerCan(signer, each)) {
        await expect(run(() => signer.sign(each, data))).rejects.toEqual(code('ERR_CRYPTO_UNAVAILABLE'))
        continue
      }
      able.push(each.kind === 'ed25519' ? each.kind : `${each.kind} ${each.hash}`)
      const signature = await signer.sign(each, data)
      expect(await nodeCrypto.verify(each, key.publicKey, signature, data)).toBe(true)
    }
    expect(able).toEqual(expected)
  })

  it('is refused when it is not a private signing key of that kind', async () => {
    const { publicKey } = (await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, false, [
      'sign',
      'verify',
    ])) as CryptoKeyPair
    const agreement = await subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, false, ['deriveBits'])
    const wrong: [CryptoKeyLike, KeyKind][] = [
      [publicKey, p384],
      [(agreement as CryptoKeyPair).privateKey, p384],
      [await imported(ec.pkcs8, { name: 'ECDSA', namedCurve: 'P-384' }), { kind: 'ec', curve: 'P-256' }],
      [await imported(ec.pkcs8, { name: 'ECDSA', namedCurve: 'P-384' }), { kind: 'ed25519' }],
      [await imported(ed.pkcs8, { name: 'Ed25519' }), rsa.kind],
      [
        await imported(rsa.pkcs8, { name: 'RSA-PSS', hash: 'SHA-256' }),
        { kind: 'rsa', bits: 4096, pss: false },
      ],
      [
        await imported(rsa.pkcs8, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }),
        { kind: 'rsa', bits: 2048, pss: true },
      ],
    ]
    for (const [key, kind] of wrong)
      await expect(run(() => using.signer(key, kind))).rejects.toEqual(code('ERR_CRYPTO_KEY'))
  })
})

describe('a public key that verifies again', () => {
  it('is imported once for a padding and a hash, and by every engine for itself', async () => {
    const imports: string[] = []
    const counting = () =>
      engine({
        importKey: async (format, key, algorithm, ...rest) => {
          imports.push(`${algorithm.name} ${algorithm.hash}`)
          return subtle.importKey(
            format as 'spki',
            key as BufferSource,
            algorithm as RsaHashedImportParams,
            ...(rest as [boolean, KeyUsage[]]),
          )
        },
      })
    const { publicKey, pkcs8, kind } = rsaKey(2048)
    const signer = await nodeCrypto.signer(pkcs8, kind)
    const pss: SignatureAlgorithm = { kind: 'rsa-pss', hash: 'SHA-256', saltLength: 32 }
    const pkcs1: SignatureAlgorithm = { kind: 'rsa-pkcs1', hash: 'SHA-256' }
    const pkcs1With384: SignatureAlgorithm = { kind: 'rsa-pkcs1', hash: 'SHA-384' }
    const [first, second] = [counting(), counting()]
    for (const [using, algorithm] of [
      [first, pss],
      [first, pss],
      [first, pkcs1],
      [first, pkcs1With384],
      [first, pkcs1With384],
      [second, pkcs1With384],
    ] as const) {
      const signature = await signer.sign(algorithm, data)
      expect(await using.verify(algorithm, publicKey, signature, data)).toBe(true)
      expect(await using.verify(algorithm, publicKey, signature, utf8('something else'))).toBe(false)
    }
    expect(imports).toEqual([
      'RSA-PSS SHA-256',
      'RSASSA-PKCS1-v1_5 SHA-256',
      'RSASSA-PKCS1-v1_5 SHA-384',
      'RSASSA-PKCS1-v1_5 SHA-384',
    ])
  })

  it('is imported again after the engine refused it', async () => {
    let refusals = 1
    const refusing = engine({
      importKey: async (format, key, algorithm, ...rest) => {
        if (refusals-- > 0) throw new DOMException('not this time', 'DataError')
        return subtle.importKey(
          format as 'spki',
          key as BufferSource,
          algorithm as EcKeyImportParams,
          ...(rest as [boolean, KeyUsage[]]),
        )
      },
    })
    const { publicKey, pkcs8, kind } = ecKey('P-256')
    const algorithm: SignatureAlgorithm = { kind: 'ecdsa', hash: 'SHA-256' }
    const signature = await (await nodeCrypto.signer(pkcs8, kind)).sign(algorithm, data)
    expect(await refusing.verify(algorithm, publicKey, signature, data)).toBe(false)
    expect(await refusing.verify(algorithm, publicKey, signature, data)).toBe(true)
  })
})

describe('a PKCS#8 signer', () => {
  it('imports a key once for every algorithm, never extractable', async () => {
    const imports: string[] = []
    const counting = engine({
      importKey: async (format, key, algorithm, extractable, usages) => {
        if (format === 'pkcs8' && !extractable) imports.push(`${algorithm.name} ${algorithm.hash}`)
        return subtle.importKey(
          format as 'pkcs8',
          key as BufferSource,
          algorithm as RsaHashedImportParams,
          extractable,
          usages as KeyUsage[],
        )
      },
    })
    const key = rsaKey(2048)
    const signer = await counting.signer(key.pkcs8, key.kind)
    expect(samePublicKey(signer.spki!, key.publicKey.spki)).toBe(true)
    const [pss256, , , pkcs256] = key.algorithms as [
      SignatureAlgorithm,
      SignatureAlgorithm,
      SignatureAlgorithm,
      SignatureAlgorithm,
    ]
    await Promise.all([signer.sign(pss256, data), signer.sign(pss256, data), signer.sign(pkcs256, data)])
    await signer.sign(pss256, data)
    expect(imports).toEqual(['RSA-PSS SHA-256', 'RSASSA-PKCS1-v1_5 SHA-256'])
  })
})
