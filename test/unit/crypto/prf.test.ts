import { createHmac } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { fromHex, hex } from '../../../src/bytes/index.js'
import { forgeHashes, prf12 } from '../../../src/crypto/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'

describe.each([
  ['node-forge', forgeHashes],
  ['node:crypto', nodeCrypto.hashes],
] as const)('the TLS 1.2 PRF over %s', (_, hashes) => {
  beforeAll(() => hashes['SHA-384'].load?.())

  // The test vectors that the TLS working group's list published for RFC 5246's PRF.
  it.each([
    [
      'SHA-256',
      '9bbe436ba940f017b17652849a71db35',
      'a0ba9f936cda311827a6f796ffd5198c',
      'e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66',
    ],
    [
      'SHA-384',
      'b80b733d6ceefcdc71566ea48e5567df',
      'cd665cf6a8447dd6ff8b27555edb7465',
      '7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703d73e56f',
    ],
  ] as const)('gives the published output with %s', (hash, secret, seed, output) => {
    const made = prf12(hashes[hash], fromHex(secret), 'test label', fromHex(seed), output.length / 2)
    expect(hex(made)).toBe(output)
  })

  it('gives prefixes of one stream', () => {
    const make = (length: number): Uint8Array =>
      prf12(hashes['SHA-256'], new Uint8Array(48), 'key expansion', new Uint8Array(64), length)
    const longest = make(200)
    for (const length of [0, 1, 31, 32, 33, 64, 199]) expect(make(length)).toEqual(longest.slice(0, length))
  })

  it('is P_hash as RFC 5246 §5 writes it', () => {
    const mac = (data: Buffer): Buffer => createHmac('sha256', 'secret').update(data).digest()
    const seed = Buffer.from('labelseed')
    const a1 = mac(seed)
    const expected = Buffer.concat([mac(Buffer.concat([a1, seed])), mac(Buffer.concat([mac(a1), seed]))])
    const made = prf12(hashes['SHA-256'], Buffer.from('secret'), 'label', Buffer.from('seed'), 64)
    expect(hex(made)).toBe(expected.toString('hex'))
  })
})
