// Bundles the published entry points from their sources, for the size table and the bleed check: what a user's bundler
// makes of `dist`.
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { type BuildOptions, build, type Metafile, type OutputFile, type Plugin } from 'esbuild'
import { publishedDigests } from './forge-digests.js'

/** A published entry point: `underpass/browser` is `{ name: 'underpass/browser', source: 'src/platform/browser/index.ts' }`. */
export interface EntryPoint {
  readonly name: string
  readonly source: string
  /** What the bundle is for; decides which of a dependency's files are taken. */
  readonly runtime: 'portable' | 'browser' | 'workerd' | 'node'
}

export interface Bundle {
  readonly text: string
  /** What is left outside: built-in modules, and packages when they were left out on purpose. */
  readonly external: readonly string[]
  /** Files inside, paths from the project root. */
  readonly inputs: readonly string[]
}

/**
 * Bytes, minified, of what is loaded at once, as one file; what is imported lazily (`import()`) is fetched by who needs it.
 * This is the least that a bundler can make of it, and what budgets are for.
 */
export interface Size extends Weight {
  readonly name: string
  /** The same as a bundler has it that also makes the lazy chunks: what they share with it stays whole, in files of its own. */
  readonly split: { readonly gzip: number; readonly files: number }
  /** What else there is to be fetched, each by itself. A chunk's name is its module's. */
  readonly lazy: ReadonlyArray<Weight & { readonly name: string }>
}

interface Weight {
  readonly minified: number
  readonly gzip: number
  readonly brotli: number
}

/** The entry points of package.json. */
export function entryPoints(): EntryPoint[] {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  }
  return Object.entries(manifest.exports).flatMap(([key, target]) => {
    if (typeof target === 'string') return []
    const source = target.default.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts')
    return [{ name: key.replace(/^\./, 'underpass'), source, runtime: runtimeOf(key) }]
  })
}

/** One ESM file. `packages: 'external'` leaves dependencies out, to look at our own code alone. */
export async function bundle(
  entry: EntryPoint,
  options: { readonly minify?: boolean; readonly packages?: 'bundle' | 'external' } = {},
): Promise<Bundle> {
  const result = await build({ ...settings(entry, options.packages), minify: options.minify ?? false })
  const outputs = Object.values(result.metafile.outputs)
  const external = outputs.flatMap(({ imports }) => imports.filter((each) => each.external))
  return {
    text: textOf(result.outputFiles),
    external: [...new Set(external.map(({ path }) => path))].sort(),
    inputs: Object.keys(result.metafile.inputs).sort(),
  }
}

/** What a source file needs from outside as soon as it is loaded; what it imports lazily is not counted. */
export async function neededAtOnce(source: string): Promise<string[]> {
  const options = settings({ name: source, source, runtime: 'node' }, 'external')
  const { metafile } = await build({ ...options, plugins: [lazyOutside, publishedDigests] })
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports)
  const needed = imports.filter(({ external, kind }) => external === true && kind === 'import-statement')
  return [...new Set(needed.map(({ path }) => path))].sort()
}

/** Which of these globals our own code uses in the entry point. Members, strings and local names of the same spelling do not count. */
export async function globalsUsed(entry: EntryPoint, names: readonly string[]): Promise<string[]> {
  return globalsIn(settings(entry, 'external'), names)
}

/** The same for a piece of code. */
export async function globalsUsedBy(code: string, names: readonly string[]): Promise<string[]> {
  return globalsIn({ stdin: { contents: code }, write: false, format: 'esm' }, names)
}

// esbuild knows scopes: it replaces a name by its definition only where the name is really the global.
async function globalsIn(
  base: BuildOptions & { readonly write: false },
  names: readonly string[],
): Promise<string[]> {
  const define = Object.fromEntries(
    names.flatMap((name) => [name, `globalThis.${name}`].map((key) => [key, `$global$${name}`])),
  )
  const result = await build({ ...base, define })
  const text = textOf(result.outputFiles)
  return names.filter((name) => new RegExp(`\\$global\\$${name}(?![\\w$])`).test(text))
}

function settings(entry: EntryPoint, packages: 'bundle' | 'external' = 'bundle') {
  return {
    entryPoints: [entry.source],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2023',
    platform: entry.runtime === 'node' ? 'node' : 'browser',
    conditions: entry.runtime === 'workerd' ? ['workerd', 'worker'] : [],
    // `node:*` is left to be found by the bleed check, rather than to fail here.
    external: ['cloudflare:*', 'node:*'],
    packages,
    // Comments may name what code may not.
    minifyWhitespace: true,
    legalComments: 'none',
    plugins: [publishedDigests],
    logLevel: 'silent',
  } as const satisfies BuildOptions
}

function textOf(outputs: readonly OutputFile[] | undefined): string {
  return outputs?.[0]?.text ?? ''
}

/** Minified and compressed sizes of an entry point with its dependencies inside: at once, and chunk by chunk what is lazy. */
export async function sizeOf(entry: EntryPoint): Promise<Size> {
  const [one, { metafile, outputFiles, atOnce }] = await Promise.all([buildAtOnce(entry), buildSplit(entry)])
  const chunks = outputFiles.map(({ path, text }) => ({ path: relative('', path), ...weigh(text) }))
  const early = chunks.filter(({ path }) => atOnce.has(path))
  const lazy = chunks
    .filter(({ path }) => !atOnce.has(path))
    .map(({ path, ...weight }) => ({ name: chunkName(metafile.outputs[path]!), ...weight }))
    .sort((a, b) => a.name.localeCompare(b.name))
  const split = { gzip: early.reduce((sum, { gzip }) => sum + gzip, 0), files: early.length }
  return { name: entry.name, ...weigh(textOf(one.outputFiles)), split, lazy }
}

/** Files that an entry point loads at once when it is split, paths from the project root. */
export async function loadedAtOnce(entry: EntryPoint): Promise<string[]> {
  const { metafile, atOnce } = await buildSplit(entry)
  const inputs = [...atOnce].flatMap((path) => Object.entries(metafile.outputs[path]!.inputs))
  return inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])).sort()
}

function buildAtOnce(entry: EntryPoint) {
  return build({ ...settings(entry), minify: true, plugins: [lazyOutside, publishedDigests] })
}

/** In chunks, as bundlers do; `atOnce` are those that come with the entry point. */
async function buildSplit(entry: EntryPoint) {
  const split = { minify: true, splitting: true, outdir: 'out' }
  const { metafile, outputFiles } = await build({ ...settings(entry), ...split })
  const { outputs } = metafile
  const start = Object.keys(outputs).find((path) => outputs[path]!.entryPoint === entry.source)!
  return { metafile, outputFiles, atOnce: reachable(outputs, start) }
}

/** The chunks that come with one: those it imports, but not lazily. */
function reachable(outputs: Metafile['outputs'], from: string, found = new Set<string>()): Set<string> {
  if (found.has(from)) return found
  found.add(from)
  for (const { path, kind, external } of outputs[from]!.imports)
    if (kind === 'import-statement' && external !== true) reachable(outputs, path, found)
  return found
}

/** The module that is imported lazily; of a chunk that several of them share, what is in it. */
function chunkName({ entryPoint, inputs }: Metafile['outputs'][string]): string {
  const modules = entryPoint === undefined ? Object.keys(inputs) : [entryPoint]
  return modules.map((path) => path.replace(/^src\/|\.ts$/g, '')).join(' + ')
}

function weigh(text: string): Weight {
  return {
    minified: Buffer.byteLength(text),
    gzip: gzipSync(text, { level: 9 }).length,
    brotli: brotliCompressSync(text).length,
  }
}

/** Leaves out what is imported lazily. */
const lazyOutside: Plugin = {
  name: 'lazy-outside',
  setup({ onResolve }) {
    onResolve({ filter: /.*/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    )
  },
}

/** Bytes after gzip that an entry point may weigh. */
export const budgets: Readonly<Record<string, number>> = {
  'underpass/browser': 40_000,
  'underpass/workerd': 40_000,
}

function runtimeOf(key: string): EntryPoint['runtime'] {
  if (['.', './errors', './crypto/noble'].includes(key)) return 'portable'
  if (key === './browser') return 'browser'
  if (key === './workerd') return 'workerd'
  return 'node'
}
