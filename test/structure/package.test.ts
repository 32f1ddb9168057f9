// What npm publishes: each entry point has its types first, each target is built, and nothing else goes along.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestNames, publishedDigest } from '../../scripts/forge-digests.js'
import { projectRoot } from './source.js'

interface Manifest {
  readonly type: string
  readonly sideEffects: readonly string[]
  readonly files: readonly string[]
  readonly bin: Readonly<Record<string, string>>
  readonly engines: { readonly node: string }
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as Manifest

const targets = Object.entries(manifest.exports).flatMap(([key, target]) =>
  typeof target === 'string' ? [] : [{ key, target }],
)

describe('package.json', () => {
  it('is ESM, with side effects in one file alone, for the Node versions that are tested', () => {
    expect(manifest.type).toBe('module')
    expect(manifest.sideEffects).toEqual([
      './dist/errors-node.js',
      // It holds that file.
      './dist/node/core.js',
      './src/errors-node.ts',
    ])
    expect(manifest.engines.node).toBe('>=20.19')
  })

  it('publishes the entry points of the design', () => {
    expect(Object.keys(manifest.exports)).toEqual(
      expect.arrayContaining([
        '.',
        './node',
        './workerd',
        './browser',
        './duplex',
        './gateway',
        './errors',
        './crypto/noble',
        './package.json',
      ]),
    )
  })

  it.each(targets)('$key names its types first and a default last', ({ target }) => {
    expect(Object.keys(target)[0]).toBe('types')
    expect(Object.keys(target).at(-1)).toBe('default')
  })

  // Each with its reason in docs/decisions.md. The library itself takes node-forge; all others serve command line and gateway.
  it('depends at runtime on few packages', () => {
    const names = ['node-forge', 'pino', 'prom-client', 'smol-toml', 'ws', 'yaml']
    expect(Object.keys(manifest.dependencies).sort()).toEqual(names)
    const decisions = readFileSync(join(projectRoot, 'docs/decisions.md'), 'utf8')
    expect(names.filter((name) => !decisions.includes(`\`${name}\``))).toEqual([])
  })

  it('asks nobody for @noble who does not want it', () => {
    const peers = Object.keys(manifest.peerDependencies)
    expect(peers).toEqual(['@noble/ciphers', '@noble/curves', '@noble/post-quantum'])
    expect(peers.filter((name) => manifest.peerDependenciesMeta[name]?.optional !== true)).toEqual([])
  })

  it('pins every dependency', () => {
    expect(Object.values(manifest.dependencies).filter((range) => !/^\d+\.\d+\.\d+$/.test(range))).toEqual([])
  })

  it('publishes only files that exist', () => {
    const named = manifest.files.filter((path) => path !== 'dist' && !path.startsWith('!dist/'))
    const absent = named.filter((path) => !existsSync(join(projectRoot, path)))
    expect(absent).toEqual([])
  })
})

describe('a build', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(projectRoot, 'node_modules', '.underpass-build-'))
    const tsc = join(projectRoot, 'node_modules', '.bin', 'tsc')
    const run = promisify(execFile)
    await run(tsc, ['-p', 'tsconfig.build.json', '--outDir', folder], { cwd: projectRoot })
    for (const step of ['forge-digests', 'node-chunks'])
      await run(process.execPath, ['scripts/run.mjs', step, folder], { cwd: projectRoot })
  }, 120_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each([...targets.flatMap(({ target }) => Object.values(target)), ...Object.values(manifest.bin)])(
    'makes %s',
    (path) => {
      expect(existsSync(join(folder, path.replace(/^\.\/dist\//, '')))).toBe(true)
    },
  )

  it.each(digestNames)('has its own %s, for which node-forge is not loaded', async (name) => {
    const path = join(folder, 'crypto', `forge-${name}.js`)
    expect(readFileSync(path, 'utf8')).toBe(publishedDigest(name))
    expect(existsSync(`${path}.map`)).toBe(false)
    const made = await import(pathToFileURL(path).href)
    const digest: string = made[name].create().update('abc').digest().bytes()
    expect(Buffer.from(digest, 'latin1').toString('hex')).toBe(createHash(name).update('abc').digest('hex'))
  })

  it.each(Object.values(manifest.bin))('%s begins with a shebang', (path) => {
    const text = readFileSync(join(folder, path.replace(/^\.\/dist\//, '')), 'utf8')
    expect(text).toMatch(/^#!\/usr\/bin\/env node\n/)
  })
})

describe('npm pack', () => {
  it('takes the build, the documents and nothing else', { timeout: 60_000 }, async () => {
    const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: projectRoot,
    })
    const [packed] = JSON.parse(stdout) as [{ files: ReadonlyArray<{ path: string }> }]
    const paths = packed.files.map(({ path }) => path)
    const expected =
      /^(dist\/.*|src\/.*\.ts|docs\/(?:(?:errors|gateway)\.md|schemas\/gateway\.json)|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md|THIRD-PARTY-NOTICES|package\.json)$/
    expect(paths.filter((path) => !expected.test(path))).toEqual([])
    expect(paths).toEqual(
      expect.arrayContaining([
        'package.json',
        'README.md',
        'LICENSE',
        'docs/errors.md',
        'THIRD-PARTY-NOTICES',
      ]),
    )
  })
})
