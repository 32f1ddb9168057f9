// Reads the Wycheproof files that lie beside the checkout (../shared/conformance/wycheproof). A fresh machine has none:
// then the suites are skipped, and say so.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { forgeCrypto, webcrypto } from '../../src/crypto/index.js'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'

const folder = fileURLToPath(new URL('../../../shared/conformance/wycheproof/', import.meta.url))

export const present: boolean = existsSync(folder)
if (!present)
  console.warn(`SKIPPED: no Wycheproof vectors at ${folder}; the primitives are not checked against them`)

export const providers: readonly CryptoProvider[] = [
  nodeCrypto,
  webcrypto(globalThis.crypto),
  forgeCrypto(nodeCrypto),
]

/** A member of a file whose shape depends on the file: hex strings, numbers, nested objects. */
// biome-ignore lint/suspicious/noExplicitAny: foreign JSON; every use below asserts on what it reads
type Json = any

export interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly flags: readonly string[]
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly [member: string]: Json
}

export interface Group {
  readonly tests: readonly Vector[]
  readonly [member: string]: Json
}

export function groups(file: string): readonly Group[] {
  return (JSON.parse(readFileSync(`${folder}${file}_test.json`, 'utf8')) as { testGroups: Group[] })
    .testGroups
}

/** What came of a run over one file: asserted whole, so that a failure names its vectors. */
export interface Tally {
  count: number
  /** Vectors that may go either way, and how they went. */
  acceptable: string[]
  wrong: string[]
}

export function tally(): Tally {
  return { count: 0, acceptable: [], wrong: [] }
}

/** Book one outcome: `ok` is what the provider said. */
export function book(into: Tally, vector: Vector, ok: boolean): void {
  into.count++
  if (vector.result === 'acceptable')
    into.acceptable.push(`${vector.tcId} ${vector.comment}: ${ok ? 'accepted' : 'refused'}`)
  else if (ok !== (vector.result === 'valid'))
    into.wrong.push(`${vector.tcId} ${vector.comment} (${vector.result})`)
}

export function bytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
