// JSSE, the JDK's TLS, through the small echo server beside this file, which the JDK compiles as it starts.
import { fileURLToPath } from 'node:url'
import type { KeyChoice } from '../certificates.js'
import { temporaryFolder } from '../files.js'
import { requireProgram } from '../peers.js'
import type { SeveralSites } from './caddy.js'
import { startProcess } from './process.js'
import { type PlacedSite, placeSites, type TlsSite } from './tls-site.js'

export interface JsseOptions {
  /** They share their `group`: the JDK takes it for a whole process. */
  readonly sites: readonly TlsSite[]
  /** PEM of the authorities for clients, of all sites. */
  readonly clientAuthorities: string
  /** Bytes under one key after which it updates it, as the JDK writes them. Default: its own. */
  readonly keyLimit?: `2^${number}`
}

export async function startJsse(options: JsseOptions): Promise<SeveralSites> {
  const { sites, clientAuthorities, keyLimit = '2^37' } = options
  const folder = await temporaryFolder('jsse')
  const placed = await placeSites(folder, sites)
  const authorities = await folder.write('authorities.crt', clientAuthorities)
  const group = sites[0]?.group
  const started = await startProcess({
    command: requireProgram('java'),
    // The quick compiler is enough, and one thread to collect garbage.
    args: [
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      ...(group === undefined ? [] : ['-Djdk.tls.namedGroups=secp384r1']),
      source,
      keyLimit,
      authorities,
      ...placed.map(siteArgument),
    ],
    // It picks its ports itself.
    port: 0,
    ready: /^ready$/m,
    deadline: 60_000,
    cleanup: folder.remove,
  })
  const ports = new Map(
    [...started.log().matchAll(/^site (\S+) (\d+)$/gm)].map(([, name, port]) => [name!, Number(port)]),
  )
  return { ...started, ports }
}

const source = fileURLToPath(new URL('./JsseServer.java', import.meta.url))

const keyFactories: Readonly<Record<KeyChoice, string>> = {
  'rsa-2048': 'RSA',
  'rsa-pss': 'RSASSA-PSS',
  'ecdsa-p256': 'EC',
  'ecdsa-p384': 'EC',
  ed25519: 'Ed25519',
}

function siteArgument({ name, version, files, key, clientAuthorities }: PlacedSite): string {
  const ask = clientAuthorities === undefined ? 'none' : 'want'
  return [name, version, files.certificate, files.privateKey, keyFactories[key], ask].join(',')
}
