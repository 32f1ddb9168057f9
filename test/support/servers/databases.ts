// PostgreSQL, MariaDB and Redis with fresh data in a temporary folder, on loopback, without TLS of their own unless asked:
// here the tunnel ends at the gateway and plain TCP leads on.
import { spawn } from 'node:child_process'
import { chown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../files.js'
import { requireProgram } from '../peers.js'
import { freePort, otherUser, type RunningServer, type SystemUser, startProcess } from './process.js'

export interface DatabaseServer extends RunningServer {
  readonly user: string
  readonly database: string
}

/** PostgreSQL with user `postgres`, database `postgres`, trust authentication. It refuses root: it runs as `postgres`. */
export async function startPostgres(): Promise<DatabaseServer> {
  const folder = await temporaryFolder('postgres')
  const user = otherUser('postgres')
  const home = await ownedFolder(join(folder.path, 'home'), user)
  const data = join(home, 'data')
  const port = await freePort()
  await run(requireProgram('initdb'), ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync'], home, user)
  const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: home, fsync: 'off' }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = await startProcess({
    command: requireProgram('postgres'),
    args: ['-D', data, ...args],
    port,
    cwd: home,
    user,
    ready: /ready to accept connections/,
    // SIGINT is the fast shutdown: open sessions are ended.
    stopSignal: 'SIGINT',
    cleanup: folder.remove,
  })
  return { ...server, user: 'postgres', database: 'postgres' }
}

/** MariaDB with user `root` without password, and a database `test`. */
export async function startMariadb(): Promise<DatabaseServer> {
  const folder = await temporaryFolder('mariadb')
  const user = otherUser('mysql')
  const home = await ownedFolder(join(folder.path, 'home'), user)
  const data = join(home, 'data')
  const port = await freePort()
  const install = [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ]
  await run(requireProgram('mariadb-install-db'), install, home, user)
  // mariadb-install-db may have made the folder private to another user; a database is a folder to MariaDB.
  await ownedFolder(join(data, 'test'), user)
  const server = await startProcess({
    command: requireProgram('mariadbd'),
    args: [
      '--no-defaults',
      `--datadir=${data}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(home, 's.sock')}`,
      `--pid-file=${join(home, 'pid')}`,
      '--skip-name-resolve',
      '--innodb-flush-log-at-trx-commit=0',
    ],
    port,
    cwd: home,
    user,
    cleanup: folder.remove,
  })
  return { ...server, user: 'root', database: 'test' }
}

/** Redis that keeps nothing. */
export async function startRedis(): Promise<RunningServer> {
  const folder = await temporaryFolder('redis')
  const port = await freePort()
  return startProcess({
    command: requireProgram('redis-server'),
    args: ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--dir', folder.path],
    port,
    cleanup: folder.remove,
  })
}

async function ownedFolder(path: string, user: SystemUser | undefined): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  if (user) await chown(path, user.uid, user.gid)
  return path
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  user: SystemUser | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const identity = user ? { uid: user.uid, gid: user.gid } : {}
    const env = { ...process.env, LC_ALL: 'C.UTF-8', HOME: cwd }
    const child = spawn(command, [...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], ...identity })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}:\n${output}`)),
    )
  })
}
