// Where the servers of the matrix listen: one process for every row, or one for all of them. How each is spoken to is in
// matrix-peers.
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import type { Issued } from '../support/certificates.js'
import type { ServerProcess } from '../support/servers/process.js'
import type { TlsSite } from '../support/servers/tls-site.js'
import type { Credentials } from './matrix-client.js'
import { type Row, rowId } from './matrix-table.js'

/** `main` asks for a client certificate, `retry` agrees on P-384 only and does not ask, `update` can be told to update keys. */
export type Purpose = 'main' | 'retry' | 'update'

/** One server in the form of one row. */
export interface Place {
  readonly port: number
  /** All that it printed so far about this place, or about any. */
  log(): string
  /** A line for its standard input. */
  type(line: string): void
}

export interface RunningPeer {
  place(row: Row, purpose: Purpose): Place
  stop(): Promise<void>
}

/** A process for every row and purpose that makes sense. */
export async function startEach(
  rows: readonly Row[],
  purposes: readonly Purpose[],
  credentials: Credentials,
  start: (site: TlsSite, purpose: Purpose) => Promise<ServerProcess>,
): Promise<RunningPeer> {
  const started = new Map<string, ServerProcess>()
  const wanted = rows
    .flatMap((row) => purposes.map((purpose) => ({ row, purpose })))
    // TLS 1.2 has no KeyUpdate.
    .filter(({ row, purpose }) => row.version === 'TLSv1.3' || purpose !== 'update')
  const settled = await Promise.allSettled(
    wanted.map(async ({ row, purpose }) => {
      const site = siteOf(row, purpose, credentials)
      started.set(site.name, await start(site, purpose))
    }),
  )
  const stop = () => stopAll([...started.values()])
  const failed = settled.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    await stop()
    throw failed.reason
  }
  return {
    place(row, purpose) {
      const server = started.get(
        siteName(row, purpose === 'update' && !purposes.includes('update') ? 'main' : purpose),
      )
      return placeOf(server, server?.port)
    },
    stop,
  }
}

/** One process with a site for each row, before a server of ours. */
export async function startInOne(
  rows: readonly Row[],
  credentials: Credentials,
  backend: Server,
  start: (options: {
    sites: readonly TlsSite[]
    upstreamPort: number
  }) => Promise<ServerProcess & { readonly ports: ReadonlyMap<string, number> }>,
): Promise<RunningPeer> {
  backend.listen(0, '127.0.0.1')
  await once(backend, 'listening')
  const close = () => new Promise((resolve) => backend.close(resolve))
  const sites = rows.flatMap((row) =>
    (['main', 'retry'] as const).map((purpose) => siteOf(row, purpose, credentials)),
  )
  try {
    const upstreamPort = (backend.address() as AddressInfo).port
    const server = await start({ sites, upstreamPort })
    return {
      place: (row, purpose) =>
        placeOf(server, server.ports.get(siteName(row, purpose === 'retry' ? purpose : 'main'))),
      async stop() {
        await server.stop()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** What the server shows. RFC 8422 §5.1: in TLS 1.2 the groups bind the curve of its certificate too. */
export function serverCertificate(credentials: Credentials, { version, key }: Row, purpose: Purpose): Issued {
  const p384 = purpose === 'retry' && version === 'TLSv1.2' && key === 'ecdsa-p256'
  return p384 ? credentials.serverP384 : credentials.servers[key]
}

export function siteOf(row: Row, purpose: Purpose, credentials: Credentials): TlsSite {
  const { authorities } = credentials
  return {
    name: siteName(row, purpose),
    certificate: serverCertificate(credentials, row, purpose),
    key: row.key,
    version: row.version,
    group: purpose === 'retry' ? 'P-384' : undefined,
    clientAuthorities: purpose === 'main' ? authorities : undefined,
  }
}

export function siteName(row: Row, purpose: Purpose): string {
  return `${rowId(row)}-${purpose}`.replace('v1.', '1')
}

export function placeOf(server: ServerProcess | undefined, port: number | undefined): Place {
  if (server === undefined || port === undefined) throw new Error('the server of this cell was not started')
  return {
    port,
    log: server.log,
    type: (text) => void server.child.stdin?.write(`${text}\n`),
  }
}

export async function stopAll(servers: readonly ServerProcess[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()))
}
