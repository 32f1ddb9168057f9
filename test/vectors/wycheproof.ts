// Runs files in Wycheproof's formats through a crypto provider and counts. What a group holds is told by its `type`, not by
// the file's name, so any file of those types will do. Shared by the test beside it and by `npm run conformance`.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { concat } from '../../src/bytes/index.js'
import { ecdsaSignatureToDer, hkdfExpand, hkdfExtract } from '../../src/crypto/index.js'
import { mlKem1024, x25519MlKem768 } from '../../src/crypto/mlkem.js'
import type {
  CryptoProvider,
  CurveName,
  Hash,
  HashName,
  KeyKind,
  SignatureAlgorithm,
} from '../../src/crypto/provider.js'
import { curveLengths } from '../../src/crypto/signatures.js'
import { TunnelError } from '../../src/errors.js'
import { sharesOf } from './key-shares.js'

/** A member of a file whose shape depends on the file: hex strings, numbers, nested objects. */
// biome-ignore lint/suspicious/noExplicitAny: foreign JSON; every use below compares what it reads
type Json = any

interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly [member: string]: Json
}

interface Group {
  readonly type: string
  readonly tests: readonly Vector[]
  readonly [member: string]: Json
}

export interface FileSummary {
  readonly file: string
  readonly total: number
  readonly ok: number
  /** Vectors with the wrong outcome, and those that ended in something other than an error of ours. */
  readonly wrong: readonly string[]
  /** Vectors that may go either way, and how they went. */
  readonly acceptable: readonly string[]
  readonly skipped: readonly { readonly id: string; readonly reason: string }[]
}

export interface WycheproofSummary {
  readonly provider: string
  readonly total: number
  readonly ok: number
  readonly wrong: readonly string[]
  readonly skipped: readonly { readonly id: string; readonly reason: string }[]
  readonly files: readonly FileSummary[]
}

/** Every `.json` file of a folder. */
export async function runWycheproof(folder: string, provider: CryptoProvider): Promise<WycheproofSummary> {
  const files: FileSummary[] = []
  for (const name of readdirSync(folder)
    .filter((entry) => entry.endsWith('.json'))
    .sort())
    files.push(await runFile(join(folder, name), provider))
  const sum = (count: (file: FileSummary) => number) => files.reduce((total, file) => total + count(file), 0)
  return {
    provider: provider.name,
    total: sum(({ total }) => total),
    ok: sum(({ ok }) => ok),
    wrong: files.flatMap(({ file, wrong }) => wrong.map((line) => `${file} ${line}`)),
    skipped: files.flatMap(({ skipped }) => skipped),
    files,
  }
}

async function runFile(path: string, provider: CryptoProvider): Promise<FileSummary> {
  const file = basename(path).replace(/(_test)?\.json$/, '')
  const { algorithm, testGroups } = JSON.parse(readFileSync(path, 'utf8')) as {
    algorithm: string
    testGroups: readonly Group[]
  }
  const summary = { file, total: 0, ok: 0, wrong: [] as string[], acceptable: [] as string[] }
  const skipped = new Map<string, number>()
  for (const group of testGroups) {
    const check = checkFor(algorithm, group, provider)
    for (const vector of group.tests) {
      if (typeof check === 'string') {
        skipped.set(check, (skipped.get(check) ?? 0) + 1)
        continue
      }
      const label = `${vector.tcId} ${vector.comment}`
      const outcome = await outcomeOf(check, vector)
      summary.total++
      const right =
        outcome === 'accepted' || outcome === 'refused'
          ? vector.result === 'acceptable' || (outcome === 'accepted') === (vector.result === 'valid')
          : false
      if (right) summary.ok++
      else summary.wrong.push(`${label} (${vector.result}): ${outcome}`)
      if (vector.result === 'acceptable') summary.acceptable.push(`${label}: ${outcome}`)
    }
  }
  const reasons = [...skipped].map(([reason, count]) => ({ id: file, reason: `${count} vectors: ${reason}` }))
  return { ...summary, skipped: reasons }
}

/** Whether the vector's own result came out; throws for what a peer could not make a provider throw. */
type Check = (vector: Vector) => Promise<boolean>

async function outcomeOf(check: Check, vector: Vector): Promise<string> {
  try {
    return (await check(vector)) ? 'accepted' : 'refused'
  } catch (error) {
    return `threw ${error instanceof Error ? error.message : String(error)}`
  }
}

/** The check of a group, or why there is none. */
function checkFor(algorithm: string, group: Group, provider: CryptoProvider): Check | string {
  switch (group.type) {
    case 'AeadTest':
      return aead(algorithm, group, provider)
    case 'MacTest':
      return hmac(algorithm, group, provider)
    case 'HkdfTest':
      return hkdf(algorithm, provider)
    case 'XdhComp':
      return xdh(group, provider)
    case 'EcdhEcpointTest':
      return ecdh(group, provider)
    case 'MLKEMTest':
      return mlKem(group, provider)
    case 'EcdsaVerify':
    case 'EcdsaP1363Verify':
    case 'EddsaVerify':
    case 'RsassaPssVerify':
    case 'RsassaPkcs1Verify':
      return signature(group, provider)
    default:
      return `no use here for groups of type ${group.type}`
  }
}

function aead(algorithm: string, group: Group, provider: CryptoProvider): Check | string {
  // RFC 8446 §5.3: TLS has 96-bit nonces and 128-bit tags only.
  if (group.ivSize !== 96 || group.tagSize !== 128) return 'TLS has 96-bit nonces and 128-bit tags only'
  const name = algorithm === 'AES-GCM' ? `AES-${group.keySize}-GCM` : algorithm
  const found = provider.suites.find((suite) => suite.aead.name === name)?.aead
  if (found === undefined) return `the provider has no ${name}`
  return async (vector) => {
    const key = await found.importKey(bytes(vector.key))
    const [iv, aad, message] = [bytes(vector.iv), bytes(vector.aad), bytes(vector.msg)]
    const sealed = bytes(vector.ct + vector.tag)
    const opened = await refusedBy('ERR_TLS_BAD_RECORD_MAC', async () => key.open(iv, aad, sealed))
    if (opened === undefined) return false
    return same(opened, message) && same(await key.seal(iv, aad, message), sealed)
  }
}

function hmac(algorithm: string, group: Group, provider: CryptoProvider): Check | string {
  const hash = hashOf(algorithm, provider)
  if (hash === undefined) return 'the hash is not one of TLS'
  return async (vector) => {
    await hash.load?.()
    const made = hash.hmac(bytes(vector.key), bytes(vector.msg))
    return same(made.subarray(0, group.tagSize / 8), bytes(vector.tag))
  }
}

function hkdf(algorithm: string, provider: CryptoProvider): Check | string {
  const hash = hashOf(algorithm, provider)
  if (hash === undefined) return 'the hash is not one of TLS'
  return async (vector) => {
    await hash.load?.()
    const prk = hkdfExtract(hash, bytes(vector.salt), bytes(vector.ikm))
    // RFC 5869 §2.3: at most 255 blocks; asking for more is our own mistake.
    const made = await refusedBy('ERR_INTERNAL', async () =>
      hkdfExpand(hash, prk, bytes(vector.info), vector.size),
    )
    return made !== undefined && same(made, bytes(vector.okm))
  }
}

/** `HMACSHA256` and `HKDF-SHA-256` alike end in the hash's name. */
function hashOf(algorithm: string, provider: CryptoProvider): Hash | undefined {
  const bits = /SHA-?(\d+)$/.exec(algorithm)?.[1]
  return Object.values(provider.hashes).find(({ name }) => name === `SHA-${bits}`)
}

function xdh(group: Group, provider: CryptoProvider): Check | string {
  const share = group.curve === 'curve25519' ? sharesOf(provider).X25519 : undefined
  if (share === undefined) return `the provider has no ${group.curve}`
  return async (vector) => {
    const own = await share(bytes(vector.private))
    const made = await refusedBy('ERR_TLS_KEY_SHARE', async () => own.derive(bytes(vector.public)))
    const expected = bytes(vector.shared)
    // RFC 8446 §7.4.2: an all-zero secret MUST be refused; any other is what RFC 7748 makes of it, twist or not.
    const zero = expected.every((byte) => byte === 0)
    return zero ? made === undefined : made !== undefined && same(made, expected)
  }
}

function ecdh(group: Group, provider: CryptoProvider): Check | string {
  const share = sharesOf(provider)[group.curve as 'secp256r1']
  if (share === undefined) return `the provider has no ${group.curve}`
  return async (vector) => {
    const own = await share(bytes(vector.private))
    const made = await refusedBy('ERR_TLS_KEY_SHARE', async () => own.derive(bytes(vector.public)))
    return made !== undefined && same(made, bytes(vector.shared))
  }
}

/** Decapsulation, the client's half, by the group that is made of it; no client encapsulates. */
function mlKem(group: Group, provider: CryptoProvider): Check | string {
  const { mlKem: keyOf } = sharesOf(provider)
  const size = group.parameterSet === 'ML-KEM-768' ? 768 : group.parameterSet === 'ML-KEM-1024' ? 1024 : 0
  if (size === 0) return `TLS has no group with ${group.parameterSet}`
  if (keyOf === undefined) return `the provider makes no ${group.parameterSet} key of a given seed`
  const x25519 = provider.groups.find(({ name }) => name === 'X25519')!
  return async (vector) => {
    const key = await refusedBy('ERR_CRYPTO_KEY', async () => keyOf(size, bytes(vector.seed)))
    if (key === undefined) return false
    if (!same(key.publicKey, bytes(vector.ek))) return false
    const made = size === 768 ? x25519MlKem768(() => key, x25519) : mlKem1024(() => key)
    const own = await made.generate()
    const rest = size === 768 ? (await x25519.generate()).publicKey : new Uint8Array(0)
    const share = concat(bytes(vector.c), rest)
    const secret = await refusedBy('ERR_TLS_KEY_SHARE', async () => own.derive(share))
    return secret !== undefined && same(secret.subarray(0, 32), bytes(vector.K))
  }
}

const curves: Record<string, CurveName> = { secp256r1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

function signature(group: Group, provider: CryptoProvider): Check | string {
  const key = keyKind(group)
  const algorithm = signatureAlgorithm(group)
  if (key === undefined || algorithm === undefined) return 'the key or the algorithm is not one of TLS'
  if (!provider.canVerify(algorithm)) return `the provider does not verify ${algorithm.kind}`
  const publicKey = { key, spki: bytes(group.publicKeyDer) }
  return async (vector) => {
    let signed = bytes(vector.sig)
    if (group.type === 'EcdsaP1363Verify' && key.kind === 'ec') {
      // r || s of another length has no DER: such a signature cannot reach a provider.
      if (signed.length !== 2 * curveLengths[key.curve]) return false
      signed = ecdsaSignatureToDer(signed)
    }
    return provider.verify(algorithm, publicKey, signed, bytes(vector.msg))
  }
}

function keyKind(group: Group): KeyKind | undefined {
  if (group.type === 'EddsaVerify')
    return group.publicKey.curve === 'edwards25519' ? { kind: 'ed25519' } : undefined
  if (group.type.startsWith('Rsa')) return { kind: 'rsa', bits: group.keySize, pss: false }
  const curve = curves[group.publicKey.curve]
  return curve && { kind: 'ec', curve }
}

function signatureAlgorithm(group: Group): SignatureAlgorithm | undefined {
  if (group.type === 'EddsaVerify') return { kind: 'ed25519' }
  const hash = (['SHA-256', 'SHA-384', 'SHA-512'] as HashName[]).find((name) => name === group.sha)
  if (hash === undefined) return undefined
  if (group.type === 'RsassaPkcs1Verify') return { kind: 'rsa-pkcs1', hash }
  if (group.type !== 'RsassaPssVerify') return { kind: 'ecdsa', hash }
  return group.mgfSha === hash ? { kind: 'rsa-pss', hash, saltLength: group.sLen } : undefined
}

/** The result, or undefined when our error of that code ended it; any other error is a finding. */
async function refusedBy<T>(code: string, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof TunnelError && error.code === code) return undefined
    throw error
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function bytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
