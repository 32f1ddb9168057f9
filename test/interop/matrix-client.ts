// Our side of the matrix: certificates for both ends, and connections with every fact of their handshake asserted.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect } from 'vitest'
import { type Identity, loadIdentity } from '../../src/pki/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import {
  type Session,
  type SessionStore,
  type TlsClientOptions,
  type TlsInfo,
  tlsClient,
} from '../../src/tls/index.js'
import { type Authority, createAuthority, type Issued } from '../support/certificates.js'
import { type Driven, layerOverSocket } from '../support/layer-over-socket.js'
import type { MatrixKey, MatrixVersion } from './matrix-table.js'

export const SERVER_NAME = 'localhost'

export interface Credentials {
  /** PEM of a root for each kind of key. */
  readonly authorities: string
  /** Each signed by the root of its own kind. */
  readonly servers: Readonly<Record<MatrixKey, Issued>>
  /** Under the ECDSA root. */
  readonly serverP384: Issued
  readonly clients: Readonly<Record<MatrixKey, Identity>>
}

export const keyNames: readonly MatrixKey[] = ['rsa-2048', 'ecdsa-p256', 'ed25519']

export async function createCredentials(): Promise<Credentials> {
  const authorities = await byKey((key) => createAuthority({ name: `Test Root ${key}`, key }))
  return {
    authorities: keyNames.map((key) => authorities[key].certificate).join(''),
    servers: await byKey((key) =>
      authorities[key].issue({ names: [SERVER_NAME], commonName: `server ${key}`, key }),
    ),
    serverP384: await authorities['ecdsa-p256'].issue({ names: [SERVER_NAME], key: 'ecdsa-p384' }),
    clients: await byKey((key) => clientIdentity(authorities[key], key)),
  }
}

/** As certificates write it; servers put it in words of their own. */
export function clientSubject(key: MatrixKey): string {
  return `client ${key}`
}

export interface MatrixClient extends Driven<TlsInfo> {
  readonly info: TlsInfo
  /** Handshake messages of the name. */
  messages(direction: 'sent' | 'received', name: string): number
  alerts(direction: 'sent' | 'received', name: string): number
  /** Update our key, and ask for the server's. */
  requestKeyUpdate(): Promise<void>
  destroy(): void
}

export interface Connecting {
  readonly port: number
  readonly version: MatrixVersion
  readonly key: MatrixKey
  /** The server's. */
  readonly certificate: Issued
  readonly authorities: string
  readonly options?: Partial<TlsClientOptions>
}

/** Connect, and assert what holds in every handshake. Rejects with what ended it. */
export async function connectClient(connecting: Connecting): Promise<MatrixClient> {
  const { port, version, key, certificate, authorities, options } = connecting
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  try {
    await once(socket, 'connect')
    const layer = tlsClient({
      crypto: nodeCrypto,
      now: Date.now,
      serverName: SERVER_NAME,
      trust: authorities,
      ...options,
    })
    const driven = layerOverSocket(layer, socket)
    const info = await driven.opened
    expect(info).toMatchObject({ version, serverName: SERVER_NAME, alpn: undefined })
    expect(nodeCrypto.groups.map(({ name }) => name as string)).toContain(info.group)
    // A resumed handshake has no certificate in it; what the first one verified holds.
    expect(info.peer.verified).toBe(true)
    expect(Buffer.from(info.peer.leaf.der).equals(certificate.der)).toBe(true)
    expect(info.signature).toMatch(signatures[key])
    expect(info.suite).toMatch(suites[version][key])
    return {
      ...driven,
      info,
      messages: (direction, name) =>
        driven.trace.filter(
          (event) => event.type === 'message' && event.direction === direction && event.name === name,
        ).length,
      alerts: (direction, name) =>
        driven.trace.filter(
          (event) => event.type === 'alert' && event.direction === direction && event.alert === name,
        ).length,
      requestKeyUpdate: async () => layer.updateKeys('update_requested'),
      destroy: () => void socket.destroy(),
    }
  } catch (error) {
    socket.destroy()
    throw error
  }
}

export interface RecordingStore extends SessionStore {
  /** Sessions that were kept. */
  readonly kept: number
}

/** The plainest store there can be: the last session wins. */
export function recordingStore(): RecordingStore {
  const sessions = new Map<string, Session>()
  let kept = 0
  return {
    get kept() {
      return kept
    },
    get: (key) => sessions.get(key),
    set(key, session) {
      kept++
      sessions.set(key, session)
    },
    delete: (key) => sessions.delete(key),
  }
}

/** Updates its key after every few records. */
export function impatientCrypto(): typeof nodeCrypto {
  return {
    ...nodeCrypto,
    suites: nodeCrypto.suites.map((suite) => ({ ...suite, aead: { ...suite.aead, recordLimit: 14 } })),
  }
}

// RFC 8446 §4.2.3 binds ECDSA to a curve; in TLS 1.2 the hash alone is named, and PKCS #1 v1.5 is still allowed.
const signatures: Readonly<Record<MatrixKey, RegExp>> = {
  'rsa-2048': /^rsa_(pss_rsae|pkcs1)_sha(256|384|512)$/,
  'ecdsa-p256': /^ecdsa_/,
  ed25519: /^ed25519$/,
}

const suite13 = /^TLS_(AES_128_GCM|AES_256_GCM|CHACHA20_POLY1305)_SHA/
const suite12 = (kind: string): RegExp =>
  new RegExp(`^TLS_ECDHE_${kind}_WITH_(AES_128_GCM|AES_256_GCM|CHACHA20_POLY1305)_SHA`)

const suites: Readonly<Record<MatrixVersion, Readonly<Record<MatrixKey, RegExp>>>> = {
  'TLSv1.3': { 'rsa-2048': suite13, 'ecdsa-p256': suite13, ed25519: suite13 },
  'TLSv1.2': { 'rsa-2048': suite12('RSA'), 'ecdsa-p256': suite12('ECDSA'), ed25519: suite12('ECDSA') },
}

async function byKey<T>(make: (key: MatrixKey) => Promise<T>): Promise<Record<MatrixKey, T>> {
  const made = await Promise.all(keyNames.map(async (key) => [key, await make(key)] as const))
  return Object.fromEntries(made) as Record<MatrixKey, T>
}

async function clientIdentity(authority: Authority, key: MatrixKey): Promise<Identity> {
  const { chain, privateKey } = await authority.issue({
    usage: 'client',
    commonName: clientSubject(key),
    key,
  })
  return loadIdentity({ certificate: chain, privateKey }, nodeCrypto)
}
