// Child processes of the benchmarks: bundled from TypeScript, told what to do over IPC, gone with the benchmark.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Connect, Setup } from './contenders.js'
import type { Answer, Order } from './runner.js'
import type { Listen } from './server.js'

export type { Connect }

const home = join(process.cwd(), 'node_modules', '.underpass-bench', String(process.pid))
/** As deep as a room of the published package: who looks for its package.json finds one. */
const folder = join(home, 'dist', 'bench')
const children = new Set<ChildProcess>()
const bundles = new Map<string, Promise<string>>()

/** A file of this folder as one that Node can run. */
export function bundled(name: string): Promise<string> {
  let bundle = bundles.get(name)
  if (bundle === undefined) {
    bundle = make(name)
    bundles.set(name, bundle)
  }
  return bundle
}

async function make(name: string): Promise<string> {
  mkdirSync(folder, { recursive: true })
  copyFileSync('package.json', join(home, 'package.json'))
  await build({
    entryPoints: [join('test', 'bench', `${name}.ts`)],
    outdir: folder,
    // What is imported lazily stays lazy.
    splitting: true,
    chunkNames: `${name}-[hash]`,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // The contenders as they are published; what is bundled keeps the order of its imports, which a polyfill needs.
    external: [
      'subtls',
      '@reclaimprotocol/*',
      'lemon-tls',
      'node-forge',
      'node-forge/*',
      'ws',
      'esbuild',
      'playwright',
    ],
    ignoreAnnotations: true,
    platform: 'node',
    target: 'es2023',
    format: 'esm',
  })
  return join(folder, `${name}.mjs`)
}

/** What a process that was told everything at its start has to say. */
export async function tellOf<Told>(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Told> {
  const child = fork(file, args, { env })
  children.add(child)
  try {
    return await new Promise((resolve, reject) => {
      child.once('message', (told) => resolve(told as Told))
      child.once('exit', (code) => reject(new Error(`a benchmark process exited with ${code}`)))
    })
  } finally {
    children.delete(child)
    child.kill()
  }
}

export async function start(
  name: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<ChildProcess> {
  return startFile(await bundled(name), args, flags)
}

export function startFile(
  file: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): ChildProcess {
  const child = fork(file, args, { execArgv: [...flags], serialization: 'advanced' })
  children.add(child)
  child.on('exit', () => children.delete(child))
  return child
}

/** Send a message; the next one that comes is the answer. */
export function ask<Answered>(child: ChildProcess, message: object): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const release = () => child.off('message', onMessage).off('exit', onExit)
    const onMessage = (answer: Answered & { error?: string }) => {
      release()
      if (answer.error === undefined) resolve(answer)
      else reject(new Error(answer.error))
    }
    const onExit = () => {
      release()
      reject(new Error('a benchmark process died'))
    }
    child.on('message', onMessage).on('exit', onExit)
    child.send(message)
  })
}

/** The far end; ask it to listen as often as you like. */
export async function startServer(): Promise<(listen: Listen) => Promise<number>> {
  const child = await start('server')
  return async (listen) => (await ask<{ port: number }>(child, listen)).port
}

export async function startContender(
  contender: string,
  setup: Setup,
): Promise<(order: Exclude<Order, { do: 'be' }>) => Promise<Answer>> {
  const flags =
    process.env.BENCH_PROFILE === contender
      ? ['--cpu-prof', `--cpu-prof-dir=${process.env.BENCH_PROFILE_FOLDER ?? 'profiles'}`]
      : []
  const child = await start('runner', [], flags)
  await ask(child, { do: 'be', contender, setup })
  return (order) => ask<Answer>(child, order)
}

/** End every child, wait until it is gone, and remove what was built. */
export async function stopAll(): Promise<void> {
  await Promise.all(Array.from(children, stop))
  bundles.clear()
  rmSync(home, { recursive: true, force: true })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  // Asked to leave first: a profile is written at the end.
  if (child.connected) child.disconnect()
  const patience = setTimeout(() => child.kill('SIGKILL'), 3000)
  await gone
  clearTimeout(patience)
}
