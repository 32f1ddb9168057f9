// External servers as child processes: started on loopback in a temporary folder, awaited with a deadline, ended by their
// own pid. Whatever they print is kept for the message of a failure.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A server that a test started. `await using` ends it. */
export interface RunningServer {
  readonly port: number
  readonly pid: number
  /** What it printed so far, both streams. */
  log(): string
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface ServerProcess extends RunningServer {
  readonly child: ChildProcess
  /** Resolves when the log matches; rejects at the deadline (milliseconds) or when the process ends. */
  waitForLog(pattern: RegExp, deadline?: number): Promise<void>
}

export interface ProcessOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly port: number
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** Run as another user of this machine; only root can. */
  readonly user?: SystemUser | undefined
  /** Ready when this is printed. Default: when the port takes connections. */
  readonly ready?: RegExp
  /** Milliseconds until ready. */
  readonly deadline?: number
  /** Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals
  /** More to do once it has ended, as removing its folder. */
  readonly cleanup?: () => Promise<void>
  /** More to show when it fails: the content of its log files. */
  readonly extraLog?: () => string
}

export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

/** Start the program and wait until it is ready. A program that fails to start is an error with its log. */
export async function startProcess(options: ProcessOptions): Promise<ServerProcess> {
  const child = spawn(options.command, [...options.args], {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.user ? { uid: options.user.uid, gid: options.user.gid } : {}),
  })
  const server = serverProcess(child, options)
  try {
    if (options.ready) await server.waitForLog(options.ready, options.deadline)
    else await portReady(server, options)
    return server
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** A port of 127.0.0.1 that nothing listens on. Below the ephemeral range, so that no client socket takes it meanwhile. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 10_000 + Math.floor(Math.random() * 22_000)
    if (await canBind(port)) return port
  }
  throw new Error('no free port found on 127.0.0.1')
}

/** A user of this machine by name, when we are root and may become that user; undefined otherwise. */
export function otherUser(name: string): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string): number => {
    const ran = spawnSync('id', [flag, name], { encoding: 'utf8' })
    if (ran.status !== 0) throw new Error(`no user named ${name}`)
    return Number(ran.stdout)
  }
  return { uid: id('-u'), gid: id('-g') }
}

const defaultDeadline = 20_000
const logLimit = 256 * 1024

function serverProcess(child: ChildProcess, options: ProcessOptions): ServerProcess {
  let log = ''
  let ended = false
  let stopping: Promise<void> | undefined
  const listeners = new Set<() => void>()
  const notify = (): void => {
    for (const listener of listeners) listener()
  }
  const gone = new Promise<void>((resolve) => {
    const end = (what: string) => (detail: unknown) => {
      ended = true
      log += `[${what} ${String(detail)}]\n`
      resolve()
      notify()
    }
    child.once('exit', (code, signal) => end('ended with')(signal ?? code))
    child.once('error', end('failed:'))
  })
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-logLimit)
      notify()
    })
  // A peer that reads no standard input must not fail the test that ends it.
  child.stdin?.on('error', () => {})
  const killAtExit = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', killAtExit)

  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      if (!ended) child.kill(options.stopSignal ?? 'SIGTERM')
      const killer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await gone
      clearTimeout(killer)
      process.off('exit', killAtExit)
      await options.cleanup?.()
    })()
    return stopping
  }
  const fullLog = (): string => log + (options.extraLog?.() ?? '')

  return {
    child,
    port: options.port,
    pid: child.pid ?? 0,
    log: fullLog,
    stop,
    [Symbol.asyncDispose]: stop,
    waitForLog(pattern, deadline = defaultDeadline) {
      return new Promise((resolve, reject) => {
        const check = (): void => {
          if (pattern.test(log)) settle(resolve)
          else if (ended) settle(() => reject(new Error(`${options.command} ended:\n${fullLog()}`)))
        }
        const settle = (act: () => void): void => {
          listeners.delete(check)
          clearTimeout(timer)
          act()
        }
        const timer = setTimeout(
          () =>
            settle(() => reject(new Error(`${options.command}: no ${pattern} in its log:\n${fullLog()}`))),
          deadline,
        )
        listeners.add(check)
        check()
      })
    },
  }
}

async function portReady(server: ServerProcess, options: ProcessOptions): Promise<void> {
  const deadline = performance.now() + (options.deadline ?? defaultDeadline)
  while (performance.now() < deadline) {
    if (server.child.exitCode !== null || server.child.signalCode !== null || server.child.pid === undefined)
      throw new Error(`${options.command} did not start:\n${server.log()}`)
    if (await accepts(options.port)) return
    await sleep(20)
  }
  throw new Error(`${options.command} does not listen on port ${options.port}:\n${server.log()}`)
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const settle = (result: boolean): void => {
      socket.destroy()
      resolve(result)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
