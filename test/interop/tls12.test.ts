// Our client in TLS 1.2 against OpenSSL, as node:tls and as `openssl s_server`: keys, certificates, suites, groups,
// resumption by tickets and by ids, bulk both ways, every way to cut what comes.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hex, latin1 } from '../../src/bytes/index.js'
import { type Identity, loadIdentity } from '../../src/pki/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { memorySessionStore, type TlsClientOptions, type TlsInfo, tlsClient } from '../../src/tls/index.js'
import { cipherSuites12 } from '../../src/tls/registry12.js'
import { type Authority, createAuthority, type Issued, type KeyChoice } from '../support/certificates.js'
import { type Driven, layerOverSocket } from '../support/layer-over-socket.js'
import { describePeer } from '../support/peers.js'
import { type OpensslServerOptions, startOpensslServer } from '../support/servers/openssl.js'

const open: (() => unknown)[] = []
let authority: Authority
const issued = new Map<string, Issued>()

const keys = ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048', 'rsa-pss'] as const

beforeAll(async () => {
  authority = await createAuthority()
  for (const key of keys) issued.set(key, await authority.issue({ names: ['localhost'], key }))
})

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function dial(port: number, options: Partial<TlsClientOptions>): Promise<Driven<TlsInfo>> {
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  open.push(() => socket.destroy())
  await once(socket, 'connect')
  const layer = tlsClient({
    crypto: nodeCrypto,
    now: Date.now,
    serverName: 'localhost',
    trust: authority.certificate,
    ...options,
  })
  return layerOverSocket(layer, socket)
}

async function identity(key: KeyChoice): Promise<Identity> {
  const { chain, privateKey } = await authority.issue({ usage: 'client', commonName: `client ${key}`, key })
  return loadIdentity({ certificate: chain, privateKey }, nodeCrypto)
}

interface NodeServer {
  readonly port: number
  /** The next connection; rejects when its handshake fails. */
  accepted(): Promise<TLSSocket>
}

async function nodeServer(options: TlsOptions = {}, key: KeyChoice = 'ecdsa-p256'): Promise<NodeServer> {
  const { privateKey, chain } = issued.get(key)!
  const server: Server = createServer({
    key: privateKey,
    cert: chain,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    allowHalfOpen: true,
    ...options,
  })
  // Node keeps sessions by id for nobody.
  const kept = new Map<string, Buffer>()
  server.on('newSession', (id: Buffer, data: Buffer, done: () => void) => {
    kept.set(hex(id), data)
    done()
  })
  server.on('resumeSession', (id: Buffer, done: (error: null, data: Buffer | null) => void) =>
    done(null, kept.get(hex(id)) ?? null),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => server.close())
  return {
    port: (server.address() as { port: number }).port,
    accepted: () =>
      new Promise((resolve, reject) => {
        server.once('secureConnection', resolve)
        server.once('tlsClientError', reject)
      }),
  }
}

interface Pair {
  readonly client: Driven<TlsInfo>
  readonly peer: TLSSocket
  readonly info: TlsInfo
}

async function meet(server: NodeServer, options: Partial<TlsClientOptions> = {}): Promise<Pair> {
  const accepted = server.accepted()
  const client = await dial(server.port, options)
  const info = await client.opened
  return { client, peer: await accepted, info }
}

async function talk({ client, peer }: Pair): Promise<void> {
  peer.once('data', () => peer.end('answer'))
  await client.send('question')
  expect(String(await client.ended)).toBe('answer')
}

const signatures: Record<KeyChoice, string> = {
  'ecdsa-p256': 'ecdsa_secp256r1_sha256',
  'ecdsa-p384': 'ecdsa_secp384r1_sha384',
  ed25519: 'ed25519',
  'rsa-2048': 'rsa_pss_rsae_sha256',
  'rsa-pss': 'rsa_pss_pss_sha256',
}

describe('node:tls in TLS 1.2', () => {
  it.each(keys.flatMap((server) => keys.map((client) => ({ server, client }))))(
    'has a server key of $server and a client key of $client',
    async ({ server: serverKey, client: clientKey }) => {
      const requests = { requestCert: true, rejectUnauthorized: true, ca: authority.certificate }
      const server = await nodeServer(requests, serverKey)
      const pair = await meet(server, { identity: await identity(clientKey) })
      expect(pair.info).toMatchObject({
        version: 'TLSv1.2',
        clientCertificate: true,
        peer: { verified: true },
      })
      // Which curve's scheme a P-384 key goes with is the server's choice.
      if (serverKey !== 'ecdsa-p384') expect(pair.info.signature).toBe(signatures[serverKey])
      expect(pair.peer.authorized).toBe(true)
      expect(pair.peer.getPeerCertificate().subject.CN).toBe(`client ${clientKey}`)
      await talk(pair)
    },
  )

  it.each(cipherSuites12(nodeCrypto).map(({ name, authentication }) => ({ name, authentication })))(
    'speaks $name',
    async ({ name, authentication }) => {
      const openssl = name
        .slice('TLS_'.length)
        .replace('WITH_', '')
        .replace('AES_', 'AES')
        .replace('POLY1305_SHA256', 'POLY1305')
        .replaceAll('_', '-')
      const server = await nodeServer(
        { ciphers: openssl },
        authentication === 'RSA' ? 'rsa-2048' : 'ecdsa-p256',
      )
      const pair = await meet(server)
      expect(pair.info.suite).toBe(name)
      expect(pair.peer.getCipher().standardName).toBe(name)
      await talk(pair)
    },
  )

  it.each(['X25519', 'P-256', 'P-384', 'P-521'])('agrees on %s', async (ecdhCurve) => {
    const pair = await meet(await nodeServer({ ecdhCurve }))
    expect(pair.info.group).toBe(
      ecdhCurve.startsWith('P-') ? `${ecdhCurve.replace('P-', 'secp')}r1` : ecdhCurve,
    )
    await talk(pair)
  })

  it('agrees on a protocol and a name', async () => {
    const pair = await meet(await nodeServer({ ALPNProtocols: ['two', 'three'] }), { alpn: ['one', 'two'] })
    expect(pair.info.alpn).toBe('two')
    expect(pair.peer.alpnProtocol).toBe('two')
    expect((pair.peer as unknown as { servername: string }).servername).toBe('localhost')
  })

  it('says so when a required client certificate is missing', async () => {
    const server = await nodeServer({
      requestCert: true,
      rejectUnauthorized: true,
      ca: authority.certificate,
    })
    const refused = server.accepted()
    refused.catch(() => {})
    const client = await dial(server.port, {})
    await expect(client.ended).rejects.toMatchObject({ code: 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED' })
  })

  it('exports the same keying material, with a context and without', async () => {
    const { info, peer } = await meet(await nodeServer())
    for (const context of [undefined, '', 'context']) {
      const theirs =
        context === undefined
          ? peer.exportKeyingMaterial(48, 'EXPORTER-test', undefined as unknown as Buffer)
          : peer.exportKeyingMaterial(48, 'EXPORTER-test', Buffer.from(context))
      const ours = info.exportKeyingMaterial(
        'EXPORTER-test',
        context === undefined ? undefined : latin1(context),
        48,
      )
      expect(hex(ours)).toBe(theirs.toString('hex'))
    }
  })

  it('carries 16 MiB each way at once', async () => {
    const { client, peer } = await meet(await nodeServer())
    const up = randomBytes(16 * 2 ** 20)
    const down = randomBytes(16 * 2 ** 20)
    const received = createHash('sha256')
    peer.on('data', (chunk: Buffer) => received.update(chunk))
    peer.write(down)
    for (let at = 0; at < up.length; at += 300_000) await client.send(up.subarray(at, at + 300_000))
    await client.end()
    await once(peer, 'end')
    expect(received.digest('hex')).toBe(createHash('sha256').update(up).digest('hex'))
    peer.end()
    expect((await client.ended).equals(down)).toBe(true)
  })

  it.each([
    ['tickets', {}],
    ['session ids', { secureOptions: 0x4000 /* SSL_OP_NO_TICKET */ }],
  ])('resumes by %s, and not for a stranger', async (_, options) => {
    const server = await nodeServer({
      ...options,
      sessionTimeout: 300,
      requestCert: true,
      ca: authority.certificate,
    })
    const session = memorySessionStore()
    const common = { session, identity: await identity('ecdsa-p256') }
    const first = await meet(server, common)
    expect(first.info.resumed).toBe(false)
    await talk(first)
    for (let round = 0; round < 2; round++) {
      const pair = await meet(server, common)
      expect(pair.info).toMatchObject({ resumed: true, peer: { verified: true }, group: first.info.group })
      expect(pair.peer.isSessionReused()).toBe(true)
      await talk(pair)
    }
    const other = await meet(server, { session, identity: await identity('ed25519') })
    expect(other.info.resumed).toBe(false)
  })

  it('is cut anywhere', async () => {
    const server = await nodeServer()
    const accepted = server.accepted()
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    open.push(() => socket.destroy())
    await once(socket, 'connect')
    const layer = tlsClient({
      crypto: nodeCrypto,
      now: Date.now,
      serverName: 'localhost',
      trust: authority.certificate,
    })
    const whole = layer.receive.bind(layer)
    layer.receive = async (chunk, sink) => {
      for (let at = 0; at < chunk.length; at++) await whole(chunk.slice(at, at + 1), sink)
    }
    const client = layerOverSocket(layer, socket)
    await client.opened
    await talk({ client, peer: await accepted, info: await client.opened })
  })

  it('tells a truncation from an end', async () => {
    const { client, peer } = await meet(await nodeServer())
    peer.write('the first half')
    await client.until(14)
    peer.destroy()
    await expect(client.ended).rejects.toMatchObject({ code: 'ERR_TLS_TRUNCATED' })
  })

  it.each([
    ['CBC', { ciphers: 'ECDHE-ECDSA-AES128-SHA256' }],
    ['RSA key exchange', { ciphers: 'AES128-GCM-SHA256' }],
    ['finite fields', { ciphers: 'DHE-RSA-AES128-GCM-SHA256' }],
  ])('with nothing but %s is refused', async (_, options) => {
    const server = await nodeServer(options, options.ciphers.includes('ECDSA') ? 'ecdsa-p256' : 'rsa-2048')
    server.accepted().catch(() => {})
    const client = await dial(server.port, {})
    await expect(client.opened).rejects.toMatchObject({ code: 'ERR_TLS_ALERT_HANDSHAKE_FAILURE' })
  })
})

describePeer('openssl', 'openssl s_server in TLS 1.2', () => {
  async function start(
    options: Partial<OpensslServerOptions>,
    client: Partial<TlsClientOptions> = {},
  ): Promise<{ client: Driven<TlsInfo>; again(): Promise<Driven<TlsInfo>>; type(text: string): void }> {
    const server = await startOpensslServer({
      certificate: issued.get('ecdsa-p256')!,
      behaviour: 'echo',
      ...options,
      args: ['-tls1_2', ...(options.args ?? [])],
    })
    open.push(() => server.stop())
    const again = () => dial(server.port, client)
    return { client: await again(), again, type: server.type }
  }

  async function echo(client: Driven<TlsInfo>): Promise<void> {
    await client.send('drawer\n')
    expect(String(await client.until(7))).toBe('reward\n')
  }

  it.each(keys)('is verified with an %s key', async (key) => {
    const { client } = await start({ certificate: issued.get(key)!, alpn: ['b'] }, { alpn: ['a', 'b'] })
    expect(await client.opened).toMatchObject({ version: 'TLSv1.2', alpn: 'b', peer: { verified: true } })
    await echo(client)
  })

  it.each(keys)('accepts a client certificate with an %s key', async (key) => {
    const { client } = await start({ clientAuthority: authority }, { identity: await identity(key) })
    expect((await client.opened).clientCertificate).toBe(true)
    await echo(client)
  })

  it.each([
    ['tickets', []],
    ['session ids', ['-no_ticket']],
  ])('resumes by %s', async (_, args) => {
    const { client, again } = await start({ args }, { session: memorySessionStore() })
    expect((await client.opened).resumed).toBe(false)
    await echo(client)
    await client.end()
    const second = await again()
    expect((await second.opened).resumed).toBe(true)
    await echo(second)
  })

  it.each(['-legacy_renegotiation', ''])('that asks for a new handshake is refused (%s)', async (flag) => {
    const { client, type } = await start({ behaviour: 'console', args: flag === '' ? [] : [flag] })
    await client.opened
    type('r\n')
    await expect(client.ended).rejects.toMatchObject({ code: 'ERR_TLS_RENEGOTIATION' })
  })

  it('with nothing older than TLS 1.1 is refused', async () => {
    const server = await startOpensslServer({
      certificate: issued.get('ecdsa-p256')!,
      args: ['-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0'],
    })
    open.push(() => server.stop())
    const client = await dial(server.port, {})
    await expect(client.opened).rejects.toMatchObject({ code: 'ERR_TLS_ALERT_PROTOCOL_VERSION' })
  })
})
