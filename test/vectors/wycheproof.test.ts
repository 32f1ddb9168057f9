// Wycheproof through every provider: AEADs, key exchange, HMAC, HKDF, signatures. 100 % of what applies.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { forgeCrypto, webcrypto } from '../../src/crypto/index.js'
import { withNoble } from '../../src/crypto/noble.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { runWycheproof, type WycheproofSummary } from './wycheproof.js'

const folder = fileURLToPath(new URL('../../../shared/conformance/wycheproof/', import.meta.url))
const present = existsSync(folder)
if (!present)
  console.warn(`SKIPPED: no Wycheproof vectors at ${folder}; the primitives are not checked against them`)

// biome-ignore format: a table; at least so many vectors have to apply
const providers = [
  { provider: nodeCrypto,                         signatures: 5400, exchanges: 1600, kem: 0,   aead: 440, hashed: 500 },
  { provider: webcrypto(globalThis.crypto),       signatures: 5400, exchanges: 1600, kem: 0,   aead: 130, hashed: 500 },
  { provider: forgeCrypto(nodeCrypto),            signatures: 2300, exchanges: 0,    kem: 0,   aead: 130, hashed: 500 },
  { provider: withNoble(forgeCrypto(nodeCrypto)), signatures: 5400, exchanges: 1600, kem: 190, aead: 440, hashed: 500 },
]

describe.skipIf(!present).each(providers)('wycheproof: $provider.name', (bar) => {
  let summary: WycheproofSummary
  beforeAll(async () => {
    summary = await runWycheproof(folder, bar.provider)
  }, 180_000)

  const totalOf = (pattern: RegExp) =>
    summary.files.filter(({ file }) => pattern.test(file)).reduce((sum, { total }) => sum + total, 0)

  it('has no wrong outcome', () => {
    expect(summary.wrong).toEqual([])
    expect(summary.ok).toBe(summary.total)
  })

  it('runs what applies, and gives a reason for the rest', () => {
    expect(totalOf(/^(ecdsa|ed25519|rsa)/)).toBeGreaterThanOrEqual(bar.signatures)
    expect(totalOf(/^(x25519|ecdh)/)).toBeGreaterThanOrEqual(bar.exchanges)
    expect(totalOf(/^mlkem/)).toBeGreaterThanOrEqual(bar.kem)
    expect(totalOf(/^(aes|chacha)/)).toBeGreaterThanOrEqual(bar.aead)
    expect(totalOf(/^(hmac|hkdf)/)).toBeGreaterThanOrEqual(bar.hashed)
    for (const { reason } of summary.skipped) expect(reason).toMatch(/^\d+ vectors: (TLS has|the |no use)/)
  })

  it('takes no acceptable signature or point that TLS forbids', () => {
    const taken = summary.files
      .filter(({ file }) => !file.startsWith('x25519'))
      .flatMap(({ file, acceptable }) => acceptable.map((line) => `${file} ${line}`))
      .filter((line) => !line.endsWith(': refused'))
    expect(taken).toEqual([])
  })
})
