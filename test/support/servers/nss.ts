// NSS's `selfserv`: a small HTTP server that shows a request back, or a file when it is named. Its certificates live in a
// database that certutil and pk12util fill. It listens on every address, because it knows no other way.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type TemporaryFolder, temporaryFolder } from '../files.js'
import { requireProgram } from '../peers.js'
import { type ServerProcess, startProcess } from './process.js'
import { type PlacedSite, placeSites, type TlsSite } from './tls-site.js'

export interface SelfservOptions {
  /** Files to be asked for by name, as `GET bulk HTTP/1.0`. */
  readonly content?: Readonly<Record<string, Uint8Array>>
}

/** Needs `openssl` too, which makes the PKCS#12 files that the database imports. NSS can neither hold nor use Ed25519. */
export async function startSelfserv(site: TlsSite, options: SelfservOptions = {}): Promise<ServerProcess> {
  const folder = await temporaryFolder('nss')
  try {
    const [placed] = await placeSites(folder, [site])
    await fillDatabase(folder, placed!)
    for (const [name, content] of Object.entries(options.content ?? {})) await folder.write(name, content)
    return await startProcess({
      command: requireProgram('selfserv'),
      args: selfservArguments(folder, placed!),
      cwd: folder.path,
      port: placed!.port,
      cleanup: folder.remove,
    })
  } catch (error) {
    await folder.remove()
    throw error
  }
}

function selfservArguments(folder: TemporaryFolder, site: PlacedSite): string[] {
  const version = site.version.replace('TLSv', 'tls')
  // RSA keys have a switch of their own. -G: extended master secret, -u: tickets, -v: tell whom it saw.
  const args = ['-d', `sql:${folder.path}`, site.key === 'rsa-2048' ? '-n' : '-e', NICKNAME]
  args.push('-p', String(site.port), '-V', `${version}:${version}`, '-G', '-u', '-v')
  if (site.group !== undefined) args.push('-I', site.group.replace('-', ''))
  if (site.clientAuthorities !== undefined) args.push('-r')
  return args
}

const NICKNAME = 'server'
const run = promisify(execFile)

async function fillDatabase(folder: TemporaryFolder, site: PlacedSite): Promise<void> {
  const database = `sql:${folder.path}`
  const certutil = requireProgram('certutil')
  await run(certutil, ['-N', '-d', database, '--empty-password'])
  for (const [index, authority] of certificatesIn(site.clientAuthorities ?? '').entries()) {
    const file = await folder.write(`authority-${index}.crt`, authority)
    await run(certutil, ['-A', '-d', database, '-n', `authority-${index}`, '-t', 'CT,,', '-i', file])
  }
  const bundle = `${folder.path}/server.p12`
  const { certificate, privateKey } = site.files
  const source = ['-in', certificate, '-inkey', privateKey, '-name', NICKNAME]
  await run(requireProgram('openssl'), ['pkcs12', '-export', ...source, '-passout', 'pass:', '-out', bundle])
  await run(requireProgram('pk12util'), ['-i', bundle, '-d', database, '-W', '', '-K', ''])
}

function certificatesIn(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/g) ?? []
}
