// `node scripts/run.mjs console [folder]`: the browser console, bundled for the Worker's assets (worker/console/dist) or
// for the folder named. wrangler runs it before it bundles the Worker. The same sources make the same files, and only
// what differs is written: several builds at a time do not disturb whoever reads.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type Plugin } from 'esbuild'
import { immutable, pageHeaders } from '../src/gateway/pages.js'
import { publishedDigests } from './forge-digests.js'
import { notices } from './notices.js'

const source = join('worker', 'console')

/** Bytes after gzip of what the page fetches before anybody has pressed anything. */
export const initialBudget = 80_000

export interface ConsoleFile {
  /** From the folder's root, with slashes. */
  readonly path: string
  readonly contents: Uint8Array
  /** Fetched at once, rather than when it is needed. */
  readonly initial: boolean
}

export async function main([folder = join(source, 'dist')]: readonly string[]): Promise<number> {
  const files = await buildConsole()
  writeConsole(files, folder)
  const initial = files.filter((file) => file.initial)
  process.stderr.write(`${folder}: ${files.length} files, ${weigh(initial)} bytes gz at once\n`)
  return 0
}

/** What the page weighs, compressed. */
export function weigh(files: readonly ConsoleFile[]): number {
  return files.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0)
}

export async function buildConsole(): Promise<ConsoleFile[]> {
  const { outputFiles, metafile } = await build({
    entryPoints: [
      join(source, 'main.ts'),
      join(source, 'main.css'),
      join(source, 'terminal', 'terminal.css'),
    ],
    outdir: 'out',
    outbase: source,
    entryNames: '[name]',
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    plugins: [library, nodeShims, nodeGlobals, publishedDigests],
    logLevel: 'warning',
  })
  const root = resolve('out')
  const atOnce = reachable(metafile.outputs, 'out/main.js')
  const bundled = outputFiles.map(({ path, contents }) => {
    const name = relative(root, path).replaceAll('\\', '/')
    return { path: name, contents, initial: atOnce.has(`out/${name}`) || name === 'main.css' }
  })
  return [
    ...bundled,
    { path: 'index.html', contents: Buffer.from(indexPage([...atOnce])), initial: true },
    { path: 'icon.svg', contents: readFileSync(join(source, 'icon.svg')), initial: true },
    { path: '_headers', contents: Buffer.from(headersFile()), initial: false },
    { path: 'licences.txt', contents: Buffer.from(notices(Object.keys(metafile.inputs))), initial: false },
  ]
}

/** The page, telling the browser at once what its script will ask for. */
function indexPage(atOnce: readonly string[]): string {
  const chunks = atOnce.filter((path) => path !== 'out/main.js').map((path) => path.replace(/^out/, ''))
  const links = chunks.sort().map((path) => `<link rel="modulepreload" href="${path}">\n`)
  return readFileSync(join(source, 'index.html'), 'utf8').replace('</head>', `${links.join('')}</head>`)
}

/** As Workers' static assets read it. */
function headersFile(): string {
  const lines = (headers: Readonly<Record<string, string>>) =>
    Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`)
  return [
    '/*',
    ...lines({ ...pageHeaders, 'Cache-Control': 'no-cache' }),
    '/chunks/*',
    // Two headers of a name would be joined.
    '  ! Cache-Control',
    ...lines({ 'Cache-Control': immutable }),
    '',
  ].join('\n')
}

function writeConsole(files: readonly ConsoleFile[], folder: string): void {
  for (const { path, contents } of files) {
    const file = join(folder, path)
    if (same(file, contents)) continue
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(`${file}.${process.pid}`, contents)
    renameSync(`${file}.${process.pid}`, file)
  }
  const known = new Set(files.map(({ path }) => join(folder, path)))
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    // Those with a number at the end are being written by somebody else.
    if (entry.isFile() && !known.has(file) && !/\.\d+$/.test(file)) rmSync(file, { force: true })
  }
}

function same(file: string, contents: Uint8Array): boolean {
  try {
    return readFileSync(file).equals(contents)
  } catch {
    return false
  }
}

type Outputs = Readonly<
  Record<string, { readonly imports: ReadonlyArray<{ readonly path: string; readonly kind: string }> }>
>

function reachable(outputs: Outputs, from: string, found = new Set<string>()): Set<string> {
  if (found.has(from)) return found
  found.add(from)
  for (const { path, kind } of outputs[from]?.imports ?? [])
    if (kind === 'import-statement') reachable(outputs, path, found)
  return found
}

/** The library as it stands in this repository, whether it was built or not. */
const library: Plugin = {
  name: 'library',
  setup({ onResolve }) {
    onResolve({ filter: /^underpass(\/|$)/ }, ({ path }) => {
      const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
        readonly exports: Readonly<Record<string, { readonly default: string }>>
      }
      const target = manifest.exports[path.replace(/^underpass/, '.')]?.default
      if (target === undefined) return { errors: [{ text: `${path} is not published` }] }
      return {
        path: resolve(target.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts')),
        sideEffects: false,
      }
    })
  },
}

/** What the PostgreSQL client asks of Node, and a page answers; each is as small as what is used of it. */
const nodeShims: Plugin = {
  name: 'node-shims',
  setup({ onResolve }) {
    const shim = (name: string) => resolve(source, 'shims', `${name}.ts`)
    onResolve({ filter: /^(node:)?crypto$/ }, () => ({ path: shim('crypto') }))
    onResolve({ filter: /^(node:)?util(\/types)?$/ }, () => ({ path: shim('util') }))
    onResolve(
      {
        filter:
          /^(node:)?(net|tls|dns|fs|path|stream|string_decoder)$|^(pgpass|pg-cloudflare|pg-connection-string)$/,
      },
      () => ({ path: shim('absent') }),
    )
  },
}

/** Names that Node has everywhere, for the files of the PostgreSQL client alone. */
const nodeGlobals: Plugin = {
  name: 'node-globals',
  setup({ onLoad }) {
    const shim = JSON.stringify(resolve(source, 'shims', 'globals.ts'))
    onLoad({ filter: /[\\/]node_modules[\\/](pg|postgres)[^\\/]*[\\/].*\.js$/ }, ({ path }) => ({
      contents: `var { Buffer, process } = require(${shim});\n${readFileSync(path, 'utf8')}`,
      loader: 'js',
    }))
  },
}
