// Reads the project's own sources for the structure checks.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const projectRoot: string = fileURLToPath(new URL('../..', import.meta.url))

export interface SourceFile {
  /** Path from the project root, with slashes. */
  readonly path: string
  readonly text: string
}

export interface Import {
  readonly file: string
  readonly specifier: string
  /** For a relative one: the path from the project root that it means, as `src/bytes/index.ts`. */
  readonly target: string | undefined
}

/** Every TypeScript file below a folder of the project. */
export function sourceFiles(folder: string): SourceFile[] {
  return files(folder)
    .filter((path) => /\.ts$/.test(path))
    .map((path) => ({ path, text: readFileSync(join(projectRoot, path), 'utf8') }))
}

/** Every file below a folder, paths from the project root; empty when there is no such folder. */
export function files(folder: string): string[] {
  let entries: string[]
  try {
    entries = readdirSync(join(projectRoot, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(projectRoot, join(entry.parentPath, entry.name)))
  } catch {
    return []
  }
  return entries.map((path) => path.replaceAll('\\', '/')).sort()
}

/** What a file imports, re-exports and loads; types too. */
export function importsOf({ path, text }: SourceFile): Import[] {
  const code = withoutComments(text)
  const patterns = [
    /\b(?:import|export)\b[^'";()]*?\bfrom\s*'([^']+)'/g,
    /\bimport\s*'([^']+)'/g,
    /\bimport\s*\(\s*'([^']+)'\s*\)/g,
  ]
  const specifiers = patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''))
  return specifiers.map((specifier) => ({
    file: path,
    specifier,
    target: specifier.startsWith('.') ? resolveRelative(path, specifier) : undefined,
  }))
}

/** The room of a file below src: a folder, `platform/<runtime>`, `crypto/noble`, or the name of a root file. */
export function roomOf(path: string): string {
  const parts = path
    .replace(/^src\//, '')
    .replace(/(\.d)?\.ts$/, '')
    .split('/')
  if (parts[0] === 'error-prose' || parts[0] === 'error-rows-node') return 'errors'
  if (parts[0] === 'crypto' && /^noble(-|$)/.test(parts[1] ?? '')) return 'crypto/noble'
  return parts[0] === 'platform' && parts.length > 2 ? `platform/${parts[1]}` : (parts[0] ?? '')
}

/** The text without comments: examples in docstrings are not imports. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

function resolveRelative(from: string, specifier: string): string {
  const absolute = resolve(projectRoot, dirname(from), specifier)
  return relative(projectRoot, absolute).replaceAll('\\', '/').replace(/\.js$/, '.ts')
}
