// The library as Node loads it: a few files in `dist/node` instead of a hundred modules, for which its loader takes longer
// than a handshake lasts. What `underpass/node` needs at once is one file, `core.js`; every other entry point stands on it,
// so that an error is of the same class whichever door it came through. What is imported lazily stays in files of its own.
import { readFileSync, rmSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { transform } from 'esbuild'
import { type OutputChunk, type Plugin, type RollupOptions, rollup } from 'rollup'

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly node?: string; readonly default: string }>>
  readonly sideEffects: readonly string[]
  readonly dependencies: Readonly<Record<string, string>>
}

/** Where the command begins, and the file that starts it. */
const command = ['node/cli.js', 'cli/main.js'] as const

/** A step of `npm run build`: what tsc made in `dist`, or in the folder given, put together for Node. */
export async function main([folder = 'dist']: readonly string[]): Promise<number> {
  const chunks = await nodeChunks(folder)
  const bytes = chunks.reduce((sum, { code }) => sum + code.length, 0)
  process.stderr.write(`${folder}/node: ${chunks.length} files, ${bytes} bytes\n`)
  return 0
}

export async function nodeChunks(folder: string): Promise<readonly OutputChunk[]> {
  const root = resolve(folder)
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
  const entries = Object.fromEntries(entriesOf(manifest).map(([to, from]) => [stem(to), join(root, from)]))
  const effects = new Set([
    ...Object.values(entries),
    ...manifest.sideEffects.map((path) => resolve(root, path.replace(/^\.\/dist\//, ''))),
  ])
  const options: RollupOptions = {
    external: (id) => !id.startsWith('.') && !isAbsolute(id),
    // Of a package, what is imported for its effect alone: node-forge's ciphers put themselves into its table.
    treeshake: {
      moduleSideEffects: (id, external) => effects.has(id) || (external && !id.startsWith('node:')),
    },
    onwarn: (warning, warn) => {
      // What tsc writes for `using`.
      if (warning.code !== 'THIS_IS_UNDEFINED') warn(warning)
    },
  }
  const core = await neededAtOnce(entries.node!, options)
  // The command waits for its end as it is loaded: a chunk that needed its file would wait for it, and it for the chunk.
  const program = await neededAtOnce(entries.cli!, options)
  program.delete(entries.cli!)
  const bundle = await rollup({ ...options, input: entries })
  const home = join(root, 'node')
  rmSync(home, { recursive: true, force: true })
  const { output } = await bundle.write({
    dir: home,
    format: 'es',
    entryFileNames: '[name].js',
    // All beside each other, two deep in the package: files are found from there (package.json, the console).
    chunkFileNames: ({ name, facadeModuleId, moduleIds }) =>
      name === 'core' || name === 'cli-program'
        ? `${name}.js`
        : `${nameOf(relative(root, facadeModuleId ?? moduleIds.at(-1)!))}.js`,
    hoistTransitiveImports: false,
    onlyExplicitManualChunks: true,
    manualChunks: (id) => (core.has(id) ? 'core' : program.has(id) ? 'cli-program' : undefined),
    plugins: [plain],
  })
  await bundle.close()
  const chunks = output.filter((file) => file.type === 'chunk')
  const waiting = chunks.find(({ imports }) => imports.includes('cli.js'))
  if (waiting !== undefined) throw new Error(`${waiting.fileName} waits for the command to end`)
  return chunks
}

/** [file below the folder, module that it stands for]: what package.json has a `node` condition for, and the command. */
function entriesOf({ exports }: Manifest): ReadonlyArray<readonly [string, string]> {
  const below = (path: string) => path.replace(/^\.\/dist\//, '')
  const doors = Object.values(exports).flatMap((target) =>
    typeof target === 'string' || target.node === undefined
      ? []
      : [[below(target.node), below(target.default)] as const],
  )
  return [...doors, command]
}

/** The modules of which something comes with an entry point as soon as it is loaded. */
async function neededAtOnce(entry: string, options: RollupOptions): Promise<Set<string>> {
  const bundle = await rollup({ ...options, input: entry })
  const { output } = await bundle.generate({ format: 'es' })
  await bundle.close()
  const chunks = new Map(output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file]] : [])))
  const reached = new Set([output[0].fileName])
  for (const name of reached)
    for (const next of chunks.get(name)!.imports) if (chunks.has(next)) reached.add(next)
  const modules = [...reached].flatMap((name) => Object.entries(chunks.get(name)!.modules))
  return new Set(modules.flatMap(([id, { renderedLength }]) => (renderedLength > 0 ? [id] : [])))
}

/**
 * Node's own modules without the namespace that `import` makes of them: to fill it in, Node calls every getter, which loads
 * WebCrypto for `node:crypto` and parses the list of roots for `node:tls`.
 */
function withoutNamespaces(code: string): string {
  const changed = code.replace(
    /^import (?:(\w+)(?:, )?)?(?:\* as (\w+)|\{([^}]*)\})? ?from '(node:[\w/]+)';$/gm,
    (_, own?: string, all?: string, names?: string, id?: string) => {
      const module = `process.getBuiltinModule('${id}')`
      const picked = names?.replaceAll(' as ', ': ').trim()
      return [
        ...[own, all].filter((name) => name !== undefined).map((name) => `const ${name} = ${module};`),
        ...(picked === undefined ? [] : [`const { ${picked} } = ${module};`]),
      ].join(' ')
    },
  )
  if (/^import .*'node:/m.test(changed)) throw new Error('an import of Node is not written as expected')
  return changed
}

/** Without comments, which Node would read with the rest; lines and names stay, for stack traces. */
const plain: Plugin = {
  name: 'plain',
  async renderChunk(code) {
    const target = {
      format: 'esm',
      target: 'node20.19',
      minifySyntax: true,
      minifyWhitespace: true,
      lineLimit: 160,
    } as const
    return { code: (await transform(withoutNamespaces(code), target)).code, map: null }
  },
}

function stem(path: string): string {
  return path.replace(/^.*\/|\.js$/g, '')
}

/** `platform/node/outbound.js` as `platform-node-outbound`. */
function nameOf(path: string): string {
  return path.replace(/\.js$/, '').replaceAll(/[\\/]/g, '-')
}
