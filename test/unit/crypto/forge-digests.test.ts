// What npm publishes in place of node-forge's digests: the same code on a buffer of ours must give the same digests.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { build } from 'esbuild'
import sha1 from 'node-forge/lib/sha1.js'
import sha256 from 'node-forge/lib/sha256.js'
import sha512 from 'node-forge/lib/sha512.js'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { digestNames, publishedDigests } from '../../../scripts/forge-digests.js'
import { fromLatin1, hex, latin1 } from '../../../src/bytes/index.js'
import { cubeRootWords } from '../../../src/crypto/forge-buffer.js'

type Published = Record<'sha1' | 'sha256', typeof sha256> & { sha512: typeof sha512 }

let published: Published
let text: string
beforeAll(async () => {
  const contents = digestNames.map((name) => `export * from './src/crypto/forge-${name}.js'`).join('\n')
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    plugins: [publishedDigests],
  })
  text = outputFiles[0]!.text
  published = await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`)
})

const cases = [
  { name: 'sha1', original: () => sha1.create(), made: () => published.sha1.create() },
  { name: 'sha256', original: () => sha256.create(), made: () => published.sha256.create() },
  {
    name: 'sha384',
    original: () => sha512.create('SHA-384'),
    made: () => published.sha512.create('SHA-384'),
  },
  { name: 'sha512', original: () => sha512.create(), made: () => published.sha512.create() },
  ...['SHA-512/256', 'SHA-512/224'].map((algorithm) => ({
    name: algorithm.toLowerCase().replace('-', '').replace('/', '-'),
    // Nothing here asks for them; they are in the text that is changed.
    original: () => sha512.create(algorithm as 'SHA-512'),
    made: () => published.sha512.create(algorithm as 'SHA-512'),
  })),
]
const binary = (length: number, seed: number) =>
  fromLatin1(Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 31 + (i >> 8)) & 255))
const read = (digest: { bytes(): string }) => hex(latin1(digest.bytes()))

describe.each(cases)('$name as published', ({ name, original, made }) => {
  it('agrees with node-forge and with OpenSSL at every length up to 300', () => {
    for (let length = 0; length <= 300; length++) {
      const data = binary(length, length)
      const digest = read(made().update(data).digest())
      expect(digest).toBe(read(original().update(data).digest()))
      expect(digest).toBe(createHash(name).update(data, 'latin1').digest('hex'))
    }
  })

  it('agrees over long input, in one piece and in uneven ones, read on the way and twice', () => {
    const theirs = original()
    const ours = made()
    const openssl = createHash(name)
    for (const [at, length] of [65_536, 1, 63, 65_536, 127, 4096, 65_535, 2049].entries()) {
      const data = binary(length, at)
      theirs.update(data)
      openssl.update(data, 'latin1')
      ours.update(data)
      const digest = read(ours.digest())
      expect(digest).toBe(read(theirs.digest()))
      expect(digest).toBe(read(ours.digest()))
      expect(digest).toBe(openssl.copy().digest('hex'))
    }
    ours.start()
    expect(read(ours.digest())).toBe(createHash(name).digest('hex'))
  })

  it('keeps two running digests apart', () => {
    const [a, b] = [made(), made()]
    a.update('a')
    b.update('b')
    a.update('c')
    expect(read(a.digest())).toBe(createHash(name).update('ac').digest('hex'))
    expect(read(b.digest())).toBe(createHash(name).update('b').digest('hex'))
  })
})

it('computes the constants that node-forge has in a table, far from where rounding could change one', () => {
  const table = /_k = \[([^\]]*)\]/.exec(readFileSync('node_modules/node-forge/lib/sha256.js', 'utf8'))![1]!
  expect([...cubeRootWords(64)]).toEqual(table.split(',').map(Number))
  // An engine's cube root may be off by a few units in the last place: 2^-50 of these, 2^-18 of a word.
  for (const off of [1 - 2 ** -49, 1 + 2 ** -49]) {
    const cbrt = vi.spyOn(Math, 'cbrt').mockImplementation((x) => x ** (1 / 3) * off)
    expect([...cubeRootWords(64)]).toEqual(table.split(',').map(Number))
    cbrt.mockRestore()
  }
})

it('the published digests need nothing else of node-forge, and say whose they are and what is changed', () => {
  expect(text).not.toMatch(/\brequire\b|ByteStringBuffer|usePureJavaScript/)
  // A word of 64 bits is no array of its own any more, anywhere.
  expect(text).not.toMatch(/\]\[/)
  expect(
    text.match(/\/\*! sha\d+ of node-forge \d+\.\d+\.\d+, .*BSD-3-Clause: see THIRD-PARTY-NOTICES/g),
  ).toHaveLength(3)
  expect(text.match(/\/\*! sha(256|512) .*, with its words in typed arrays\./g)).toHaveLength(2)
})
