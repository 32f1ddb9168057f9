// Bundles the published entry points from their sources, for the size table and the bleed check.
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { type BuildOptions, build, type Metafile, type OutputFile } from 'esbuild'

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

/** Bytes, minified. What is imported lazily (`import()`) is loaded by users who need it, and counted apart. */
export interface Size {
  readonly name: string
  readonly minified: number
  readonly gzip: number
  readonly brotli: number
  readonly lazyGzip: number
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
  const entry: EntryPoint = { name: source, source, runtime: 'node' }
  const { metafile } = await build({ ...settings(entry, 'external'), splitting: true, outdir: 'needed' })
  const outputs = [...loadedAtOnce(metafile.outputs, source)].map((path) => metafile.outputs[path])
  const imports = outputs.flatMap((output) => output?.imports ?? [])
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
    logLevel: 'silent',
  } as const satisfies BuildOptions
}

function textOf(outputs: readonly OutputFile[] | undefined): string {
  return outputs?.[0]?.text ?? ''
}

/** Minified and compressed sizes of an entry point with everything it needs inside. */
export async function sizeOf(entry: EntryPoint): Promise<Size> {
  const { outputFiles, metafile } = await build({
    ...settings(entry),
    minify: true,
    splitting: true,
    outdir: 'size',
    absWorkingDir: process.cwd(),
  })
  const atOnce = loadedAtOnce(metafile.outputs, entry.source)
  const sizes = outputFiles.map(({ path, contents }) => ({
    atOnce: atOnce.has(relative(process.cwd(), path)),
    minified: contents.length,
    gzip: gzipSync(contents, { level: 9 }).length,
    brotli: brotliCompressSync(contents).length,
  }))
  const sum = (field: 'minified' | 'gzip' | 'brotli', when: boolean): number =>
    sizes.filter((size) => size.atOnce === when).reduce((total, size) => total + size[field], 0)
  return {
    name: entry.name,
    minified: sum('minified', true),
    gzip: sum('gzip', true),
    brotli: sum('brotli', true),
    lazyGzip: sum('gzip', false),
  }
}

/** The output files that the entry point's own file imports statically, itself included. */
function loadedAtOnce(outputs: Metafile['outputs'], source: string): Set<string> {
  const found = new Set<string>()
  const visit = (path: string): void => {
    const output = outputs[path]
    if (output === undefined || found.has(path)) return
    found.add(path)
    for (const each of output.imports) if (each.kind === 'import-statement') visit(each.path)
  }
  for (const [path, { entryPoint }] of Object.entries(outputs)) if (entryPoint === source) visit(path)
  return found
}

/** Bytes after gzip that an entry point may weigh. */
export const budgets: Readonly<Record<string, number>> = { 'underpass/browser': 40_000 }

function runtimeOf(key: string): EntryPoint['runtime'] {
  if (key === '.') return 'portable'
  if (key === './browser') return 'browser'
  if (key === './workerd') return 'workerd'
  return 'node'
}
