// What the transcript stands on: real services behind the gateway, real load balancers in front of it, the built command on
// the PATH as `underpass`, and a record of what was typed and what came back.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { projectRoot } from '../structure/source.js'
import { type Build, buildPackage } from '../support/build.js'
import { type TemporaryFolder, temporaryFolder, writeAuthority, writeCertificate } from '../support/files.js'
import { requireProgram } from '../support/peers.js'
import {
  type RunningServer,
  type SshServer,
  startHaproxy,
  startMariadb,
  startNginx,
  startPostgres,
  startRedis,
  startSshd,
} from '../support/servers/index.js'
import { type Service, startEcho } from '../support/services.js'
import { createStage, innerName, type Stage } from '../support/stage.js'

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Scene {
  readonly folder: TemporaryFolder
  readonly stage: Stage
  readonly haproxy: RunningServer
  readonly nginx: RunningServer
  readonly sshd: SshServer
  readonly idleHaproxy: RunningServer
  /** Options that every command needs: who is trusted, who we are. */
  readonly login: string
  readonly transcript: string[]
  /** A shell command, recorded unless told otherwise. */
  sh(
    line: string,
    options?: { readonly input?: string; readonly secret?: boolean; readonly signalAfter?: RegExp },
  ): Promise<Ran>
  /** `underpass …`, which stays. */
  start(args: readonly string[]): Promise<Running>
  heading(text: string): void
  stop(): Promise<void>
}

export interface Running {
  readonly child: ChildProcess
  /** Lines of stdout and of stderr so far. */
  readonly lines: string[]
  readonly notes: string[]
  /** The first line (of either) that matches, waited for. */
  line(pattern: RegExp): Promise<string>
  /** Ctrl-C; the exit status. */
  interrupt(): Promise<number | null>
}

export async function openScene(): Promise<Scene> {
  const stops: Array<() => Promise<unknown>> = []
  const kept = <T>(value: T, stop: () => Promise<unknown>): T => {
    stops.unshift(stop)
    return value
  }
  const server = async <T extends RunningServer>(starting: Promise<T>): Promise<T> => {
    const started = await starting
    return kept(started, () => started.stop())
  }
  const children = new Set<ChildProcess>()
  try {
    const build: Build = await buildPackage(projectRoot)
    kept(build, () => build.remove())
    const folder: TemporaryFolder = await temporaryFolder('transcript')
    kept(folder, () => folder.remove())
    const [postgres, mariadb, redis, sshd] = await Promise.all([
      server(startPostgres()),
      server(startMariadb()),
      server(startRedis()),
      server(startSshd()),
    ])
    const echo: Service = await startEcho()
    kept(echo, () => echo.stop())
    const web = await startWeb()
    kept(web, () => web.stop())
    const web2 = await startWeb2()
    kept(web2, () => web2.stop())
    const stage = await createStage({
      'teleport-postgres': postgres.port,
      'teleport-mysql': mariadb.port,
      'teleport-redis': redis.port,
      'teleport-proxy-ssh': sshd.port,
      'teleport-tcp': echo.port,
      'http/1.1': web.port,
      h2: web2.port,
    })
    kept(stage, () => stage[Symbol.asyncDispose]())
    const front = { upstreamPort: stage.upgradePort, certificate: stage.lbCertificate }
    const [haproxy, nginx, idleHaproxy] = await Promise.all([
      server(startHaproxy(front)),
      server(startNginx({ ...front, webSocketOnly: true })),
      server(startHaproxy({ ...front, idle: 1 })),
    ])
    const alice = await stage.users.issue({ commonName: 'alice', usage: 'client' })
    await Promise.all([
      writeAuthority(folder, 'lb-ca', stage.web),
      writeAuthority(folder, 'host-ca', stage.host),
      writeCertificate(folder, 'alice', alice),
      folder.write('id', sshd.privateKey),
      folder.write('known_hosts', `node ${sshd.hostKey}\n`),
    ])
    const bin = join(folder.path, 'bin')
    await mkdir(bin)
    await writeFile(
      join(bin, 'underpass'),
      `#!/bin/sh\nexec '${process.execPath}' '${build.command}' "$@"\n`,
      { mode: 0o755 },
    )
    // What the machine goes out by is not the clients' affair here.
    const own = Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name))
    const environment = {
      ...Object.fromEntries(own),
      PATH: `${bin}:${process.env.PATH}:${dirname(requireProgram('postgres'))}`,
      LC_ALL: 'C.UTF-8',
      NO_COLOR: '1',
      HOME: folder.path,
      UNDERPASS_ORIGIN_TRUST: 'lb-ca.crt',
      UNDERPASS_TRUST: 'host-ca.crt',
      UNDERPASS_CERT: 'alice.crt',
      UNDERPASS_KEY: 'alice.key',
      UNDERPASS_SERVER_NAME: innerName,
    }
    const transcript: string[] = []
    const spawned = (command: string, args: readonly string[], input: boolean): ChildProcess => {
      const child = spawn(command, [...args], {
        cwd: folder.path,
        env: environment,
        stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      })
      children.add(child)
      child.once('exit', () => children.delete(child))
      return child
    }

    return {
      folder,
      stage,
      haproxy,
      nginx,
      idleHaproxy,
      sshd,
      transcript,
      login: '--origin-trust lb-ca.crt --trust host-ca.crt --cert alice.crt --key alice.key',
      heading: (text) => transcript.push('', `# ${text}`),
      async sh(line, { input, secret = false, signalAfter } = {}) {
        const child = spawned('/bin/sh', ['-c', `exec ${line}`], input !== undefined)
        if (input !== undefined) child.stdin!.end(input)
        let stdout = ''
        let stderr = ''
        let signalled = false
        const look = () => {
          if (signalled || signalAfter?.test(stdout + stderr) !== true) return
          signalled = true
          child.kill('SIGINT')
        }
        child.stdout!.setEncoding('utf8').on('data', (text: string) => {
          stdout += text
          look()
        })
        child.stderr!.setEncoding('utf8').on('data', (text: string) => {
          stderr += text
          look()
        })
        const [status] = (await once(child, 'close')) as [number | null]
        if (!secret) {
          transcript.push(`$ ${line}`)
          for (const text of [stderr, stdout]) if (text.trim() !== '') transcript.push(text.trimEnd())
        }
        return { status, stdout, stderr }
      },
      async start(args) {
        const child = spawned('underpass', args, false)
        const lines: string[] = []
        const notes: string[] = []
        const wake: Array<() => void> = []
        let ended = false
        const note = () => {
          for (const one of wake.splice(0)) one()
        }
        for (const [stream, list] of [
          [child.stdout!, lines],
          [child.stderr!, notes],
        ] as const) {
          let rest = ''
          stream.setEncoding('utf8').on('data', (text: string) => {
            const parts = (rest + text).split('\n')
            rest = parts.pop() ?? ''
            list.push(...parts)
            note()
          })
        }
        child.once('close', () => {
          ended = true
          note()
        })
        transcript.push(
          `$ underpass ${args.map((one) => (/^[\w@%+=:,./-]+$/.test(one) ? one : `'${one}'`)).join(' ')}`,
        )
        return {
          child,
          lines,
          notes,
          async line(pattern) {
            for (;;) {
              const found = [...lines, ...notes].find((text) => pattern.test(text))
              if (found !== undefined) return found
              if (ended) throw new Error(`it ended without ${pattern}:\n${[...lines, ...notes].join('\n')}`)
              await new Promise<void>((resolve) => wake.push(resolve))
            }
          },
          async interrupt() {
            const closed = once(child, 'close')
            child.kill('SIGINT')
            const [status] = (await closed) as [number | null]
            return status
          },
        }
      },
      async stop() {
        for (const child of children) child.kill('SIGKILL')
        for (const stop of stops) await stop()
      },
    }
  } catch (error) {
    for (const stop of stops) await stop().catch(() => {})
    throw error
  }
}

/** What a web application does that proxies get wrong: says what it got, streams, and takes an upgrade. */
async function startWeb(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    response.setHeader('x-connection', String(request.socket.remotePort))
    if (request.url === '/hello') response.end(`hello over HTTP/${request.httpVersion}\n`)
    else request.pipe(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function startWeb2(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const sessions = new Set<{ destroy(): void }>()
  const server = createHttp2Server((request, response) => {
    if (request.url === '/hello') response.end(`hello over HTTP/${request.httpVersion}\n`)
    else request.pipe(response)
  })
  server.on('session', (session) => sessions.add(session))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const session of sessions) session.destroy()
      server.close()
    },
  }
}
