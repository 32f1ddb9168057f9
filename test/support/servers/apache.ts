// Apache as a load balancer: answers http/1.1 whatever ALPN was offered, and passes half-closes both ways.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { temporaryFolder, writeCertificate } from '../files.js'
import { requireProgram } from '../peers.js'
import type { LoadBalancerOptions } from './load-balancers.js'
import { freePort, otherUser, type ServerProcess, startProcess } from './process.js'

const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'ssl', 'socache_shmcb', 'http2']

export async function startApache(options: LoadBalancerOptions): Promise<ServerProcess> {
  const { idle = 60, webSocketOnly = false, upstreamPort } = options
  const folder = await temporaryFolder('apache')
  const port = await freePort()
  const files = await writeCertificate(folder, 'srv', options.certificate)
  const log = join(folder.path, 'error.log')
  const at = modulesFolder()
  const config = await folder.write(
    'apache.conf',
    `ServerRoot ${folder.path}
ServerName lb.test
PidFile ${join(folder.path, 'apache.pid')}
ErrorLog ${log}
LogLevel warn
Mutex file:${folder.path}
${modules.map((name) => `LoadModule ${name}_module ${join(at, `mod_${name}.so`)}`).join('\n')}
${otherUser('nobody') === undefined ? '' : 'User nobody\nGroup nogroup'}
StartServers 1
Listen 127.0.0.1:${port}
Protocols h2 http/1.1
Timeout ${idle}
<VirtualHost 127.0.0.1:${port}>
  SSLEngine on
  SSLCertificateFile ${files.certificate}
  SSLCertificateKeyFile ${files.privateKey}
  ProxyRequests off
  ProxyPass / http://127.0.0.1:${upstreamPort}/ upgrade=${webSocketOnly ? 'websocket' : 'ANY'}
</VirtualHost>
`,
  )
  return startProcess({
    command: requireProgram('apache2'),
    args: ['-f', config, '-DFOREGROUND'],
    port,
    cleanup: folder.remove,
    extraLog: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
  })
}

/** Debian's place, or beside the program. */
function modulesFolder(): string {
  const debian = '/usr/lib/apache2/modules'
  return existsSync(debian)
    ? debian
    : join(dirname(requireProgram('apache2')), '..', 'lib', 'apache2', 'modules')
}
