// How each server of the matrix is started, spoken to and asked what it saw; and, with the reason, what it cannot do.
import { createHash, randomBytes } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { expect, vi } from 'vitest'
import { temporaryFolder } from '../support/files.js'
import type { PeerName } from '../support/peers.js'
import { goVersion, startCaddy } from '../support/servers/caddy.js'
import { startGnutlsServer } from '../support/servers/gnutls.js'
import { startJsse } from '../support/servers/jsse.js'
import { startSelfserv } from '../support/servers/nss.js'
import { startOpensslServer } from '../support/servers/openssl.js'
import { startStunnel } from '../support/servers/stunnel.js'
import type { Credentials, MatrixClient } from './matrix-client.js'
import {
  type Place,
  placeOf,
  type RunningPeer,
  siteName,
  siteOf,
  startEach,
  startInOne,
  stopAll,
} from './matrix-places.js'
import { type ColumnName, type Row, rowsOf, type StackName } from './matrix-table.js'

export type Connect = () => Promise<MatrixClient>

export interface MatrixPeer {
  readonly needs: readonly PeerName[]
  start(credentials: Credentials): Promise<RunningPeer>
  /** Why this cell cannot be tried, if it cannot. */
  absent?(row: Row, column: ColumnName): string | undefined
  /** How a cell must fail instead of holding. */
  refused?(row: Row, column: ColumnName): Refusal | undefined
  /** Ask something in as many pieces, and check the answer. */
  converse(client: MatrixClient, pieces: number): Promise<void>
  /** Who says close_notify first; the other answers. */
  readonly closesFirst: 'client' | 'server'
  /** In what it printed, or answered, since the connection began: that it saw this client certificate. */
  sawClient(subject: string): RegExp
  /** The same: that it resumed. Absent: it does not tell. */
  readonly sawResumption?: RegExp
  /** Have it update its keys and ask for ours, and check that data passes both ways after that. */
  updateTheirs?(client: MatrixClient, place: Place): Promise<void>
  /** Send and be sent `bulk`; returns what of it could not be done. */
  carryBulk(connect: Connect): Promise<string | undefined>
}

export interface Refusal {
  readonly code: RegExp
  readonly reason: string
}

const MEBIBYTE = 2 ** 20

/** 16 MiB of lines, because some servers echo by the line. */
export const bulk: Buffer = Buffer.concat(
  Array.from({ length: 16 * 256 }, () =>
    Buffer.from(`${randomBytes(3072).toString('base64').slice(0, 4095)}\n`),
  ),
)

const line = (index: number): string => `drawer ${index}\n`
const reversed = (text: string): string => text.replace(/[^\n]+/g, (part) => [...part].reverse().join(''))

/** Echo servers: what is sent comes back, perhaps changed by the line. */
function echo(change: (text: string) => string = (text) => text) {
  return {
    closesFirst: 'client',
    async converse(client, pieces) {
      const asked = Array.from({ length: pieces }, (_, index) => line(index))
      const before = client.received().length
      for (const piece of asked) await client.send(piece)
      const all = asked.join('')
      const answer = (await client.until(before + all.length)).subarray(before)
      expect(String(answer)).toBe(change(all))
    },
    async carryBulk(connect) {
      const client = await connect()
      const back = client.until(bulk.length)
      back.catch(() => {})
      for (let at = 0; at < bulk.length; at += MEBIBYTE / 4)
        await client.send(bulk.subarray(at, at + MEBIBYTE / 4))
      expect((await back).equals(Buffer.from(change(bulk.toString('latin1')), 'latin1'))).toBe(true)
      await client.end()
      await client.ended
      return undefined
    },
  } satisfies Partial<MatrixPeer>
}

/** HTTP servers: they answer and close. */
function http(answer: RegExp) {
  return {
    closesFirst: 'server',
    async converse(client, pieces) {
      // One header for every piece but the first and the last.
      const headers = Array.from(
        { length: pieces - 2 },
        (_, index) => `x-${index}: ${line(index).trim()}\r\n`,
      )
      const request = ['GET / HTTP/1.0\r\nHost: localhost\r\n', ...headers, '\r\n']
      for (const piece of request) await client.send(piece)
      const head = /^HTTP\/1\.[01] 200 OK\r\n/
      const response = String(await client.ended)
      expect(response).toMatch(head)
      expect(response).toMatch(answer)
    },
  } satisfies Partial<MatrixPeer>
}

/** Everything after the head of an HTTP response. */
async function body(client: MatrixClient, request: string): Promise<Buffer> {
  await client.send(request)
  const response = await client.ended
  const end = response.indexOf('\r\n\r\n') + 4
  await client.end()
  return response.subarray(end)
}

const openssl: MatrixPeer = {
  needs: ['openssl'],
  async start(credentials) {
    const folder = await temporaryFolder('openssl-authorities')
    const authorities = await folder.write('authorities.crt', credentials.authorities)
    const ask = ['-CAfile', authorities, '-verify', '1', '-verify_return_error']
    const running = await startEach(
      rowsOf('openssl'),
      ['main', 'retry', 'update'],
      credentials,
      (site, purpose) =>
        startOpensslServer({
          certificate: site.certificate,
          behaviour: purpose === 'update' ? 'console' : 'echo',
          args: [
            site.version === 'TLSv1.3' ? '-tls1_3' : '-tls1_2',
            ...(site.group === undefined ? [] : ['-groups', site.group]),
            ...(site.clientAuthorities === undefined ? [] : ask),
          ],
        }),
    ).catch(async (error) => {
      await folder.remove()
      throw error
    })
    return {
      ...running,
      async stop() {
        await running.stop()
        await folder.remove()
      },
    }
  },
  ...echo(reversed),
  sawClient: (subject) => new RegExp(`^Peer certificate: CN = ${subject}$`, 'm'),
  async updateTheirs(client, place) {
    place.type('K')
    await vi.waitFor(() => expect(client.messages('received', 'key_update')).toBe(1), 5000)
    place.type('from the server')
    expect(String(await client.until(16))).toBe('from the server\n')
    await client.send('from the client\n')
    await vi.waitFor(() => expect(place.log()).toContain('from the client\n'), 5000)
  },
}

const gnutls: MatrixPeer = {
  needs: ['gnutls'],
  start: (credentials) =>
    startEach(rowsOf('gnutls'), ['main', 'retry'], credentials, (site, purpose) =>
      startGnutlsServer(site, { quiet: purpose === 'retry' }),
    ),
  ...echo(),
  sawClient: (subject) => new RegExp(`^\\s*Subject: CN=${subject}$`, 'm'),
  sawResumption: /This is a resumed session/,
  async updateTheirs(client) {
    await client.send('**REHANDSHAKE**\n')
    await vi.waitFor(() => expect(client.messages('received', 'key_update')).toBe(1), 5000)
    await vi.waitFor(() => expect(String(client.received())).toContain('executed command\n'), 5000)
    await this.converse(client, 2)
  },
}

const nss: MatrixPeer = {
  needs: ['nss', 'openssl'],
  start: (credentials) =>
    startEach(
      rowsOf('nss').filter(({ key }) => key !== 'ed25519'),
      ['main', 'retry'],
      credentials,
      (site, purpose) =>
        startSelfserv(
          { ...site, clientAuthorities: site.clientAuthorities && withoutEd25519(credentials) },
          purpose === 'retry' ? { content: { bulk } } : {},
        ),
    ),
  absent: ({ key }, column) =>
    key === 'ed25519'
      ? 'NSS can neither import nor use an Ed25519 key for TLS.'
      : column === 'update-theirs'
        ? 'selfserv has no way to make it update its keys.'
        : undefined,
  refused: (_, column) =>
    column === 'client-ed25519'
      ? {
          code: /^ERR_TLS_NO_SIGNATURE_OVERLAP$/,
          reason:
            'NSS asks for no Ed25519 signature, so that the client refuses before it shows a certificate:',
        }
      : undefined,
  ...http(/GET \/ HTTP\/1\.0/),
  sawClient: (subject) => new RegExp(`^selfserv: subject DN: CN=${subject}$`, 'm'),
  sawResumption: /^selfserv: [1-9]\d* cache hits|^\s*[1-9]\d* stateless resumes/m,
  async carryBulk(connect) {
    expect((await body(await connect(), 'GET bulk HTTP/1.0\r\n\r\n')).equals(bulk)).toBe(true)
    return 'Downwards only: selfserv reads one request of at most 10 kB.'
  },
}

const java: MatrixPeer = {
  needs: ['java'],
  async start(credentials) {
    const { authorities: clientAuthorities } = credentials
    // Two at a time, because a JDK restricts its groups for the whole process.
    const purposes = ['main', 'retry'] as const
    const processes = await Promise.all(
      purposes.map((purpose) =>
        startJsse({
          sites: rowsOf('java').map((row) => siteOf(row, purpose, credentials)),
          clientAuthorities,
          ...(purpose === 'main' ? { keyLimit: '2^20' } : {}),
        }),
      ),
    )
    return {
      place: (row, purpose) => {
        const process = processes[purpose === 'retry' ? 1 : 0]!
        return placeOf(process, process.ports.get(siteName(row, purpose === 'retry' ? purpose : 'main')))
      },
      stop: () => stopAll(processes),
    }
  },
  ...echo(),
  sawClient: (subject) => new RegExp(`^accepted .* client=CN=${subject}$`, 'm'),
  sawResumption: /^accepted .* resumed=true /m,
  async updateTheirs(client) {
    // Past a mebibyte under one key it makes a new one.
    const before = client.received().length
    const data = bulk.subarray(0, 2 * MEBIBYTE)
    await client.send(data)
    const answer = await client.until(before + data.length)
    expect(answer.subarray(before).equals(data)).toBe(true)
    await this.converse(client, 2)
  },
}

const caddy: MatrixPeer = {
  needs: ['caddy'],
  async start(credentials) {
    const backend = createHttpServer((request, response) => {
      if (request.method === 'GET') response.end(bulk)
      else {
        const hash = createHash('sha256')
        request.on('data', (chunk: Buffer) => hash.update(chunk))
        request.on('end', () => response.end(hash.digest('hex')))
      }
    })
    return startInOne(rowsOf('caddy'), credentials, backend, startCaddy)
  },
  absent: (_, column) =>
    column === 'update-theirs' ? 'Go updates its key only when it is asked to.' : undefined,
  refused: ({ version }) =>
    version === 'TLSv1.2' && goVersion() < 1.21
      ? {
          code: /^ERR_TLS_EXTENDED_MASTER_SECRET$/,
          reason:
            'Go has the extended master secret (RFC 7627) since 1.21 and this Caddy is older; the client takes no TLS 1.2 without:',
        }
      : undefined,
  ...http(/^server_name=localhost$/m),
  sawClient: (subject) => new RegExp(`^client\\.subject=CN=${subject}$`, 'm'),
  sawResumption: /^resumed=true$/m,
  async carryBulk(connect) {
    const up = await connect()
    const head = `POST /bulk HTTP/1.0\r\nHost: localhost\r\nContent-Length: ${bulk.length}\r\n\r\n`
    await up.send(head)
    for (let at = 0; at < bulk.length; at += MEBIBYTE / 4) await up.send(bulk.subarray(at, at + MEBIBYTE / 4))
    expect(String(await up.ended)).toContain(createHash('sha256').update(bulk).digest('hex'))
    await up.end()
    const request = 'GET /bulk HTTP/1.0\r\nHost: localhost\r\n\r\n'
    expect((await body(await connect(), request)).equals(bulk)).toBe(true)
    return undefined
  },
}

const stunnel: MatrixPeer = {
  needs: ['stunnel'],
  async start(credentials) {
    const backend = createTcpServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => socket.destroy())
      socket.pipe(socket)
    })
    return startInOne(rowsOf('stunnel'), credentials, backend, startStunnel)
  },
  absent: (_, column) =>
    column === 'update-theirs' ? 'stunnel has no way to make it update its keys.' : undefined,
  ...echo(),
  sawClient: (subject) => new RegExp(`Certificate accepted at depth=0: CN=${subject}$`, 'm'),
  sawResumption: /previous session reused/,
}

export const matrixPeers: Readonly<Record<StackName, MatrixPeer>> = {
  openssl,
  gnutls,
  nss,
  java,
  caddy,
  stunnel,
}

/** NSS's database takes no Ed25519 root either. */
function withoutEd25519({ authorities }: Credentials): string {
  const all = authorities.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----\n/g) ?? []
  return all.slice(0, 2).join('')
}
