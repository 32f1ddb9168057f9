// Logins as Teleport's tools leave them on the disk, made at run time: both layouts of ~/.tsh, identity files, what tbot writes.
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Authority, createAuthority, type Issued, type LeafOptions } from '../../support/certificates.js'
import { type TemporaryFolder, temporaryFolder } from '../../support/files.js'

export interface Cluster {
  /** Signs the proxy. */
  readonly host: Authority
  /** Signs users. */
  readonly users: Authority
}

let made: Promise<Cluster> | undefined

export function cluster(): Promise<Cluster> {
  made ??= (async () => {
    const [host, users] = await Promise.all(['Host CA', 'User CA'].map((name) => createAuthority({ name })))
    return { host: host!, users: users! }
  })()
  return made
}

const folders: TemporaryFolder[] = []

export async function folder(): Promise<string> {
  const made = await temporaryFolder('login')
  folders.push(made)
  return made.path
}

export async function removeFolders(): Promise<void> {
  await Promise.all(folders.splice(0).map((each) => each.remove()))
}

/** Write into a folder, its own folders included, with a mode that only the owner may read. */
export async function put(path: string, content: string | Uint8Array, mode = 0o600): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content, { mode })
  return path
}

/** As renewals do it: written beside, renamed over. */
export async function replace(path: string, content: string): Promise<void> {
  await put(`${path}.new`, content)
  await rename(`${path}.new`, path)
}

/** What Teleport puts into a subject, beside the user. */
export interface Attributes {
  readonly database?: string
  readonly databaseUser?: string
  readonly app?: string
  readonly kube?: string
  readonly issuedBy?: string
}

export async function issue(attributes: Attributes = {}, options: LeafOptions = {}): Promise<Issued> {
  const { users } = await cluster()
  const { database, databaseUser, app, kube, issuedBy = 'root' } = attributes
  const parts = [
    'CN=alice',
    'O=access',
    '2.5.4.9=root',
    `1.3.9999.1.7=${issuedBy}`,
    database && `1.3.9999.2.1=${database}`,
    database && '1.3.9999.2.2=postgres',
    databaseUser && `1.3.9999.2.3=${databaseUser}`,
    app && `1.3.9999.1.10=${app}`,
    app && `1.3.9999.1.5=${app}.proxy.test`,
    app && '1.3.9999.1.6=root',
    kube && `1.3.9999.1.3=${kube}`,
  ]
  return users.issue({ subject: parts.filter(Boolean).join(', '), usage: 'client', ...options })
}

export interface ProfileOptions {
  readonly address?: string
  readonly user?: string
  readonly cluster?: string
  readonly more?: string
}

/** `~/.tsh` with a profile, current, and the authorities of its cluster. */
export async function tshHome(options: ProfileOptions = {}): Promise<string> {
  const { address = 'proxy.test:8443', user = 'alice', cluster: name = 'root', more = '' } = options
  const home = await folder()
  const host = address.replace(/:\d+$/, '')
  await put(join(home, 'current-profile'), `${host}\n`)
  await put(
    join(home, `${host}.yaml`),
    `web_proxy_addr: ${address}\nssh_proxy_addr: ${host}:3023\nuser: ${user}\ncluster: ${name}\ntls_routing_enabled: true\nprivate_key_policy: none\n${more}`,
  )
  const { host: authority } = await cluster()
  await put(join(home, 'keys', host, 'cas', 'root.pem'), authority.certificate)
  return home
}

/** The folder of keys of the usual profile. */
export function keys(home: string, ...path: string[]): string {
  return join(home, 'keys', 'proxy.test', ...path)
}

/** An identity file: key, SSH certificate, TLS certificate, SSH authorities, TLS authorities. */
export async function identityText(issued: Issued): Promise<string> {
  const { host } = await cluster()
  return [
    issued.privateKey.trim(),
    'ecdsa-sha2-nistp256-cert-v01@openssh.com AAAAKGVjZHNhLXNoYTItbmlzdHAyNTYtY2VydC12MDFAb3BlbnNzaC5jb20',
    issued.certificate.trim(),
    '@cert-authority *.root ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE type=host',
    host.certificate.trim(),
    '',
  ].join('\n')
}
