// Our client against openssl s_server: server keys, client keys, groups by HelloRetryRequest, key updates it asks for.
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeAll, expect, it, vi } from 'vitest'
import { type Identity, loadIdentity } from '../../src/pki/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { type TlsClientOptions, type TlsInfo, tlsClient } from '../../src/tls/index.js'
import { type Authority, createAuthority, type Issued, type KeyChoice } from '../support/certificates.js'
import { type Driven, layerOverSocket } from '../support/layer-over-socket.js'
import { describePeer } from '../support/peers.js'
import {
  type OpensslServer,
  type OpensslServerOptions,
  startOpensslServer,
} from '../support/servers/openssl.js'

const open: (() => unknown)[] = []
let authority: Authority
let certificate: Issued

beforeAll(async () => {
  authority = await createAuthority()
  certificate = await authority.issue({ names: ['localhost'] })
})

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function start(
  serverOptions: Partial<OpensslServerOptions>,
  options: Partial<TlsClientOptions> = {},
): Promise<{ client: Driven<TlsInfo>; server: OpensslServer }> {
  const server = await startOpensslServer({ certificate, ...serverOptions })
  open.push(() => server.stop())
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  open.push(() => socket.destroy())
  await once(socket, 'connect')
  const layer = tlsClient({
    crypto: nodeCrypto,
    now: Date.now,
    serverName: 'localhost',
    trust: authority.certificate,
    ...options,
  })
  return { client: layerOverSocket(layer, socket), server }
}

async function identity(key: KeyChoice, from: Authority = authority): Promise<Identity> {
  const { chain, privateKey } = await from.issue({ usage: 'client', commonName: 'client', key })
  return loadIdentity({ certificate: chain, privateKey }, nodeCrypto)
}

function keyUpdates(client: Driven<TlsInfo>, direction: 'sent' | 'received'): number {
  return client.trace.filter(
    (event) => event.type === 'message' && event.name === 'key_update' && event.direction === direction,
  ).length
}

const keys = ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048', 'rsa-pss'] as const

describePeer('openssl', 'openssl s_server', () => {
  it.each(keys)('is verified with an %s key', async (key) => {
    const issued = await authority.issue({ names: ['localhost'], key })
    const { client } = await start(
      { certificate: issued, behaviour: 'echo', alpn: ['b'] },
      { alpn: ['a', 'b'] },
    )
    expect(await client.opened).toMatchObject({ version: 'TLSv1.3', alpn: 'b', peer: { verified: true } })
    await client.send('drawer\n')
    expect(String(await client.until(7))).toBe('reward\n')
  })

  it.each(keys)('accepts a client certificate with an %s key', async (key) => {
    const { client } = await start(
      { clientAuthority: authority, behaviour: 'echo' },
      { identity: await identity(key) },
    )
    expect((await client.opened).clientCertificate).toBe(true)
    await client.send('drawer\n')
    expect(String(await client.until(7))).toBe('reward\n')
  })

  it('refuses a client without a certificate, by name', async () => {
    const { client } = await start({ clientAuthority: authority })
    await expect(client.ended).rejects.toMatchObject({ code: 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED' })
  })

  it('refuses a client certificate it does not trust, by name', async () => {
    const stranger = await createAuthority({ name: 'stranger' })
    const { client } = await start(
      { clientAuthority: authority },
      { identity: await identity('ecdsa-p256', stranger) },
    )
    await expect(client.ended).rejects.toMatchObject({
      code: 'ERR_TLS_ALERT_CERTIFICATE_REFUSED',
      alert: 'unknown_ca',
    })
  })

  it.each([
    ['P-256', 'secp256r1'],
    ['P-384', 'secp384r1'],
    ['P-521', 'secp521r1'],
    ['X25519', 'X25519'],
  ])('agrees on %s', async (name, group) => {
    const { client } = await start({ args: ['-tls1_3', '-groups', name], behaviour: 'echo' })
    expect((await client.opened).group).toBe(group)
    await client.send('drawer\n')
    expect(String(await client.until(7))).toBe('reward\n')
  })

  it('takes the share of a second group without a retry', async () => {
    const { client } = await start(
      { args: ['-tls1_3', '-groups', 'P-256'] },
      { keyShares: ['X25519', 'secp256r1'] },
    )
    expect((await client.opened).group).toBe('secp256r1')
    const hellos = client.trace.filter((event) => event.type === 'message' && event.name === 'client_hello')
    expect(hellos).toHaveLength(1)
  })

  it('updates its key, and has us update ours', async () => {
    const { client, server } = await start({})
    await client.opened
    for (const [round, command] of ['k', 'K', 'k', 'K'].entries()) {
      server.type(`${command}\n`)
      await vi.waitFor(() => expect(keyUpdates(client, 'received')).toBe(round + 1))
      server.type(`from the server ${round}\n`)
      await client.until((round + 1) * 18)
      await client.send(`from the client ${round}\n`)
      await server.waitForLog(new RegExp(`from the client ${round}`))
    }
    expect(keyUpdates(client, 'sent')).toBe(2)
  })

  it('sends small records when told to', async () => {
    const { client } = await start({ args: ['-tls1_3', '-max_send_frag', '512'], behaviour: 'status' })
    await client.opened
    await client.send('GET / HTTP/1.0\r\n\r\n')
    expect(String(await client.ended)).toContain('TLSv1.3')
  })

  it('is refused when it picks no protocol of ours', async () => {
    const { client } = await start({ alpn: ['c'] }, { alpn: ['a'] })
    await expect(client.opened).rejects.toMatchObject({ code: 'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL' })
  })

  it('issues as many tickets as it likes', async () => {
    let tickets = 0
    const { client } = await start(
      { args: ['-tls1_3', '-num_tickets', '8'], behaviour: 'echo' },
      { session: { get: () => undefined, set: () => tickets++, delete: () => false } },
    )
    await client.opened
    await client.send('drawer\n')
    await client.until(7)
    expect(tickets).toBe(8)
  })
})
