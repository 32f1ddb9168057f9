// Secrets are compared in constant time: who holds one in a variable of a telling name never hands it to `===`, `equal`,
// `Buffer.compare` or a method that stops at the first difference.
import { describe, expect, it } from 'vitest'
import { sourceFiles } from './source.js'

const files = [...sourceFiles('src'), ...sourceFiles('worker')].filter(
  ({ path }) =>
    !path.endsWith('.d.ts') &&
    !path.startsWith('worker/worker-configuration') &&
    !path.startsWith('worker/console'),
)

const secret = String.raw`(?:\w+\.)*(?:\w*(?:[pP]assword|[pP]assphrase|[sS]ecret|[tT]oken|verifyData|[mM]ac|[pP]sk)|expectedTag)`
const early = [
  new RegExp(
    String.raw`(?<!typeof )\b${secret}\s*[!=]==?\s*(?!undefined|null|true|false|''|""|typeof|\d)[\w'"]`,
  ),
  new RegExp(String.raw`(?<!typeof )\b[\w.\])]+\s*[!=]==?\s*${secret}\b(?!\s*[.(\[])`),
  new RegExp(String.raw`\b(?:equal|compare|sameBytes)\(\s*${secret}\b`),
  new RegExp(String.raw`\b${secret}\.(?:equals|startsWith|localeCompare)\(`),
]

/** Lines that match and compare nothing secret, with the reason. */
const innocent: ReadonlyArray<readonly [RegExp, string]> = [
  [/tokens\.some\(\(token\) => token !== protocol\)/, 'words of the Upgrade field'],
  [/typeof token !== 'string'/, 'a type'],
]

function found(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => !/^\s*(?:\/\/|\*|\/\*)/.test(line))
    .filter((line) => early.some((pattern) => pattern.test(line)))
    .filter((line) => !innocent.some(([pattern]) => pattern.test(line)))
}

describe('comparisons of secrets', () => {
  it('would be found', () => {
    for (const line of [
      'if (password === expected.password) return',
      'return given.token !== token',
      'if (equal(verifyData, expected)) return',
      'if (expectedMac.equals(mac)) return',
    ])
      expect(found(line)).toHaveLength(1)
    expect(found('if (password === undefined) return')).toEqual([])
  })

  it('do not stop at the first difference', () => {
    expect(files.length).toBeGreaterThan(200)
    expect(files.flatMap(({ path, text }) => found(text).map((line) => `${path}: ${line.trim()}`))).toEqual(
      [],
    )
  })

  it.each([
    ['src/tls/proofs.ts', 'equalConstantTime('],
    ['src/crypto/forge.ts', 'equalConstantTime('],
    ['src/proxy/socks5.ts', 'equalConstantTime('],
    ['src/proxy/connect-request.ts', 'equalConstantTime('],
    ['worker/credentials.ts', 'timingSafeEqual('],
  ])('are made in %s by %s', (path, call) => {
    expect(files.find((file) => file.path === path)?.text).toContain(call)
  })
})
