// Caddy as a load balancer, as a newcomer configures it, and stunnel, which only ends TLS and passes every byte.
import { temporaryFolder, writeCertificate } from '../files.js'
import { requireProgram } from '../peers.js'
import type { LoadBalancerOptions } from './load-balancers.js'
import { freePort, type ServerProcess, startProcess } from './process.js'

export async function startCaddyBalancer(options: LoadBalancerOptions): Promise<ServerProcess> {
  const folder = await temporaryFolder('caddy')
  const port = await freePort()
  const { certificate, privateKey } = await writeCertificate(folder, 'srv', options.certificate)
  const config = await folder.write(
    'Caddyfile',
    `{
  admin off
  auto_https off
  skip_install_trust
  servers {
    protocols h1 h2
  }
}
https://localhost:${port}, https://lb.test:${port}, https://127.0.0.1:${port} {
  bind 127.0.0.1
  tls ${certificate} ${privateKey}
  reverse_proxy 127.0.0.1:${options.upstreamPort}
}
`,
  )
  return startProcess({
    command: requireProgram('caddy'),
    args: ['run', '--config', config, '--adapter', 'caddyfile'],
    // It keeps certificates and state where the environment says.
    env: { HOME: folder.path, XDG_DATA_HOME: folder.path, XDG_CONFIG_HOME: folder.path },
    port,
    ready: /serving initial configuration/,
    cleanup: folder.remove,
  })
}

export async function startStunnelTerminator(options: LoadBalancerOptions): Promise<ServerProcess> {
  const folder = await temporaryFolder('stunnel')
  const port = await freePort()
  const { certificate, privateKey } = await writeCertificate(folder, 'srv', options.certificate)
  const lines = ['foreground = yes', 'pid =', 'syslog = no', '[lb]', `accept = 127.0.0.1:${port}`]
  const rest = [`connect = 127.0.0.1:${options.upstreamPort}`, `cert = ${certificate}`, `key = ${privateKey}`]
  const idle = options.idle === undefined ? [] : [`TIMEOUTidle = ${options.idle}`]
  const config = await folder.write('stunnel.conf', [...lines, ...rest, ...idle, ''].join('\n'))
  return startProcess({
    command: requireProgram('stunnel4'),
    args: [config],
    port,
    ready: /Configuration successful/,
    cleanup: folder.remove,
  })
}
