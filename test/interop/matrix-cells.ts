// What is done for each column of the matrix: a handshake or two on connections of its own, with its assertions.
import { expect, vi } from 'vitest'
import type { TlsClientOptions } from '../../src/tls/index.js'
import {
  type Credentials,
  clientSubject,
  connectClient,
  impatientCrypto,
  type MatrixClient,
  recordingStore,
} from './matrix-client.js'
import type { Connect, MatrixPeer } from './matrix-peers.js'
import { type Place, type Purpose, type RunningPeer, serverCertificate } from './matrix-places.js'
import type { ColumnName, MatrixKey, Outcome, Row } from './matrix-table.js'

/** Everything a cell needs. */
export interface Cell {
  readonly row: Row
  readonly column: ColumnName
  readonly peer: MatrixPeer
  readonly running: RunningPeer
  readonly credentials: Credentials
}

/** Fill the cell. Rejects when something in it is not as it must be. */
export async function fill(cell: Cell): Promise<Outcome> {
  const refusal = cell.peer.refused?.(cell.row, cell.column)
  if (refusal === undefined) return exercises[cell.column](cell)
  const code = await codeOfRefusal(cell)
  expect(code).toMatch(refusal.code)
  return { kind: 'refused', note: `${refusal.reason} ${code}.` }
}

const exercises: Readonly<Record<ColumnName, (cell: Cell) => Promise<Outcome>>> = {
  async agreed(cell) {
    const { suite, group, signature } = await visit(cell, 'main', {}, async (client) => {
      await cell.peer.converse(client, 2)
      return client.info
    })
    return { kind: 'held', fact: `${suite} ${group} ${signature}` }
  },

  async none(cell) {
    await visit(cell, 'main', {}, async (client) => {
      expect(client.messages('received', 'certificate_request')).toBe(1)
      expect(client.info.clientCertificate).toBe(false)
      await cell.peer.converse(client, 2)
    })
    return held
  },

  'client-rsa': (cell) => withClientCertificate(cell, 'rsa-2048'),
  'client-ecdsa': (cell) => withClientCertificate(cell, 'ecdsa-p256'),
  'client-ed25519': (cell) => withClientCertificate(cell, 'ed25519'),

  async retry(cell) {
    await visit(cell, 'retry', {}, async (client) => {
      expect(client.info.group).toBe('secp384r1')
      expect(client.messages('sent', 'client_hello')).toBe(cell.row.version === 'TLSv1.3' ? 2 : 1)
      expect(client.messages('received', 'certificate_request')).toBe(0)
      await cell.peer.converse(client, 2)
    })
    const ofItsOwn = serverCertificate(cell.credentials, cell.row, 'retry') === cell.credentials.serverP384
    return ofItsOwn
      ? { kind: 'held', note: 'With a P-384 certificate: in TLS 1.2 the groups bind its curve too.' }
      : held
  },

  async resumption(cell) {
    const session = recordingStore()
    await visit(cell, 'main', { session }, async (client) => {
      expect(client.info.resumed).toBe(false)
      await cell.peer.converse(client, 2)
      await vi.waitFor(() => expect(session.kept).toBeGreaterThan(0), 5000)
    })
    const saw = cell.peer.sawResumption
    await visit(cell, 'main', { session }, async (client, log) => {
      expect(client.info.resumed).toBe(true)
      expect(client.messages('received', 'certificate')).toBe(0)
      await cell.peer.converse(client, 2)
      if (saw !== undefined) await vi.waitFor(() => expect(log()).toMatch(saw), 5000)
    })
    return saw === undefined
      ? {
          kind: 'held',
          note: 'The server does not print whether it resumed; the handshake had no certificate.',
        }
      : held
  },

  async 'update-ours'(cell) {
    await visit(cell, 'main', { crypto: impatientCrypto() }, async (client) => {
      await client.requestKeyUpdate()
      await cell.peer.converse(client, 32)
      expect(client.messages('sent', 'key_update')).toBeGreaterThanOrEqual(3)
      // RFC 8446 §4.6.3: the answer comes before the server's next data.
      expect(client.messages('received', 'key_update')).toBe(1)
    })
    return held
  },

  async 'update-theirs'(cell) {
    await visit(cell, 'update', {}, async (client, _, place) => {
      await cell.peer.updateTheirs!(client, place)
      expect(client.messages('received', 'key_update')).toBeGreaterThan(0)
      // One answer may serve several requests.
      expect(client.messages('sent', 'key_update')).toBeGreaterThan(0)
    })
    return held
  },

  async bulk(cell) {
    const clients: MatrixClient[] = []
    const connect: Connect = async () => {
      const client = await open(cell, 'retry', {})
      clients.push(client)
      return client
    }
    try {
      const note = await cell.peer.carryBulk(connect)
      return note === undefined ? held : { kind: 'held', note }
    } finally {
      for (const client of clients) client.destroy()
    }
  },

  async close(cell) {
    await visit(cell, 'main', {}, async (client) => {
      await cell.peer.converse(client, 2)
      if (cell.peer.closesFirst === 'client') await client.end()
      // Rejects with ERR_TLS_TRUNCATED when there is no close_notify.
      await client.ended
      expect(client.alerts('received', 'close_notify')).toBe(1)
      if (cell.peer.closesFirst === 'server') await client.end()
      expect(client.alerts('sent', 'close_notify')).toBe(1)
    })
    return held
  },
}

const held: Outcome = { kind: 'held' }

async function withClientCertificate(cell: Cell, key: MatrixKey): Promise<Outcome> {
  await visit(cell, 'main', { identity: cell.credentials.clients[key] }, async (client, log) => {
    expect(client.info.clientCertificate).toBe(true)
    await cell.peer.converse(client, 2)
    await vi.waitFor(() => expect(log()).toMatch(cell.peer.sawClient(clientSubject(key))), 5000)
  })
  return held
}

async function codeOfRefusal(cell: Cell): Promise<unknown> {
  const kinds: Partial<Record<ColumnName, MatrixKey>> = {
    'client-rsa': 'rsa-2048',
    'client-ecdsa': 'ecdsa-p256',
    'client-ed25519': 'ed25519',
  }
  const key = kinds[cell.column]
  const purpose = cell.column === 'retry' || cell.column === 'bulk' ? 'retry' : 'main'
  const options = key === undefined ? {} : { identity: cell.credentials.clients[key] }
  try {
    await visit(cell, purpose, options, (client) => cell.peer.converse(client, 2))
  } catch (error) {
    return (error as { code?: unknown }).code
  }
  return 'no refusal'
}

/** What the server printed, and what it answered, since a connection began. */
type Log = () => string

async function visit<T>(
  cell: Cell,
  purpose: Purpose,
  options: Partial<TlsClientOptions>,
  body: (client: MatrixClient, log: Log, place: Place) => Promise<T>,
): Promise<T> {
  const place = cell.running.place(cell.row, purpose)
  const before = place.log().length
  const client = await open(cell, purpose, options)
  try {
    return await body(client, () => place.log().slice(before) + client.received(), place)
  } finally {
    client.destroy()
  }
}

function open(
  { row, credentials, running }: Cell,
  purpose: Purpose,
  options: Partial<TlsClientOptions>,
): Promise<MatrixClient> {
  return connectClient({
    ...row,
    port: running.place(row, purpose).port,
    certificate: serverCertificate(credentials, row, purpose),
    authorities: credentials.authorities,
    options,
  })
}
