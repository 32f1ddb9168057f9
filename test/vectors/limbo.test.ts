// C2SP's x509-limbo and Netflix's BetterTLS through `verifyChain`. The data lies beside the checkout, not in it.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { webcrypto } from '../../src/crypto/webcrypto.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { type LimboSummary, runLimbo } from './limbo.js'
import { deviations } from './limbo-deviations.js'

const folder = new URL('../../../shared/conformance/', import.meta.url)
const present = existsSync(new URL('x509-limbo-core.json', folder))
if (!present) console.warn(`x509-limbo is SKIPPED: no vectors at ${folder.pathname}`)

const references = present
  ? (JSON.parse(await readFile(new URL('x509-limbo-references.json', folder), 'utf8')) as {
      consensus: string[]
    })
  : { consensus: [] }
const consensus = new Set(references.consensus)

describe.skipIf(!present)('x509-limbo', () => {
  const providers = [nodeCrypto, webcrypto(globalThis.crypto)]
  for (const provider of providers) {
    it(`core cases, on ${provider.name}`, async () => {
      const summary = await run('x509-limbo-core.json', provider)
      expect(summary.total).toBe(208)
      expect(summary.wrongReject).toEqual([])
      expect([...summary.wrongAccept].sort()).toEqual(Object.keys(deviations).sort())
      expect(summary.ok).toBe(208 - Object.keys(deviations).length)
    })

    it(`the BetterTLS sample, on ${provider.name}`, async () => {
      const summary = await run('x509-limbo-bettertls-sample.json', provider)
      expect(summary).toMatchObject({ total: 581, ok: 581, wrongAccept: [], wrongReject: [] })
    })
  }

  it('follows every case that the reference verifiers agree on', () => {
    expect(consensus.size).toBeGreaterThan(500)
    expect(Object.keys(deviations).filter((id) => consensus.has(id))).toEqual([])
  })

  it('refuses for the right reason', async () => {
    const { codes } = await run('x509-limbo-core.json', nodeCrypto)
    expect(Object.fromEntries(Object.keys(reasons).map((id) => [id, codes.get(id)]))).toEqual(reasons)
  })
})

const reasons = {
  'crl::revoked-certificate-with-crl': 'ERR_CERT_REVOKED',
  'crl::crlnumber-missing': 'ERR_CERT_CRL',
  'crl::issuer-missing-crlsign': 'ERR_CERT_CRL',
  'pathlen::intermediate-violates-pathlen-0': 'ERR_CERT_CONSTRAINT',
  'pathlen::max-chain-depth-0-exhausted': 'ERR_CERT_BUDGET',
  'pathological::nc-dos-1': 'ERR_CERT_BUDGET',
  'pathological::nc-dos-2': 'ERR_CERT_BUDGET',
  'pathological::nc-dos-3': 'ERR_CERT_NAME_MISMATCH',
  'pathological::intermediate-cycle-distinct-cas': 'ERR_CERT_UNTRUSTED',
  'rfc5280::aki::critical-aki': 'ERR_CERT_CONSTRAINT',
  'rfc5280::duplicate-extensions': 'ERR_CERT_ENCODING',
  'rfc5280::eku::ee-wrong-eku': 'ERR_CERT_PURPOSE',
  'rfc5280::nc::excluded-ipv6-match': 'ERR_CERT_CONSTRAINT',
  'rfc5280::validity::expired-intermediate': 'ERR_CERT_EXPIRED',
  'rfc5280::validity::notbefore-fractional': 'ERR_CERT_NOT_YET_VALID',
  'rfc5280::chain-untrusted-root': 'ERR_CERT_UNTRUSTED',
  'webpki::explicit-curve': 'ERR_CERT_ALGORITHM',
  'webpki::forbidden-weak-rsa-in-leaf': 'ERR_CERT_ALGORITHM',
  'webpki::san::mismatch-domain-san': 'ERR_CERT_NAME_MISMATCH',
}

async function run(file: string, provider: Parameters<typeof runLimbo>[1]): Promise<LimboSummary> {
  const summary = await runLimbo(new URL(file, folder), provider)
  const { total, ok, wrongAccept, wrongReject, skipped, slowest } = summary
  console.table([
    {
      file,
      provider: provider.name,
      total,
      ok,
      'wrong accept': wrongAccept.length,
      'wrong reject': wrongReject.length,
      skipped: skipped.length,
      slowest: `${slowest.id} ${Math.round(slowest.ms)} ms`,
    },
  ])
  for (const { id, reason } of skipped) console.warn(`skipped ${id}: ${reason}`)
  return summary
}
