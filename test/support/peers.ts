// Programs that we did not write and that tests run against. A suite that needs one says so with `describePeer`: present,
// it runs and is counted; absent, it is skipped with the reason in its title, or fails where CI=true. The reporter
// beside this file prints what was exercised, what was not, and the one command that installs the rest.
import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { beforeAll, describe, it } from 'vitest'

interface Peer {
  /** Programs that must all be there; the first one is the peer itself. */
  readonly programs: readonly [string, ...string[]]
  /** Debian packages that bring them. */
  readonly packages: readonly string[]
  /** Arguments that make it print its version. Without them dpkg is asked. */
  readonly version?: readonly string[]
  /** What must be there beside the programs. */
  readonly files?: readonly string[]
}

// biome-ignore format: a table
const peers = {
  haproxy:    { programs: ['haproxy'],                        packages: ['haproxy'],                          version: ['-v'] },
  nginx:      { programs: ['nginx'],                          packages: ['nginx-light'],                      version: ['-v'] },
  apache:     { programs: ['apache2'],                        packages: ['apache2'],                          version: ['-v'] },
  caddy:      { programs: ['caddy'],                          packages: ['caddy'],                            version: ['version'] },
  stunnel:    { programs: ['stunnel4'],                       packages: ['stunnel4'],                         version: ['-version'] },
  tinyproxy:  { programs: ['tinyproxy'],                      packages: ['tinyproxy-bin'],                    version: ['-v'] },
  openssl:    { programs: ['openssl'],                        packages: ['openssl'],                          version: ['version'] },
  gnutls:     { programs: ['gnutls-serv'],                    packages: ['gnutls-bin'],                       version: ['--version'] },
  gnutlsClient: { programs: ['gnutls-cli'],                   packages: ['gnutls-bin'],                       version: ['--version'] },
  pythonWebsockets: { programs: ['python3'],                  packages: ['python3-websockets'],               files: ['/usr/lib/python3/dist-packages/websockets'] },
  systemd:    { programs: ['systemd-analyze'],                packages: ['systemd'],                          version: ['--version'] },
  nss:        { programs: ['selfserv', 'certutil', 'pk12util'], packages: ['libnss3-tools'] },
  java:       { programs: ['java', 'javac'],                  packages: ['default-jdk-headless'],             version: ['-version'] },
  postgresql: { programs: ['postgres', 'initdb'],             packages: ['postgresql-15'],                    version: ['--version'] },
  psql:       { programs: ['psql'],                           packages: ['postgresql-client-15'],             version: ['--version'] },
  pgbench:    { programs: ['pgbench'],                        packages: ['postgresql-15'],                    version: ['--version'] },
  mariadb:    { programs: ['mariadbd', 'mariadb-install-db'], packages: ['mariadb-server'],                   version: ['--version'] },
  redis:      { programs: ['redis-server'],                   packages: ['redis-server'],                     version: ['--version'] },
  openssh:    { programs: ['sshd', 'ssh-keygen'],             packages: ['openssh-server', 'openssh-client'] },
  ssh:        { programs: ['ssh', 'scp'],                     packages: ['openssh-client'] },
  mysql:      { programs: ['mysql'],                          packages: ['mariadb-client'],                   version: ['--version'] },
  'redis-cli': { programs: ['redis-cli'],                     packages: ['redis-tools'],                      version: ['--version'] },
  curl:       { programs: ['curl'],                           packages: ['curl'],                             version: ['--version'] },
  chromium:   { programs: ['chromium'],                       packages: ['chromium'],                         version: ['--version'] },
} as const satisfies Record<string, Peer>

export type PeerName = keyof typeof peers

export type ProgramName = (typeof peers)[PeerName]['programs'][number]

/** The path of a program, or undefined. */
export function findProgram(program: ProgramName): string | undefined {
  for (const folder of searchPath()) {
    const path = join(folder, program)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}

/** The path of a program that the suite's peers bring. Throws where it is absent. */
export function requireProgram(program: ProgramName): string {
  const path = findProgram(program)
  if (path === undefined) throw new Error(`${program} is not installed`)
  return path
}

/** Whether every program of the peer is here. UNDERPASS_WITHOUT_PEERS=haproxy,nginx shows a run on a machine without. */
export function hasPeer(name: PeerName): boolean {
  if (process.env.UNDERPASS_WITHOUT_PEERS?.split(',').includes(name)) return false
  const { programs, files = [] }: Peer = peers[name]
  return (
    programs.every((program) => findProgram(program as ProgramName) !== undefined) && files.every(existsSync)
  )
}

/** `describe` for a suite that runs against real peers. */
export function describePeer(names: PeerName | readonly PeerName[], title: string, body: () => void): void {
  const needed = typeof names === 'string' ? [names] : names
  const missing = needed.filter((name) => !hasPeer(name))
  if (missing.length === 0) {
    describe(title, () => {
      beforeAll(() => {
        for (const name of needed) recordExercised(name, peerVersion(name))
      })
      body()
    })
    return
  }
  for (const name of missing) record('missing', name, peers[name].packages.join(' '))
  const reason = `not installed: ${missing.join(', ')}`
  if (process.env.CI === 'true') {
    describe(title, () => {
      it(`needs its peers (${reason})`, () => {
        throw new Error(`${reason}. ${installCommand(missing)}`)
      })
    })
    return
  }
  describe.skip(`${title} [skipped, ${reason}]`, body) // the peer is not installed; CI=true made it a failure above
}

/** Count a peer that needs no gating because npm installed it: `recordExercised('pg (npm)', '8.23.1')`. */
export function recordExercised(name: string, version: string): void {
  record('exercised', name, version)
}

/** The one command that installs the peers. */
export function installCommand(names: readonly PeerName[]): string {
  const packages = [...new Set(names.flatMap((name) => peers[name].packages))].sort()
  return `apt-get install --no-install-recommends -y ${packages.join(' ')}`
}

export function isPeerName(name: string): name is PeerName {
  return Object.hasOwn(peers, name)
}

/** As the program tells it, or its package. */
export function peerVersion(name: PeerName): string {
  const peer: Peer = peers[name]
  if (peer.version === undefined) return packageVersion(peer.packages[0] ?? '')
  const ran = spawnSync(requireProgram(peers[name].programs[0]), [...peer.version], { encoding: 'utf8' })
  return /\d+\.\d+[\w.]*/.exec(`${ran.stdout}${ran.stderr}`)?.[0] ?? 'unknown version'
}

function packageVersion(name: string): string {
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholder
    const told = execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    return told.replace(/^\d+:/, '').replace(/-.*$/, '')
  } catch {
    return 'unknown version'
  }
}

// Test files run in several processes: each fact is a small file, and writing it twice is harmless.
function record(kind: 'exercised' | 'missing', name: string, content: string): void {
  const folder = process.env.UNDERPASS_PEER_RECORD
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${kind}-${encodeURIComponent(name)}`), content)
}

function searchPath(): readonly string[] {
  return [
    ...postgresFolders(),
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
  ]
}

/** Debian keeps servers of several versions side by side; the newest comes first. */
function postgresFolders(): string[] {
  const base = '/usr/lib/postgresql'
  try {
    return readdirSync(base)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(base, version, 'bin'))
  } catch {
    return []
  }
}
