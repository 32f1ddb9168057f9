// `gnutls-serv --echo`: what a client sends comes back, its log tells whom it saw, and the line **REHANDSHAKE** makes it
// update its keys and ask for ours. It listens on every address, because it knows no other way.
import { temporaryFolder } from '../files.js'
import { requireProgram } from '../peers.js'
import { type ServerProcess, startProcess } from './process.js'
import { placeSites, type TlsSite } from './tls-site.js'

export interface GnutlsServerOptions {
  /** Say nothing of connections and data: for bulk. */
  readonly quiet?: boolean
}

export async function startGnutlsServer(
  site: TlsSite,
  { quiet = false }: GnutlsServerOptions = {},
): Promise<ServerProcess> {
  const folder = await temporaryFolder('gnutls')
  const [placed] = await placeSites(folder, [site])
  const { port, files, authoritiesFile } = placed!
  const args = ['--port', String(port), '--echo', '--priority', priority(site)]
  args.push('--x509certfile', files.certificate, '--x509keyfile', files.privateKey)
  if (authoritiesFile === undefined) args.push('--disable-client-cert')
  else args.push('--x509cafile', authoritiesFile, '--verify-client-cert')
  if (quiet) args.push('--quiet')
  return startProcess({ command: requireProgram('gnutls-serv'), args, port, cleanup: folder.remove })
}

function priority({ version, group }: TlsSite): string {
  const versions = `-VERS-ALL:+VERS-${version.replace('v', '')}`
  return `NORMAL:${versions}${group === undefined ? '' : ':-GROUP-ALL:+GROUP-SECP384R1'}`
}
