// One listening place of a TLS server that other people wrote, in the words that all of them can be configured with.
import type { Issued, KeyChoice } from '../certificates.js'
import { type CertificateFiles, type TemporaryFolder, writeCertificate } from '../files.js'
import { freePort } from './process.js'

export interface TlsSite {
  /** For logs and file names: letters, digits, hyphens. */
  readonly name: string
  readonly certificate: Pick<Issued, 'chain' | 'privateKey'>
  readonly key: KeyChoice
  /** The only version it speaks. */
  readonly version: 'TLSv1.2' | 'TLSv1.3'
  /** The only group it agrees on. Default: whatever it likes. */
  readonly group?: 'P-384' | undefined
  /** PEM. Ask for a client certificate that one of these signed, and go on without one. Default: do not ask. */
  readonly clientAuthorities?: string | undefined
}

/** A site with its port and its files. */
export interface PlacedSite extends TlsSite {
  readonly port: number
  readonly files: CertificateFiles
  /** PEM file of `clientAuthorities`. */
  readonly authoritiesFile: string | undefined
}

/** Give each site a port of its own and write its files. */
export async function placeSites(
  folder: TemporaryFolder,
  sites: readonly TlsSite[],
): Promise<readonly PlacedSite[]> {
  const ports = new Set<number>()
  while (ports.size < sites.length) ports.add(await freePort())
  const free = [...ports]
  return Promise.all(
    sites.map(async (site, index) => ({
      ...site,
      port: free[index]!,
      files: await writeCertificate(folder, site.name, site.certificate),
      authoritiesFile:
        site.clientAuthorities && (await folder.write(`${site.name}-ca.crt`, site.clientAuthorities, 0o644)),
    })),
  )
}

/** Ports by site name. */
export function portsOf(sites: readonly PlacedSite[]): ReadonlyMap<string, number> {
  return new Map(sites.map(({ name, port }) => [name, port]))
}
