// A page without crypto.subtle, as far as its cryptography goes: node-forge and @noble alone, against node:tls on loopback.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Bytes } from '../../src/bytes/index.js'
import {
  forgeCrypto,
  mlKem1024,
  secp256r1MlKem768,
  secp384r1MlKem1024,
  withNoble,
} from '../../src/crypto/noble.js'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import { loadIdentity } from '../../src/pki/index.js'
import { type TlsClientOptions, type TlsInfo, tlsClient } from '../../src/tls/index.js'
import { type Authority, createAuthority, type KeyChoice } from '../support/certificates.js'
import { type Driven, layerOverSocket } from '../support/layer-over-socket.js'

// Random bytes are all that such a page gives.
const crypto = withNoble(
  forgeCrypto({ random: (length): Bytes => globalThis.crypto.getRandomValues(new Uint8Array(length)) }),
)
const keys = ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048', 'rsa-pss'] as const
const open = new Set<() => void>()
const authorities = new Map<KeyChoice, Authority>()
const subtleCalls: string[] = []
let authority: Authority

beforeAll(async () => {
  authority = await createAuthority()
  for (const key of ['ecdsa-p384', 'rsa-2048', 'ed25519'] as const)
    authorities.set(key, await createAuthority({ key, name: key }))
})

afterEach(() => {
  vi.restoreAllMocks()
  for (const close of open) close()
  open.clear()
  expect(subtleCalls).toEqual([])
})

/** From here on any use of crypto.subtle is on record. */
function watchSubtle(): void {
  const methods = [
    'importKey',
    'generateKey',
    'sign',
    'verify',
    'encrypt',
    'decrypt',
    'digest',
    'deriveBits',
  ] as const
  for (const method of methods)
    vi.spyOn(globalThis.crypto.subtle, method).mockImplementation(() => {
      subtleCalls.push(method)
      return Promise.reject(new Error('this page has no crypto.subtle'))
    })
}

interface Pair {
  readonly client: Driven<TlsInfo>
  readonly server: Promise<TLSSocket>
}

async function pair(
  serverOptions: TlsOptions & { readonly issuer?: Authority; readonly leaf?: KeyChoice } = {},
  options: Partial<TlsClientOptions> = {},
): Promise<Pair> {
  const { issuer = authority, leaf = 'ecdsa-p256', ...rest } = serverOptions
  vi.restoreAllMocks()
  const { chain, privateKey } = await issuer.issue({ names: ['localhost'], key: leaf })
  watchSubtle()
  const server = createServer({ key: privateKey, cert: chain, allowHalfOpen: true, ...rest })
  const accepted = new Promise<TLSSocket>((resolve, reject) => {
    server.on('secureConnection', resolve)
    server.on('tlsClientError', reject)
  })
  accepted.catch(() => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  open.add(() => {
    socket.destroy()
    server.close()
  })
  const layer = tlsClient({
    crypto,
    now: Date.now,
    serverName: 'localhost',
    trust: issuer.certificate,
    ...options,
  })
  return { client: layerOverSocket(layer, socket), server: accepted }
}

async function question({ client, server }: Pair): Promise<string> {
  await client.opened
  const peer = await server
  peer.once('data', () => peer.end('answer'))
  await client.send('question')
  return String(await client.ended)
}

describe('without crypto.subtle', () => {
  it.each(keys)('a server with an %s key is verified', async (leaf) => {
    const both = await pair({ leaf, minVersion: 'TLSv1.3' })
    expect(await both.client.opened).toMatchObject({
      version: 'TLSv1.3',
      peer: { verified: true },
    })
    expect(await question(both)).toBe('answer')
  })

  it.each(['ecdsa-p384', 'rsa-2048', 'ed25519'] as const)(
    'a chain of an %s authority is verified',
    async (key) => {
      const both = await pair({ issuer: authorities.get(key)!, leaf: 'rsa-2048' })
      expect(await both.client.opened).toMatchObject({ peer: { verified: true } })
    },
  )

  it('a stranger is refused', async () => {
    const { client } = await pair({ issuer: authority }, { trust: authorities.get('rsa-2048')!.certificate })
    await expect(client.opened).rejects.toMatchObject({ code: 'ERR_CERT_UNTRUSTED' })
  })

  it.each(keys)('a client certificate with an %s key is presented', async (key) => {
    const { chain, privateKey } = await authority.issue({ usage: 'client', commonName: `client ${key}`, key })
    const identity = await loadIdentity({ certificate: chain, privateKey }, crypto)
    const both = await pair(
      { requestCert: true, rejectUnauthorized: true, ca: authority.certificate },
      { identity },
    )
    expect((await both.client.opened).clientCertificate).toBe(true)
    const peer = await both.server
    expect(peer.authorized).toBe(true)
    expect(peer.getPeerCertificate().subject.CN).toBe(`client ${key}`)
    expect(await question(both)).toBe('answer')
  })

  describe.each([
    ['ChaCha20', 'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305', 'CHACHA20_POLY1305_SHA256'],
    ['AES-256', 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384', 'AES_256_GCM_SHA384'],
  ])('TLS 1.2 with %s', (_, ciphers, suite) => {
    it.each(keys)('and an %s key', async (leaf) => {
      const both = await pair({ leaf, ciphers, maxVersion: 'TLSv1.2' })
      const info = await both.client.opened
      expect(info).toMatchObject({ version: 'TLSv1.2', suite: expect.stringContaining(suite) })
      expect(await question(both)).toBe('answer')
    })
  })

  it.each([
    ['prime256v1', 'secp256r1'],
    ['secp384r1', 'secp384r1'],
    ['secp521r1', 'secp521r1'],
    ['X25519', 'X25519'],
  ])('agrees on %s', async (ecdhCurve, group) => {
    const both = await pair({ ecdhCurve })
    expect((await both.client.opened).group).toBe(group)
    expect(await question(both)).toBe('answer')
  })

  it('ChaCha20 is what a server takes that follows our order', async () => {
    const both = await pair({ honorCipherOrder: false })
    expect((await both.client.opened).suite).toBe('TLS_CHACHA20_POLY1305_SHA256')
  })

  it.each(['TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'])(
    '1 MiB goes each way with %s',
    async (ciphers) => {
      const { client, server } = await pair({ ciphers })
      expect((await client.opened).suite).toBe(ciphers)
      const peer = await server
      const data = randomBytes(2 ** 20)
      const up = createHash('sha256')
      let received = 0
      const arrived = new Promise<void>((resolve) => {
        peer.on('data', (chunk: Buffer) => {
          up.update(chunk)
          received += chunk.length
          if (received === data.length) resolve()
        })
      })
      peer.write(data)
      for (let at = 0; at < data.length; at += 50_000) await client.send(data.subarray(at, at + 50_000))
      await arrived
      const digest = createHash('sha256').update(data).digest('hex')
      expect(up.digest('hex')).toBe(digest)
      const down = await client.until(data.length)
      expect(createHash('sha256').update(down).digest('hex')).toBe(digest)
    },
  )
})

const noMlKem = !(Number.parseFloat(process.versions.openssl) >= 3.5)
if (noMlKem)
  console.warn(`SKIPPED: OpenSSL ${process.versions.openssl} of this Node has no ML-KEM to shake hands with`)

describe.skipIf(noMlKem)('ML-KEM of OpenSSL', () => {
  const whole: CryptoProvider = {
    ...crypto,
    groups: [...crypto.groups, secp256r1MlKem768(crypto), secp384r1MlKem1024(crypto), mlKem1024(crypto)],
  }
  it.each(['X25519MLKEM768', 'SecP256r1MLKEM768', 'SecP384r1MLKEM1024', 'MLKEM1024'] as const)(
    'agrees on %s, by share and by retry',
    async (name) => {
      for (const keyShares of [[name], ['secp256r1']] as const) {
        const both = await pair({ ecdhCurve: name }, { crypto: whole, keyShares })
        expect((await both.client.opened).group).toBe(name)
        expect(await question(both)).toBe('answer')
      }
    },
  )
})
