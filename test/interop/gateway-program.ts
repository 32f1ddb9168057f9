// `underpass serve` as a process, for tests of what only a process has: signals, files that change, and a death.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Authority, createAuthority, type Issued } from '../support/certificates.js'
import { type TemporaryFolder, temporaryFolder } from '../support/files.js'
import { type ServerProcess, startProcess } from '../support/servers/index.js'

export interface Credentials {
  readonly host: Authority
  readonly users: Authority
  readonly alice: Issued
}

export const innerName = 'gateway.test'

export async function makeCredentials(): Promise<Credentials> {
  const [host, users] = await Promise.all([
    createAuthority({ name: 'Host' }),
    createAuthority({ name: 'Users' }),
  ])
  return { host, users, alice: await users.issue({ commonName: 'alice', usage: 'client' }) }
}

export interface Program {
  readonly process: ServerProcess
  readonly folder: TemporaryFolder
  readonly upgrade: number
  readonly direct: number
  readonly admin: number
  /** Write the configuration anew, with other routes or more. */
  configure(routes: string, more?: string): Promise<string>
  /** Its log so far, parsed. */
  log(): Array<Record<string, unknown>>
  /** Resolves with the first line of the log that has this message, from the nth on. */
  told(message: string, nth?: number): Promise<Record<string, unknown>>
  /** Ends it by a signal; resolves with its exit status, or the signal's name. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>
  /** What the operator's door says. */
  ask(path: string): Promise<{ readonly status: number; readonly text: string }>
}

/** A route of the echo service on `port`, as TOML. */
export function route(name: string, port: number): string {
  return `
[[routes]]
name = "${name}"
alpn = "${name}"
connect = { port = ${port} }
client = { trust = "users.crt" }
`
}

/** Start `dist/node/cli.js serve`; `more` are further tables of its configuration; `at` the ports of one that is gone. */
export async function startProgram(
  dist: string,
  { host, users }: Credentials,
  routes: string,
  more = '',
  at: { readonly upgrade: number; readonly admin: number } = { upgrade: 0, admin: 0 },
): Promise<Program> {
  const folder = await temporaryFolder('gateway')
  const server = await host.issue({ names: [innerName] })
  await Promise.all([
    folder.write('server.crt', server.chain),
    folder.write('server.key', server.privateKey),
    folder.write('users.crt', users.certificate),
    mkdir(join(folder.path, 'audit')),
  ])
  const configure = (next: string, nextMore = more) =>
    folder.write(
      'gateway.toml',
      `pingInterval = "1s"
[listen]
upgrade = { port = ${at.upgrade} }
direct = { port = 0 }
admin = { port = ${at.admin} }
[identity]
certificate = "server.crt"
privateKey = "server.key"
${next}
${nextMore}`,
    )
  const config = await configure(routes)
  const process_ = await startProcess({
    command: process.execPath,
    args: [join(dist, 'node', 'cli.js'), 'serve', '--config', config, '--json'],
    port: 0,
    ready: /"listening":\{.*\}\}\}\n/,
    // A drain is what some tests are about; the others need not wait for one.
    stopSignal: 'SIGKILL',
    cleanup: folder.remove,
  })
  const ready = lines(process_).find((line) => line.schema === 'underpass/serve/1')!
  const listening = ready.listening as Record<'upgrade' | 'direct' | 'admin', { port: number }>
  const exited = new Promise<number | NodeJS.Signals>((resolve) =>
    process_.child.once('exit', (code, signal) => resolve(code ?? signal!)),
  )
  const log = () => lines(process_).filter((line) => 'level' in line)
  return {
    process: process_,
    folder,
    upgrade: listening.upgrade.port,
    direct: listening.direct.port,
    admin: listening.admin.port,
    configure,
    log,
    async told(message, nth = 0) {
      for (;;) {
        const found = log().filter(({ msg }) => msg === message)[nth]
        if (found !== undefined) return found
        if (process_.child.exitCode !== null) throw new Error(`ended without ${message}:\n${process_.log()}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    end(signal) {
      process_.child.kill(signal)
      return exited
    },
    async ask(path) {
      const response = await fetch(`http://127.0.0.1:${listening.admin.port}${path}`)
      return { status: response.status, text: await response.text() }
    },
  }
}

function lines(program: ServerProcess): Array<Record<string, unknown>> {
  return program
    .log()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
