// Runs a file in x509-limbo's format through `verifyChain` and counts. Shared by the test beside it and by tools.
import { readFile } from 'node:fs/promises'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import { TunnelError } from '../../src/errors.js'
import { parsePem } from '../../src/pki/pem.js'
import { trustStore } from '../../src/pki/trust.js'
import { verifyChain } from '../../src/pki/verify.js'

interface LimboCase {
  readonly id: string
  readonly features: readonly string[]
  readonly validation_kind: 'SERVER' | 'CLIENT'
  readonly trusted_certs: readonly string[]
  readonly untrusted_intermediates: readonly string[]
  readonly peer_certificate: string
  readonly validation_time: string | null
  readonly expected_result: 'SUCCESS' | 'FAILURE'
  readonly expected_peer_name: { readonly kind: string; readonly value: string } | null
  readonly max_chain_depth: number | null
  readonly crls: readonly string[]
}

export interface LimboSummary {
  readonly total: number
  readonly ok: number
  /** Ids accepted that must fail. */
  readonly wrongAccept: readonly string[]
  /** Ids refused that must pass, with what refused them. */
  readonly wrongReject: readonly { readonly id: string; readonly reason: string }[]
  readonly skipped: readonly { readonly id: string; readonly reason: string }[]
  readonly slowest: { readonly id: string; readonly ms: number }
  /** For every id that was refused: the code. */
  readonly codes: ReadonlyMap<string, string>
}

export async function runLimbo(file: string | URL, crypto: CryptoProvider): Promise<LimboSummary> {
  const { testcases } = JSON.parse(await readFile(file, 'utf8')) as { testcases: readonly LimboCase[] }
  const wrongAccept: string[] = []
  const wrongReject: { id: string; reason: string }[] = []
  const skipped: { id: string; reason: string }[] = []
  const codes = new Map<string, string>()
  let slowest = { id: '', ms: 0 }
  let ok = 0
  for (const limbo of testcases) {
    const name = limbo.expected_peer_name
    if (name !== null && name.kind !== 'DNS' && name.kind !== 'IP') {
      skipped.push({ id: limbo.id, reason: `peer names of kind ${name.kind} are not matched` })
      continue
    }
    const start = performance.now()
    const error = await refusal(limbo, crypto)
    const ms = performance.now() - start
    if (ms > slowest.ms) slowest = { id: limbo.id, ms }
    if (error !== undefined) codes.set(limbo.id, error.code)
    if ((error === undefined) === (limbo.expected_result === 'SUCCESS')) ok++
    else if (error === undefined) wrongAccept.push(limbo.id)
    else wrongReject.push({ id: limbo.id, reason: `${error.code} ${error.message}` })
  }
  return { total: testcases.length, ok, wrongAccept, wrongReject, skipped, slowest, codes }
}

async function refusal(limbo: LimboCase, crypto: CryptoProvider): Promise<TunnelError | undefined> {
  const ders = (texts: readonly string[]): Uint8Array[] =>
    texts.flatMap((text) => parsePem(text).map(({ der }) => der))
  try {
    await verifyChain({
      chain: ders([limbo.peer_certificate, ...limbo.untrusted_intermediates]),
      expectation: {
        trust: trustStore(limbo.trusted_certs),
        purpose: limbo.validation_kind === 'SERVER' ? 'server' : 'client',
        crls: ders(limbo.crls),
        ...(limbo.expected_peer_name === null ? {} : { serverName: limbo.expected_peer_name.value }),
      },
      // The cases are younger than most clocks; those without a time of their own want the current one.
      now: limbo.validation_time === null ? Date.now() : Date.parse(limbo.validation_time),
      crypto,
      limits: limbo.max_chain_depth === null ? {} : { intermediates: limbo.max_chain_depth },
    })
    return undefined
  } catch (error) {
    // Anything but a named error is a bug, and must not pass for a refusal.
    if (error instanceof TunnelError && error.code !== 'ERR_INTERNAL') return error
    throw error
  }
}
