// What a tunnel goes through here: a service without TLS, a gateway before it, HAProxy before that, each a process.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startProcess } from '../support/servers/process.js'
import { type Credentials, createCredentials } from './credentials.js'
import type { GatewayWanted, Memory } from './gateway.js'
import { ask, start, startServer } from './processes.js'

export interface Stage {
  readonly credentials: Credentials
  readonly gatewayPort: number
  /** Another door of the service, itself; answers its port. */
  readonly listen: Awaited<ReturnType<typeof startServer>>
  gatewayMemory(): Promise<Memory>
}

export async function startStage(): Promise<Stage> {
  const credentials = await createCredentials()
  const { ca, server } = credentials
  const listen = await startServer()
  const gateway = await start('gateway', [], ['--expose-gc'])
  const wanted: GatewayWanted = {
    do: 'serve',
    identity: { certificate: server.chain, privateKey: server.privateKey },
    trust: ca,
    servicePort: await listen({}),
  }
  const { port } = await ask<{ port: number }>(gateway, wanted)
  return {
    credentials,
    gatewayPort: port,
    listen,
    gatewayMemory: () => ask<Memory>(gateway, { do: 'memory' }),
  }
}

export interface LoadBalancer {
  readonly port: number
  stop(): Promise<void>
}

/** HAProxy that ends TLS and knows none of our protocols. */
export async function startLoadBalancer({ credentials, gatewayPort }: Stage): Promise<LoadBalancer> {
  const folder = await mkdtemp(join(tmpdir(), 'underpass-bench-'))
  const port = await freePort()
  const certificate = join(folder, 'both.pem')
  await writeFile(certificate, credentials.server.chain + credentials.server.privateKey, { mode: 0o600 })
  const config = join(folder, 'haproxy.cfg')
  await writeFile(
    config,
    `global
  maxconn 2000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
frontend fe
  bind 127.0.0.1:${port} ssl crt ${certificate} alpn h2,http/1.1
  default_backend be
backend be
  server s1 127.0.0.1:${gatewayPort}
`,
  )
  const server = await startProcess({
    command: 'haproxy',
    args: ['-db', '-f', config],
    port,
    cleanup: () => rm(folder, { recursive: true, force: true }),
  })
  return { port, stop: () => server.stop() }
}
