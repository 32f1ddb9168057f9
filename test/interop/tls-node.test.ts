// Our client against node:tls, on loopback: ALPN, SNI, client certificates of every kind, bulk both ways.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hex, latin1 } from '../../src/bytes/index.js'
import { type Identity, loadIdentity } from '../../src/pki/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import {
  memorySessionStore,
  type Session,
  type TlsClientOptions,
  type TlsInfo,
  tlsClient,
} from '../../src/tls/index.js'
import { type Authority, createAuthority, type Issued, type KeyChoice } from '../support/certificates.js'
import { type Driven, layerOverSocket } from '../support/layer-over-socket.js'

const open = new Set<() => void>()
let authority: Authority
let serverCertificate: Issued
let requireClient: TlsOptions

beforeAll(async () => {
  authority = await createAuthority()
  serverCertificate = await authority.issue({ names: ['localhost', '127.0.0.1'] })
  requireClient = { requestCert: true, rejectUnauthorized: true, ca: authority.certificate }
})

afterEach(() => {
  for (const close of open) close()
  open.clear()
})

const signatureOf: Record<KeyChoice, string> = {
  'ecdsa-p256': 'ecdsa_secp256r1_sha256',
  'ecdsa-p384': 'ecdsa_secp384r1_sha384',
  ed25519: 'ed25519',
  'rsa-2048': 'rsa_pss_rsae_sha256',
  'rsa-pss': 'rsa_pss_pss_sha256',
}

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

/** Ask and be answered; Node's server sends no close_notify when it ends before it has read anything. */
async function question(client: Driven<TlsInfo>, peer: TLSSocket): Promise<string> {
  peer.once('data', () => peer.end('answer'))
  await client.send('question')
  return String(await client.ended)
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
      // ML-KEM with it, where this Node has that: client and server alike.
      group: nodeCrypto.groups[0]!.name,
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

  it.each(['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048', 'rsa-pss'] as const)(
    'presents a client certificate with an %s key',
    async (key) => {
      const { client, server } = await pair({ identity: await identity(key) }, requireClient)
      expect((await client.opened).clientCertificate).toBe(true)
      const peer = await server
      expect(peer.authorized).toBe(true)
      expect(peer.getPeerCertificate().subject.CN).toBe(`client ${key}`)
      expect(await question(client, peer)).toBe('answer')
    },
  )

  it.each(['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048', 'rsa-pss'] as const)(
    'verifies a server with an %s key',
    async (key) => {
      const { chain, privateKey } = await authority.issue({ names: ['localhost'], key })
      const { client } = await pair({}, { key: privateKey, cert: chain })
      expect(await client.opened).toMatchObject({ signature: signatureOf[key], peer: { verified: true } })
    },
  )

  it('says so when a required client certificate is missing', async () => {
    const { client } = await pair({}, requireClient)
    await expect(client.ended).rejects.toMatchObject({
      code: 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED',
      alert: 'certificate_required',
    })
  })

  it('says so when no application protocol is shared', async () => {
    const { client } = await pair({ alpn: ['one'] }, { ALPNProtocols: ['two'] })
    await expect(client.opened).rejects.toMatchObject({
      code: 'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL',
      alert: 'no_application_protocol',
    })
  })

  it('refuses a server that knows no ALPN when one is required, and takes it when not', async () => {
    const strict = await pair({ alpn: ['one'] })
    await expect(strict.client.opened).rejects.toMatchObject({ code: 'ERR_TLS_ALPN_UNSELECTED' })
    const { client } = await pair({ alpn: ['one'], alpnPolicy: 'optional' })
    expect((await client.opened).alpn).toBeUndefined()
  })

  it('refuses a server that only speaks TLS 1.2 where TLS 1.3 is insisted on', async () => {
    const { client } = await pair({ versions: ['TLSv1.3'] }, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })
    await expect(client.opened).rejects.toMatchObject({ code: 'ERR_TLS_ALERT_PROTOCOL_VERSION' })
  })

  it('refuses a certificate for another name, and tells the server', async () => {
    const { client, server } = await pair({ serverName: 'elsewhere.example.com' })
    await expect(client.opened).rejects.toMatchObject({ code: 'ERR_CERT_NAME_MISMATCH' })
    await expect(server).rejects.toMatchObject({
      // OpenSSL 3.5 has another prefix for it.
      code: expect.stringMatching(/_ALERT_BAD_CERTIFICATE$/),
    })
  })

  it.each(nodeCrypto.suites.map(({ name }) => name))('speaks %s', async (suite) => {
    const { client, server } = await pair({}, { ciphers: suite })
    expect((await client.opened).suite).toBe(suite)
    expect(await question(client, await server)).toBe('answer')
  })

  it.each(['P-256', 'P-384', 'P-521'])('follows a HelloRetryRequest to %s', async (ecdhCurve) => {
    const { client } = await pair({}, { ecdhCurve })
    expect((await client.opened).group).toBe(`${ecdhCurve.replace('P-', 'secp')}r1`)
  })

  it('exports the same keying material as the server', async () => {
    const { client, server } = await pair({})
    const { exportKeyingMaterial } = await client.opened
    const ours = exportKeyingMaterial('EXPORTER-test', latin1('context'), 48)
    const theirs = (await server).exportKeyingMaterial(48, 'EXPORTER-test', Buffer.from('context'))
    expect(hex(ours)).toBe(theirs.toString('hex'))
  })

  it('carries 16 MiB each way at once', async () => {
    const { client, server } = await pair({})
    await client.opened
    const peer = await server
    const up = randomBytes(16 * 2 ** 20)
    const down = randomBytes(16 * 2 ** 20)
    const received = createHash('sha256')
    let count = 0
    peer.on('data', (chunk: Buffer) => {
      received.update(chunk)
      count += chunk.length
    })
    peer.write(down)
    for (let at = 0; at < up.length; at += 300_000) await client.send(up.subarray(at, at + 300_000))
    await client.end()
    await once(peer, 'end')
    expect(count).toBe(up.length)
    expect(received.digest('hex')).toBe(createHash('sha256').update(up).digest('hex'))
    peer.end()
    expect((await client.ended).equals(down)).toBe(true)
  })

  it('changes its sending key before the limit, as often as it must', async () => {
    const suites = nodeCrypto.suites.map((suite) => ({ ...suite, aead: { ...suite.aead, recordLimit: 8 } }))
    const { client, server } = await pair({ crypto: { ...nodeCrypto, suites } })
    await client.opened
    const peer = await server
    const chunks: Buffer[] = []
    peer.on('data', (chunk: Buffer) => chunks.push(chunk))
    const data = randomBytes(2 ** 20)
    await client.send(data)
    await client.end()
    await once(peer, 'end')
    expect(Buffer.concat(chunks).equals(data)).toBe(true)
    const updates = client.trace.filter((event) => event.type === 'message' && event.name === 'key_update')
    expect(updates.length).toBeGreaterThanOrEqual(8)
  })

  it('tells a truncation from an end', async () => {
    const { client, server } = await pair({})
    await client.opened
    const peer = await server
    peer.write('the first half')
    await client.until(14)
    peer.destroy()
    await expect(client.ended).rejects.toMatchObject({ code: 'ERR_TLS_TRUNCATED' })
  })

  it.each([
    ['without client certificates', {}],
    ['with a client certificate', { requestCert: true, rejectUnauthorized: true }],
    ['after a HelloRetryRequest', { ecdhCurve: 'P-384' }],
    ['under SHA-384', { ciphers: 'TLS_AES_256_GCM_SHA384' }],
  ] as const)('resumes %s', async (_, serverOptions) => {
    const session = memorySessionStore()
    // Tickets of one server, good at the next.
    const common = { ca: authority.certificate, ticketKeys: randomBytes(48), ...serverOptions }
    const options = { session, identity: await identity('ecdsa-p256') }
    for (const resumed of [false, true, true]) {
      const { client, server } = await pair(options, common)
      expect((await client.opened).resumed).toBe(resumed)
      const peer = await server
      expect(peer.isSessionReused()).toBe(resumed)
      expect(peer.authorized).toBe('requestCert' in serverOptions)
      await question(client, peer)
    }
  })

  it('keeps tickets', async () => {
    const sessions: Session[] = []
    const { client, server } = await pair({
      session: { get: () => undefined, set: (_, session) => sessions.push(session), delete: () => false },
    })
    await client.opened
    await question(client, await server)
    expect(sessions.length).toBeGreaterThan(0)
    expect(sessions[0]).toMatchObject({ version: 'TLSv1.3', serverName: 'localhost' })
  })
})
