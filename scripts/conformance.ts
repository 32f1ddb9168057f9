// `npm run conformance -- [--json] [--limbo FILE]... [--wycheproof DIR]`: public vectors through the project's own code, for
// any file in those formats. Without files it takes the vectors that lie beside the checkout. Exit status 1 when a result
// deviates from what is expected and no reason is on record.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { withNoble } from '../src/crypto/noble.js'
import { nodeCrypto } from '../src/platform/node/crypto.js'
import { type LimboSummary, runLimbo } from '../test/vectors/limbo.js'
import { deviations } from '../test/vectors/limbo-deviations.js'
import { runWycheproof } from '../test/vectors/wycheproof.js'

const folder = resolve('../shared/conformance')
const byDefault = ['x509-limbo-core.json', 'x509-limbo-bettertls-sample.json']

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean' },
      limbo: { type: 'string', multiple: true },
      wycheproof: { type: 'string' },
    },
  })
  const limbo = await runAllLimbo(values.limbo ?? byDefault.map((name) => join(folder, name)))
  const wycheproof = await runPrimitives(values.wycheproof ?? join(folder, 'wycheproof'))
  const rfc8448 = await runRfc8448()
  const results = { limbo, wycheproof, rfc8448 }
  if (values.json === true) process.stdout.write(`${JSON.stringify(results)}\n`)
  else print(results)
  const unexplained = [...limbo.wrongAccept, ...limbo.wrongReject].filter(
    (id) => deviations[id] === undefined,
  )
  return unexplained.length + wycheproof.wrong.length + rfc8448.failed.length === 0 ? 0 : 1
}

interface LimboResult extends Omit<LimboSummary, 'wrongReject' | 'codes'> {
  readonly wrongReject: readonly string[]
  /** Every id above with its reason, and how far the reference verifiers agree with the expected result. */
  readonly deviations: readonly {
    readonly id: string
    readonly references: string
    readonly reason: string
  }[]
}

async function runAllLimbo(files: readonly string[]): Promise<LimboResult> {
  const agreement = references()
  const result = {
    total: 0,
    ok: 0,
    wrongAccept: [] as string[],
    wrongReject: [] as string[],
    skipped: [] as { id: string; reason: string }[],
    slowest: { id: '', ms: 0 },
    deviations: [] as { id: string; references: string; reason: string }[],
  }
  for (const file of files.filter(isThere)) {
    const one = await runLimbo(file, nodeCrypto)
    result.total += one.total
    result.ok += one.ok
    result.wrongAccept.push(...one.wrongAccept)
    result.wrongReject.push(...one.wrongReject.map(({ id }) => id))
    result.skipped.push(...one.skipped)
    if (one.slowest.ms > result.slowest.ms) result.slowest = one.slowest
    const reasons = new Map(one.wrongReject.map(({ id, reason }) => [id, reason]))
    for (const id of [...one.wrongAccept, ...reasons.keys()]) {
      const reason = deviations[id] ?? reasons.get(id) ?? 'accepted, and no reason on record'
      result.deviations.push({ id, references: agreement.get(id) ?? 'unknown', reason })
    }
  }
  return result
}

/** `consensus`, `some` or `none`, by id. */
function references(): Map<string, string> {
  const path = join(folder, 'x509-limbo-references.json')
  if (!existsSync(path)) return new Map()
  const lists = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  return new Map(
    Object.entries(lists).flatMap(([name, ids]) =>
      Array.isArray(ids) ? ids.map((id) => [String(id), name] as const) : [],
    ),
  )
}

async function runPrimitives(directory: string) {
  if (!isThere(directory)) return { total: 0, ok: 0, wrong: [], skipped: [], files: [] }
  // What this runtime's engine lacks (ML-KEM, before Node 24) is checked as the opt-in packages have it.
  return runWycheproof(directory, withNoble(nodeCrypto))
}

/** The traces of RFC 8448 are a test: its assertions are counted here. */
async function runRfc8448(): Promise<{ total: number; ok: number; failed: readonly string[] }> {
  const args = ['vitest', 'run', '--project', 'node', '--reporter', 'json', 'test/vectors/rfc8448']
  const { stdout } = await promisify(execFile)('npx', args, { maxBuffer: 2 ** 26 }).catch(
    (error: { stdout: string }) => error,
  )
  const report = JSON.parse(stdout.slice(stdout.indexOf('{"num'))) as {
    testResults: readonly { assertionResults: readonly { fullName: string; status: string }[] }[]
  }
  const checks = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'passed' || status === 'failed')
  const failed = checks.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName)
  return { total: checks.length, ok: checks.length - failed.length, failed }
}

function isThere(path: string): boolean {
  if (existsSync(path)) return true
  process.stderr.write(`SKIPPED: nothing at ${path}\n`)
  return false
}

type Results = {
  limbo: LimboResult
  wycheproof: Awaited<ReturnType<typeof runPrimitives>>
  rfc8448: Awaited<ReturnType<typeof runRfc8448>>
}

function print({ limbo, wycheproof, rfc8448 }: Results): void {
  const { id, ms } = limbo.slowest
  const lines = [
    `x509-limbo  ${limbo.ok} of ${limbo.total} as expected, slowest ${id} ${ms.toFixed(0)} ms`,
    ...limbo.deviations.map((one) => `  ${one.id} (references: ${one.references}): ${one.reason}`),
    ...limbo.skipped.map((one) => `  skipped ${one.id}: ${one.reason}`),
    `Wycheproof  ${wycheproof.ok} of ${wycheproof.total} as expected`,
    ...wycheproof.wrong.map((line) => `  ${line}`),
    ...wycheproof.skipped.map((one) => `  skipped ${one.id}: ${one.reason}`),
    `RFC 8448    ${rfc8448.ok} of ${rfc8448.total} checks hold`,
    ...rfc8448.failed.map((line) => `  ${line}`),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
