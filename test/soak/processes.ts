// The soak's own processes: bundled from TypeScript, asked over IPC one question after the other, and gone with the run.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

export interface Peer {
  readonly pid: number
  ask<Answer>(order: object): Promise<Answer>
  /** Kill it, as a power cut would. */
  kill(): Promise<void>
}

/** What a process weighs, after a collection of garbage. */
export interface Weight {
  readonly heap: number
  readonly external: number
  readonly rss: number
  readonly descriptors: number
}

export interface Processes<Name extends string> extends AsyncDisposable {
  /** `told`: hears what the process tells without being asked, see `tell`. */
  start(name: Name, told?: (what: unknown) => void): Promise<Peer>
}

/** A place where processes can be started from the programs of a folder; disposing of it ends them all. */
export async function processes<Name extends string>(
  programs: string,
  names: readonly Name[],
): Promise<Processes<Name>> {
  const home = join(process.cwd(), 'node_modules', '.underpass-soak', `${process.pid}-${names[0]}`)
  // As deep as a room of the published package: who looks for its package.json finds one.
  const folder = join(home, 'dist', 'soak')
  mkdirSync(folder, { recursive: true })
  copyFileSync('package.json', join(home, 'package.json'))
  await build({
    entryPoints: names.map((name) => join(programs, `${name}.ts`)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
  })
  const children = new Set<ChildProcess>()
  const killAll = () => {
    for (const child of children) child.kill('SIGKILL')
  }
  process.once('exit', killAll)
  return {
    async start(name, told = () => {}) {
      const child = fork(join(folder, `${name}.mjs`), [], {
        execArgv: ['--expose-gc'],
        serialization: 'advanced',
      })
      children.add(child)
      child.once('exit', () => children.delete(child))
      await once(child, 'spawn')
      return peer(child, name, told)
    },
    async [Symbol.asyncDispose]() {
      process.off('exit', killAll)
      await Promise.all([...children].map(killed))
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** In a child: answer each order; the parent's end is ours. */
export function obey<Order>(answer: (order: Order) => unknown): void {
  process.on('message', async ({ id, order }: { readonly id: number; readonly order: Order }) => {
    try {
      process.send!({ id, answer: await answer(order) })
    } catch (error) {
      process.send!({ id, error: (error as Error).stack ?? String(error) })
    }
  })
  process.on('disconnect', () => process.exit())
}

/** In a child: say something that was not asked for. */
export function tell(told: object): void {
  if (process.connected) process.send!({ told })
}

/** In a child: what it weighs now. */
export function weight(): Weight {
  const { gc } = globalThis as { gc?: () => void }
  gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed, external, rss, descriptors: readdirSync('/proc/self/fd').length }
}

interface Answered {
  readonly id: number
  readonly answer?: unknown
  readonly error?: string
}

function peer(child: ChildProcess, name: string, told: (what: unknown) => void): Peer {
  let asked = 0
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>()
  child.on('message', (message: Answered | { readonly told: unknown }) => {
    if ('told' in message) {
      told(message.told)
      return
    }
    const { id, answer, error } = message
    const asker = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asker?.resolve(answer)
    else asker?.reject(new Error(error))
  })
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`${name} ended with ${signal ?? code}`))
    waiting.clear()
  })
  return {
    pid: child.pid!,
    ask: <Answer>(order: object) =>
      new Promise<Answer>((resolve, reject) => {
        const id = ++asked
        waiting.set(id, { resolve: (answer) => resolve(answer as Answer), reject })
        child.send({ id, order }, (error) => {
          if (error !== null) reject(error)
        })
      }),
    kill: () => killed(child),
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
