// tinyproxy: an HTTP proxy for the way out, with a password or a filter if wanted.
import { temporaryFolder } from '../files.js'
import { requireProgram } from '../peers.js'
import { freePort, type ServerProcess, startProcess } from './process.js'

export interface TinyproxyOptions {
  /** Only for who knows these. */
  readonly credentials?: { readonly user: string; readonly password: string }
  /** Hosts it refuses, as regular expressions. */
  readonly denied?: readonly string[]
  /** Ports that CONNECT may name. Default: any. */
  readonly connectPorts?: readonly number[]
}

export async function startTinyproxy(options: TinyproxyOptions = {}): Promise<ServerProcess> {
  const { credentials, denied = [], connectPorts = [] } = options
  const folder = await temporaryFolder('tinyproxy')
  const port = await freePort()
  const filter = await folder.write('filter', denied.map((each) => `${each}\n`).join(''), 0o644)
  const config = await folder.write(
    'tinyproxy.conf',
    [
      `Port ${port}`,
      'Listen 127.0.0.1',
      'Timeout 60',
      'LogLevel Connect',
      'MaxClients 50',
      ...connectPorts.map((each) => `ConnectPort ${each}`),
      ...(credentials ? [`BasicAuth ${credentials.user} ${credentials.password}`] : []),
      ...(denied.length > 0 ? [`Filter "${filter}"`, 'FilterType ere'] : []),
      '',
    ].join('\n'),
  )
  return startProcess({
    command: requireProgram('tinyproxy'),
    args: ['-d', '-c', config],
    port,
    cleanup: folder.remove,
  })
}
