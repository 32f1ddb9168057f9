// Design §3, second check: the core compiles without Node's and the DOM's names, the moving parts without Node's.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { files, projectRoot } from './source.js'

const deadline = 120_000

describe('tsconfig.core.json', () => {
  it('names no types and no DOM', async () => {
    const shown = await showConfig('tsconfig.core.json')
    expect(shown.compilerOptions.types).toEqual([])
    expect(shown.compilerOptions.lib.filter((lib) => /dom|worker/.test(lib))).toEqual([])
  })

  it('covers every file of the core', async () => {
    const { files: covered } = await showConfig('tsconfig.core.json')
    const core = ['bytes', 'der', 'crypto', 'pki', 'tls', 'tunnel'].flatMap((room) => files(`src/${room}`))
    const wanted = ['src/errors.ts', 'src/layer.ts', 'src/trace.ts', ...core].filter((path) =>
      path.endsWith('.ts'),
    )
    expect(wanted.filter((path) => !covered.includes(`./${path}`))).toEqual([])
  })

  it('compiles', { timeout: deadline }, async () => {
    expect(await compile('tsconfig.core.json')).toBe('')
  })

  it.each([
    'process.pid',
    'setTimeout(() => {}, 1)',
    'console.log()',
    'new TextEncoder()',
    'crypto.subtle',
    'Buffer.from([])',
  ])('refuses %s', { timeout: deadline }, async (expression) => {
    expect(await compileSnippet('tsconfig.core.json', expression)).toMatch(/TS\d+: Cannot find name/)
  })
})

describe('tsconfig.portable.json', () => {
  it('names no types', async () => {
    expect((await showConfig('tsconfig.portable.json')).compilerOptions.types).toEqual([])
  })

  it('covers every file of the moving parts', async () => {
    const { files: covered } = await showConfig('tsconfig.portable.json')
    const moving = ['stream', 'dial', 'platform/memory', 'platform/browser'].flatMap((room) =>
      files(`src/${room}`),
    )
    const wanted = ['src/index.ts', 'src/platform/platform.ts', ...moving].filter((path) =>
      path.endsWith('.ts'),
    )
    expect(wanted.filter((path) => !covered.includes(`./${path}`))).toEqual([])
  })

  it('compiles', { timeout: deadline }, async () => {
    expect(await compile('tsconfig.portable.json')).toBe('')
  })

  it.each(['process.pid', 'Buffer.from([])'])('refuses %s', { timeout: deadline }, async (expression) => {
    expect(await compileSnippet('tsconfig.portable.json', expression)).toMatch(/TS\d+: Cannot find name/)
  })
})

interface ShownConfig {
  readonly compilerOptions: { readonly types: readonly string[]; readonly lib: readonly string[] }
  readonly files: readonly string[]
}

async function showConfig(project: string): Promise<ShownConfig> {
  const { output } = await tsc(['-p', project, '--showConfig'])
  return JSON.parse(output) as ShownConfig
}

/** The compiler's complaints, empty when there are none. */
async function compile(project: string): Promise<string> {
  const { code, output } = await tsc(['-p', project, '--pretty', 'false'])
  return code === 0 ? '' : output
}

async function compileSnippet(project: string, expression: string): Promise<string> {
  const folder = await mkdtemp(join(projectRoot, 'node_modules', '.underpass-compile-'))
  try {
    await writeFile(join(folder, 'snippet.ts'), `export const value: unknown = ${expression}\n`)
    const config = { extends: join(projectRoot, project), include: [join(folder, 'snippet.ts')] }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    return await compile(join(folder, 'tsconfig.json'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function tsc(args: readonly string[]): Promise<{ code: number; output: string }> {
  const manifest = JSON.parse(
    await readFile(join(projectRoot, 'node_modules/typescript/package.json'), 'utf8'),
  ) as {
    readonly bin: { readonly tsc: string }
  }
  const command = [join(projectRoot, 'node_modules/typescript', manifest.bin.tsc), ...args]
  try {
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: projectRoot })
    return { code: 0, output: stdout }
  } catch (error) {
    const failed = error as { code: number; stdout?: string; stderr?: string }
    return { code: failed.code, output: `${failed.stdout ?? ''}${failed.stderr ?? ''}` }
  }
}
