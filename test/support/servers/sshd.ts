// OpenSSH's sshd for one key of the current user, in a temporary folder.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { temporaryFolder } from '../files.js'
import { requireProgram } from '../peers.js'
import { freePort, type RunningServer, startProcess } from './process.js'

export interface SshServer extends RunningServer {
  readonly user: string
  /** The private key it lets in, in OpenSSH form. */
  readonly privateKey: string
  /** The host key, as in known_hosts: `ssh-ed25519 AAAA…`. */
  readonly hostKey: string
}

export async function startSshd(): Promise<SshServer> {
  const folder = await temporaryFolder('sshd')
  const port = await freePort()
  const [host, client] = ['host', 'client'].map((name) => join(folder.path, name)) as [string, string]
  for (const file of [host, client])
    execFileSync(requireProgram('ssh-keygen'), ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file])
  const config = await folder.write(
    'sshd_config',
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${host}
AuthorizedKeysFile ${client}.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
PidFile none
`,
  )
  // Debian's sshd wants its privilege separation folder, which only its service makes.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
  const server = await startProcess({
    command: requireProgram('sshd'),
    args: ['-D', '-e', '-f', config],
    port,
    ready: /Server listening on 127\.0\.0\.1/,
    cleanup: folder.remove,
  })
  return {
    ...server,
    user: userInfo().username,
    privateKey: readFileSync(client, 'utf8'),
    hostKey: readFileSync(`${host}.pub`, 'utf8').trim(),
  }
}
