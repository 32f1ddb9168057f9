// HAProxy as a service runs it: a master that can be reloaded, and no tunnel cut for it. It tells the gateway from which
// port a client came, and says how each connection ended.
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryFolder, writeCertificate } from '../support/files.js'
import { requireProgram } from '../support/peers.js'
import { freePort, startProcess } from '../support/servers/process.js'
import { type BalancerLine, balancerFormat, balancerLine } from './evidence.js'

export interface Balancer extends AsyncDisposable {
  readonly port: number
  /** As after a change of its configuration; resolves when the new process has the sockets. */
  reload(): Promise<void>
}

export async function startBalancer(
  upstream: number,
  certificate: { readonly chain: string; readonly privateKey: string },
  tunnels: number,
  said: (line: BalancerLine) => void,
): Promise<Balancer> {
  const folder = await temporaryFolder('soak')
  const port = await freePort()
  const { both } = await writeCertificate(folder, 'srv', certificate)
  const config = await folder.write(
    'haproxy.cfg',
    `global
  maxconn ${2 * tunnels + 200}
  nbthread 1
  log stdout format raw local0 info
defaults
  mode http
  log global
  log-format "${balancerFormat}"
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  timeout tunnel 120s
  timeout http-request 60s
  # A gateway that was killed is asked again a moment later, not for the client to see.
  retries 0
frontend fe
  bind 127.0.0.1:${port} ssl crt ${both} alpn http/1.1
  # The port as an address: fd00::54:321 is 54321.
  http-request set-header X-Forwarded-For fd00::%[src_port,div(1000)]:%[src_port,mod(1000)]
  default_backend be
backend be
  server s1 127.0.0.1:${upstream}
`,
  )
  const haproxy = await startProcess({
    command: requireProgram('haproxy'),
    args: ['-W', '-db', '-f', config],
    port,
    ready: /Loading success/,
    cleanup: folder.remove,
  })
  createInterface(haproxy.child.stdout!).on('line', (text) => {
    const line = balancerLine(text, Date.now())
    if (line !== undefined) said(line)
  })
  let loaded = 0
  createInterface(haproxy.child.stderr!).on('line', (text) => {
    if (text.includes('Loading success')) loaded++
  })
  return {
    port,
    async reload() {
      const before = loaded
      process.kill(haproxy.pid, 'SIGUSR2')
      while (loaded === before) {
        if (haproxy.child.exitCode !== null) throw new Error(`HAProxy ended:\n${haproxy.log()}`)
        await sleep(20)
      }
    },
    [Symbol.asyncDispose]: () => haproxy.stop(),
  }
}
