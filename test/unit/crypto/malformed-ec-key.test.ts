// EC private keys whose inner structure (RFC 5915) is malformed although the curve outside is right: what Node asks of a key
// object may end the process, so these must be refused before it is asked, or be harmless.
import { generateKeyPairSync } from 'node:crypto'
import { expect, it } from 'vitest'
import { concat, fromHex } from '../../../src/bytes/index.js'
import type { KeyKind, Signer } from '../../../src/crypto/provider.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'

const kind: KeyKind = { kind: 'ec', curve: 'P-256' }

function der(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = concat(...content)
  return concat(Uint8Array.of(tag, ...(body.length < 128 ? [] : [0x81]), body.length), body)
}

/** PKCS#8 of P-256 with these octets as the private key and these bits as the public one. */
function pkcs8(scalar: Uint8Array, point?: Uint8Array): Uint8Array {
  const algorithm = der(0x30, fromHex('06072a8648ce3d0201'), fromHex('06082a8648ce3d030107'))
  const open = point === undefined ? [] : [der(0xa1, der(3, Uint8Array.of(0), point))]
  const key = der(0x30, der(2, Uint8Array.of(1)), der(4, scalar), ...open)
  return der(0x30, der(2, Uint8Array.of(0)), algorithm, der(4, key))
}

const scalar = new Uint8Array(
  Buffer.from(
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }).d!,
    'base64url',
  ),
)

async function signerOf(key: Uint8Array): Promise<Signer> {
  return nodeCrypto.signer(key, kind)
}

it('a public key at infinity is refused', async () => {
  await expect(signerOf(pkcs8(scalar, Uint8Array.of(0)))).rejects.toMatchObject({ code: 'ERR_CRYPTO_KEY' })
})

it.each([
  ['longer than the order', new Uint8Array(40).fill(7)],
  ['above the order', new Uint8Array(32).fill(255)],
  ['empty', new Uint8Array(0)],
])('a private key that is %s is refused by name, or signs', async (_, octets) => {
  const signed = async () => (await signerOf(pkcs8(octets))).sign({ kind: 'ecdsa', hash: 'SHA-256' }, octets)
  const code = await signed().then(
    () => 'signed',
    (error: { readonly code: string }) => error.code,
  )
  expect(['signed', 'ERR_CRYPTO_KEY']).toContain(code)
})

it('a good one is taken', async () => {
  expect((await signerOf(pkcs8(scalar))).key).toEqual(kind)
})
