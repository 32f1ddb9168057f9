// The Worker as `wrangler deploy` would send it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'
import { refusalCodes } from '../../worker/refusal.js'
import { endings } from '../../worker/relay.js'
import { projectRoot } from '../structure/source.js'
import { bundleWorker, compatibilityDate, type WorkerBundle } from './support.js'

describe('npx wrangler deploy --dry-run', () => {
  let bundle: WorkerBundle
  beforeAll(async () => {
    bundle = await bundleWorker()
  })

  it('passes without a complaint', () => {
    expect(bundle.output).toContain('--dry-run: exiting now.')
    expect(bundle.output).not.toMatch(/warning|error/i)
  })

  it('weighs less than a megabyte compressed, by far', () => {
    const compressed = gzipSync(bundle.script).length
    expect(compressed).toBeLessThan(250_000)
  })

  it('has little to evaluate when it starts, and no database driver in it', async () => {
    // What there is beyond size workerd sees to: randomness, timers and I/O outside a request are refused, and every test
    // here starts the script.
    const { outputs } = await bundleInChunks()
    const atOnce = new Set<string>()
    const visit = (path: string) => {
      if (atOnce.has(path)) return
      atOnce.add(path)
      for (const each of outputs[path]!.imports)
        if (each.kind === 'import-statement' && !each.external) visit(each.path)
    }
    visit(Object.keys(outputs).find((path) => outputs[path]!.entryPoint === 'worker/index.ts')!)
    const chunks = [...atOnce].map((path) => outputs[path]!)
    expect(chunks.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(230_000)
    const packages = chunks.flatMap(({ inputs }) =>
      Object.keys(inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
    )
    expect([...new Set(packages)].sort()).toEqual(['jose', 'node-forge'])
    const outside = chunks.flatMap(({ imports }) => imports.filter(({ external }) => external))
    expect(outside.map(({ path, kind }) => `${path} ${kind}`).sort()).toEqual([
      'node:stream import-statement',
      'pg dynamic-import',
    ])
  })

  it('evaluates no text as code', () => {
    expect(bundle.script).not.toMatch(/(?<![\w$.])eval\s*\(|\bnew Function\b/)
  })
})

describe('worker/', () => {
  const sources = readdirSync(join(projectRoot, 'worker')).filter((name) => /(?<!\.d)\.ts$/.test(name))

  it('uses the published doors of the library, jose and pg', () => {
    const imported = sources.flatMap((name) => {
      const text = readFileSync(join(projectRoot, 'worker', name), 'utf8')
      return [...text.matchAll(/(?:\bfrom |\bimport\()'([^']+)'/g)].map((match) => match[1]!)
    })
    const outside = [...new Set(imported)].filter((specifier) => !/^\.\/[\w-]+\.js$/.test(specifier))
    expect(outside.sort()).toEqual(['jose', 'pg', 'underpass/duplex', 'underpass/workerd'])
  })

  it('has no refusal that no test asserts', () => {
    const tests = readdirSync(join(projectRoot, 'test', 'worker')).map((name) =>
      readFileSync(join(projectRoot, 'test', 'worker', name), 'utf8'),
    )
    // ERR_INTERNAL is a bug: nobody can ask for one.
    const unasserted = [...refusalCodes, ...Object.values(endings).map(([, code]) => code)].filter(
      (code) => code !== 'ERR_INTERNAL' && !tests.some((text) => text.includes(`'${code}'`)),
    )
    expect(unasserted).toEqual([])
  })
})

describe('wrangler.toml', () => {
  const text = readFileSync(join(projectRoot, 'wrangler.toml'), 'utf8')
  const deployed = text.slice(0, text.indexOf('[env.dev'))

  it('begins with its schema, has the date that the tests run with, and observability', () => {
    expect(text.split('\n')[0]).toBe('#:schema node_modules/wrangler/config-schema.json')
    expect(text).toContain(`compatibility_date = "${compatibilityDate}"`)
    expect(text).toMatch(/\[observability\]\nenabled = true/)
    expect(text).toContain('send_metrics = false')
  })

  it('lets nobody anywhere', () => {
    const entries = deployed.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const vars = entries.slice(entries.indexOf('[vars]'), entries.indexOf('[[ratelimits]]'))
    expect(vars).toEqual(['[vars]', 'ALLOWED_ORIGINS = ""', '[vars.JWT]', '[vars.TARGETS]', '[vars.LIMITS]'])
  })
})

/** What a bundler with chunks makes of it: which modules come at once, and which when they are asked for. */
async function bundleInChunks(): Promise<Metafile> {
  const source = (path: string) => join(projectRoot, 'src', path)
  const { metafile } = await build({
    absWorkingDir: projectRoot,
    entryPoints: ['worker/index.ts'],
    outdir: 'out',
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2023',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*', 'pg'],
    alias: {
      'underpass/workerd': source('platform/workerd/index.ts'),
      'underpass/duplex': source('duplex/index.ts'),
    },
  })
  return metafile
}
