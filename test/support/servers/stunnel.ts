// stunnel in front of a TCP server: each site ends TLS on a port of its own and passes bytes both ways.
import { temporaryFolder } from '../files.js'
import { requireProgram } from '../peers.js'
import type { SeveralSites } from './caddy.js'
import { startProcess } from './process.js'
import { type PlacedSite, placeSites, portsOf, type TlsSite } from './tls-site.js'

export interface StunnelOptions {
  readonly sites: readonly TlsSite[]
  /** Port on 127.0.0.1 of the TCP server behind it. */
  readonly upstreamPort: number
}

export async function startStunnel({ sites, upstreamPort }: StunnelOptions): Promise<SeveralSites> {
  const folder = await temporaryFolder('stunnel')
  const placed = await placeSites(folder, sites)
  // Level 6 tells of sessions and certificates.
  const general = ['foreground = yes', 'pid =', 'debug = 6', 'syslog = no']
  const config = [...general, ...placed.flatMap((site) => service(site, upstreamPort)), ''].join('\n')
  const started = await startProcess({
    command: requireProgram('stunnel4'),
    args: [await folder.write('stunnel.conf', config)],
    port: placed.at(-1)!.port,
    ready: /Configuration successful/,
    cleanup: folder.remove,
  })
  return { ...started, ports: portsOf(placed) }
}

function service(site: PlacedSite, upstreamPort: number): string[] {
  const lines = [
    `[${site.name}]`,
    `accept = 127.0.0.1:${site.port}`,
    `connect = 127.0.0.1:${upstreamPort}`,
    `cert = ${site.files.certificate}`,
    `key = ${site.files.privateKey}`,
    `sslVersion = ${site.version}`,
  ]
  if (site.group !== undefined) lines.push(`curves = ${site.group}`)
  // The last line takes back what verifyChain implies: a client may come without one.
  if (site.authoritiesFile !== undefined)
    lines.push(`CAfile = ${site.authoritiesFile}`, 'verifyChain = yes', 'requireCert = no')
  return lines
}
