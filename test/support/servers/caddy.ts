// Caddy, which is Go's crypto/tls: `/` answers with what the server knows of the connection, anything else goes to the
// HTTP server behind it.
import { execFileSync } from 'node:child_process'
import { temporaryFolder } from '../files.js'
import { requireProgram } from '../peers.js'
import { type ServerProcess, startProcess } from './process.js'
import { type PlacedSite, placeSites, portsOf, type TlsSite } from './tls-site.js'

export interface CaddyOptions {
  readonly sites: readonly TlsSite[]
  /** Port on 127.0.0.1 of the HTTP server behind it. */
  readonly upstreamPort: number
}

export interface SeveralSites extends ServerProcess {
  /** By site name. */
  readonly ports: ReadonlyMap<string, number>
}

export async function startCaddy({ sites, upstreamPort }: CaddyOptions): Promise<SeveralSites> {
  const folder = await temporaryFolder('caddy')
  const placed = await placeSites(folder, sites)
  const config = {
    admin: { disabled: true },
    apps: {
      http: {
        grace_period: '1s',
        servers: Object.fromEntries(placed.map((site) => [site.name, server(site, upstreamPort)])),
      },
      tls: { certificates: { load_files: loadFiles(placed) } },
    },
  }
  const started = await startProcess({
    command: requireProgram('caddy'),
    args: ['run', '--config', await folder.write('caddy.json', JSON.stringify(config))],
    // It keeps certificates and state where the environment says.
    env: { HOME: folder.path, XDG_DATA_HOME: folder.path, XDG_CONFIG_HOME: folder.path },
    port: placed[0]!.port,
    // Its sites begin to listen in no particular order.
    ready: /serving initial configuration/,
    cleanup: folder.remove,
  })
  return { ...started, ports: portsOf(placed) }
}

/** Of the Go that built it, as 1.19. */
export function goVersion(): number {
  const told = execFileSync(requireProgram('caddy'), ['build-info'], { encoding: 'utf8' })
  return Number(/\bgo(1\.\d+)/.exec(told)?.[1] ?? Number.NaN)
}

/** What `/` answers: version, suite, whether it resumed, the server name it heard, and the client's subject. */
const facts = ['version', 'cipher_suite', 'resumed', 'server_name', 'client.subject']
  .map((name) => `${name}={http.request.tls.${name}}`)
  .join('\n')

function server(site: PlacedSite, upstreamPort: number): unknown {
  const version = site.version.replace('TLSv', 'tls')
  return {
    listen: [`127.0.0.1:${site.port}`],
    protocols: ['h1'],
    automatic_https: { disable: true },
    tls_connection_policies: [
      {
        certificate_selection: { any_tag: [site.name] },
        protocol_min: version,
        protocol_max: version,
        ...(site.group === undefined ? {} : { curves: ['secp384r1'] }),
        ...(site.authoritiesFile === undefined
          ? {}
          : {
              client_authentication: {
                trusted_ca_certs_pem_files: [site.authoritiesFile],
                mode: 'verify_if_given',
              },
            }),
      },
    ],
    routes: [
      { match: [{ path: ['/'] }], handle: [{ handler: 'static_response', body: `${facts}\n` }] },
      { handle: [{ handler: 'reverse_proxy', upstreams: [{ dial: `127.0.0.1:${upstreamPort}` }] }] },
    ],
  }
}

/** Its store takes each certificate once, with the tags of all the sites that use it. */
function loadFiles(sites: readonly PlacedSite[]): unknown {
  const first = new Map<string, { certificate: string; key: string; tags: string[] }>()
  for (const { name, certificate, files } of sites) {
    const known = first.get(certificate.chain)
    if (known !== undefined) known.tags.push(name)
    else first.set(certificate.chain, { certificate: files.certificate, key: files.privateKey, tags: [name] })
  }
  return [...first.values()]
}
