// Programs made of tests' own parts, run in threads: bundled with esbuild, and behind the polyfill that the library of test
// certificates wants to find before it is loaded.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build, type Plugin } from 'esbuild'

export interface Program {
  start(workerData: unknown): Worker
  [Symbol.dispose](): void
}

/** `entry` is a TypeScript file of this repository. */
export async function program(entry: string, plugins: Plugin[] = []): Promise<Program> {
  const home = join(process.cwd(), 'node_modules', '.underpass-scripts', `threads-${process.pid}`)
  // As deep as a room of the published package: who looks for its package.json finds one.
  const folder = join(home, 'dist', 'threads')
  mkdirSync(folder, { recursive: true })
  copyFileSync('package.json', join(home, 'package.json'))
  await build({
    entryPoints: { polyfill: join('test', 'support', 'reflect-metadata.ts'), program: entry },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    ignoreAnnotations: true,
    plugins,
  })
  const file = join(folder, 'start.mjs')
  writeFileSync(file, "import './polyfill.mjs'\nawait import('./program.mjs')\n")
  return {
    start: (workerData) =>
      new Worker(pathToFileURL(file), { workerData, execArgv: ['--enable-source-maps'] }),
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  }
}
