// Our client against node:tls, on loopback: ALPN, SNI, client certificates of every kind, bulk both ways.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Identity, loadIdentity } from '../../src/pki/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { type TlsClientOptions, type TlsInfo, tlsClient } from '../../src/tls/index.js'
import { type Authority, createAuthority, type Issued, type KeyChoice } from '../support/certificates.js'
import { type Driven, layerOverSocket } from '../support/layer-over-socket.js'

const open = new Set<() => void>()
let authority: Authority
let serverCertificate: Issued

beforeAll(async () => {
  authority = await createAuthority()
  serverCertificate = await authority.issue({ names: ['localhost', '127.0.0.1'] })
})

afterEach(() => {
  for (const close of open) close()
  open.clear()
})

interface Pair {
  readonly client: Driven<TlsInfo>
  /** The server's end; rejects when its handshake fails. */
  readonly server: Promise<TLSSocket>
}

async function pair(options: Partial<TlsClientOptions>, serverOptions: TlsOptions = {}): Promise<Pair> {
  const { privateKey, chain } = serverCertificate
  const server = createServer({
    key: privateKey,
    cert: chain,
    minVersion: 'TLSv1.3',
    allowHalfOpen: true,
    ...serverOptions,
  })
  const accepted = new Promise<TLSSocket>((resolve, reject) => {
    server.on('secureConnection', resolve)
    server.on('tlsClientError', reject)
  })
  accepted.catch(() => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  const socket: Socket = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  open.add(() => {
    socket.destroy()
    server.close()
  })
  const layer = tlsClient({
    crypto: nodeCrypto,
    now: Date.now,
    serverName: 'localhost',
    trust: authority.certificate,
    ...options,
  })
  return { client: layerOverSocket(layer, socket), server: accepted }
}

async function identity(key: KeyChoice): Promise<Identity> {
  const { chain, privateKey } = await authority.issue({ usage: 'client', commonName: `client ${key}`, key })
  return loadIdentity({ certificate: chain, privateKey }, nodeCrypto)
}

describe('node:tls', () => {
  it('negotiates, sends SNI and ALPN, exchanges data and closes cleanly', async () => {
    const { client, server } = await pair({ alpn: ['one', 'two'] }, { ALPNProtocols: ['two', 'three'] })
    const info = await client.opened
    const peer = await server
    expect(info).toMatchObject({
      version: 'TLSv1.3',
      alpn: 'two',
      serverName: 'localhost',
      group: 'X25519',
      resumed: false,
      clientCertificate: false,
    })
    expect((peer as unknown as { servername: string }).servername).toBe('localhost')
    expect(peer.alpnProtocol).toBe('two')
    expect(peer.getCipher().standardName).toBe(info.suite)
    await client.send('hello')
    const [data] = await once(peer, 'data')
    expect(String(data)).toBe('hello')
    peer.end('goodbye')
    expect(String(await client.ended)).toBe('goodbye')
    await client.end()
    await once(peer, 'end')
  })
})
