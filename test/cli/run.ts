// The real binary, built once a file, run as a process of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { program } from '../../src/cli/program.js'
import { projectRoot } from '../structure/source.js'
import { type Build, buildPackage } from '../support/build.js'

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Cli {
  /** Path of the program. */
  readonly main: string
  run(args: readonly string[], options?: RunOptions): Promise<Ran>
  start(args: readonly string[], options?: RunOptions): ChildProcess
  remove(): Promise<void>
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Variables that would change what is tested. */
const foreign = /^(?:UNDERPASS_|TELEPORT_|NO_COLOR|FORCE_COLOR|SSL|NODE_|(?:https?|all|no)_proxy)/i

function cleanEnvironment(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const clean = Object.entries(process.env).filter(([name]) => !foreign.test(name))
  return { ...Object.fromEntries(clean), ...env }
}

/** The same program in this process, for what needs no process of its own: a start costs half a second. */
export async function runHere(args: readonly string[], options: Pick<RunOptions, 'env'> = {}): Promise<Ran> {
  const written = { stdout: '', stderr: '' }
  const into = (name: keyof typeof written) =>
    ({
      write(text: string) {
        written[name] += text
        return true
      },
    }) as NodeJS.WriteStream & { fd: 1 & 2 }
  const status = await program(args, {
    env: cleanEnvironment(options.env),
    stdin: process.stdin,
    stdout: into('stdout'),
    stderr: into('stderr'),
  })
  return { status, ...written }
}

export async function buildCli(): Promise<Cli> {
  const build: Build = await buildPackage(projectRoot)
  const main = build.command
  const start = (args: readonly string[], { env = {}, cwd = build.folder }: RunOptions = {}) => {
    return spawn(process.execPath, [main, ...args], {
      cwd,
      env: cleanEnvironment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }
  return {
    main,
    start,
    run: (args, options) => ending(start(args, options)),
    remove: () => build.remove(),
  }
}

/** What a process printed, and how it ended. */
export function ending(child: ChildProcess): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve({ status, stdout, stderr }))
  })
}
