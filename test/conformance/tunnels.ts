// Whole connections in memory: inner TLS, the upgrade with its framing, and TLS in TLS, against the scripted server.
import { describe, expect, it } from 'vitest'
import { hex, utf8 } from '../../src/bytes/index.js'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import { memoryPair } from '../../src/platform/memory/index.js'
import { Connection } from '../../src/stream/index.js'
import { type TlsClientOptions, tlsClient } from '../../src/tls/index.js'
import type { TraceEvent } from '../../src/trace.js'
import { pingFraming, upgrade } from '../../src/tunnel/index.js'
import { createAuthority, type KeyChoice, type LeafOptions } from '../support/certificates.js'
import { ScriptedServer, type ServerScript } from '../support/tls-server/index.js'
import { echoes, readAll, sameBytes, sample, send } from '../support/traffic.js'
import { upgradeServer } from '../support/upgrade-server.js'
import { tlsServer } from './far-end.js'
import { codeOf } from './outcome.js'
import { serverName, type World, worldOf } from './world.js'

const mebibyte = 1024 * 1024

export function tunnels(crypto: CryptoProvider): void {
  const createWorld = (leaf?: LeafOptions): Promise<World> => worldOf(crypto, leaf)

  describe('inner TLS', () => {
    it.each([
      { key: 'ecdsa-p256', signature: 'ecdsa_secp256r1_sha256' },
      { key: 'ecdsa-p384', signature: 'ecdsa_secp384r1_sha384' },
      { key: 'rsa-2048', signature: 'rsa_pss_rsae_sha256' },
      { key: 'ed25519', signature: 'ed25519' },
    ] satisfies { key: KeyChoice; signature: string }[])(
      'is mutual with $key on both sides',
      async ({ key, signature }) => {
        const world = await createWorld({ key })
        const { socket, server } = await world.meet()
        expect(socket.info).toMatchObject({
          version: 'TLSv1.3',
          alpn: 'echo',
          serverName,
          signature,
          clientCertificate: true,
          resumed: false,
        })
        expect(socket.info.peer.verified).toBe(true)
        expect(server.clientScheme).toBe(signature)
        expect(sameBytes(server.clientChain![0]!, world.client.der)).toBe(true)
        await echoes(socket, sample(1000))
        await socket.close()
        await socket.closed
        expect(server.alerts.map(({ name }) => name)).toEqual(['close_notify'])
      },
    )

    it.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'])(
      'carries 1 MiB both ways under %s',
      async (name) => {
        const world = await createWorld()
        const suite = crypto.suites.find((each) => each.name === name)!.id
        const { socket } = await world.meet({ script: { suite } })
        expect(socket.info.suite).toBe(name)
        await echoes(socket, sample(mebibyte))
        await socket.close()
      },
    )

    it('is the same when every byte arrives alone', async () => {
      const world = await createWorld()
      const { socket } = await world.meet({ path: { chop: 1 } })
      await echoes(socket, sample(3000))
      await socket.close()
      await socket.closed
    })

    it('follows the peer’s new keys and changes its own when asked', async () => {
      const world = await createWorld()
      const { socket, server, far } = await world.meet()
      await echoes(socket, sample(1000))
      server.keyUpdate('update_requested')
      await far.write([new Uint8Array([7])])
      const reader = socket.readable.getReader()
      expect((await reader.read()).value).toEqual(new Uint8Array([7]))
      reader.releaseLock()
      await echoes(socket, sample(1000))
      expect(server.seen.map(({ name }) => name)).toContain('key_update')
      await socket.close()
    })

    it('half-closes: what the peer sends afterwards still arrives', async () => {
      const world = await createWorld()
      const { socket, far, received } = await world.meet({ echo: false })
      const writer = socket.writable.getWriter()
      await writer.write(sample(10))
      await writer.close()
      expect(await received).toEqual(sample(10))
      await far.write([sample(20)])
      await far.end()
      expect(await readAll(socket.readable)).toEqual(sample(20))
      await socket.closed
    })

    it('tells a cut from an end', async () => {
      const world = await createWorld()
      const { socket, farConnection } = await world.meet({ echo: false })
      await send(socket.writable, sample(10))
      farConnection.destroy()
      expect(await codeOf(() => readAll(socket.readable))).toMatch(/^ERR_(TLS_TRUNCATED|STREAM_RESET)$/)
    })

    it('is truncated by a FIN without close_notify', async () => {
      const world = await createWorld()
      // The handshake's flight from the server is about 1 kB; the data does not all fit before the end.
      const { socket, far } = await world.meet({
        echo: false,
        path: { back: { loss: { after: 20_000, how: 'fin' } } },
      })
      void Promise.resolve(far.write([sample(40_000)])).catch(() => {})
      expect(await codeOf(() => readAll(socket.readable))).toBe('ERR_TLS_TRUNCATED')
    })
  })

  describe('a trace', () => {
    it('tells the handshake message by message, with spans inside the bytes', async () => {
      const world = await createWorld()
      const { socket, events } = await traced(world)
      const messages = events.filter((event) => event.type === 'message')
      expect(messages.map(({ direction, name }) => `${direction} ${name}`)).toEqual([
        'sent client_hello',
        'received server_hello',
        'received encrypted_extensions',
        'received certificate_request',
        'received certificate',
        'received certificate_verify',
        'received finished',
        'sent certificate',
        'sent certificate_verify',
        'sent finished',
      ])
      for (const { bytes, spans } of messages)
        for (const { start, end } of spans) {
          expect(start).toBeGreaterThanOrEqual(0)
          expect(end).toBeGreaterThanOrEqual(start)
          expect(end).toBeLessThanOrEqual(bytes.length)
        }
      const checks = events.flatMap((event) => (event.type === 'check' ? [event.name] : []))
      expect(checks).toEqual(expect.arrayContaining(['alpn', 'chain', 'signature', 'finished']))
      await socket.close()
    })

    it('holds no secret and no application data', async () => {
      const world = await createWorld()
      const { socket, events, keylog } = await traced(world)
      const secrets = keylog.map((line) => line.split(' ')[2] ?? '')
      expect(secrets.length).toBeGreaterThanOrEqual(4)
      const data = utf8('what the application says')
      await echoes(socket, data)
      await socket.close()
      await socket.closed
      const told = events.map(everythingIn).join('\n')
      // The trace is there, and the key log's client random is in it: the search would find what is there.
      expect(told).toContain((keylog[0] ?? '').split(' ')[1])
      for (const secret of [...secrets, hex(data), hex(world.client.key.pkcs8)]) {
        expect(secret.length).toBeGreaterThan(40)
        expect(told.includes(secret)).toBe(false)
      }
    })
  })

  describe('inner TLS refuses', () => {
    const cases: ReadonlyArray<{
      readonly what: string
      readonly code: string
      readonly alert: string | undefined
      readonly leaf?: LeafOptions
      readonly script?: Partial<ServerScript>
      readonly client?: (world: World) => Partial<TlsClientOptions>
    }> = [
      {
        what: 'a foreign authority',
        code: 'ERR_CERT_UNTRUSTED',
        alert: 'unknown_ca',
        client: () => ({ trust: foreign }),
      },
      {
        what: 'an expired certificate',
        code: 'ERR_CERT_EXPIRED',
        alert: 'certificate_expired',
        leaf: { notAfter: new Date(Date.now() - 60_000) },
      },
      {
        what: 'another name',
        code: 'ERR_CERT_NAME_MISMATCH',
        alert: 'bad_certificate',
        leaf: { names: ['other.test'] },
      },
      {
        what: 'keys that differ',
        code: 'ERR_TLS_BAD_RECORD_MAC',
        // The alert is sent under keys that this server cannot have.
        alert: undefined,
        script: { corruptSharedSecret: true },
      },
      {
        what: 'a wrong Finished',
        code: 'ERR_TLS_FINISHED',
        alert: 'decrypt_error',
        script: { edit: changing('finished') },
      },
      {
        what: 'a wrong signature',
        code: 'ERR_TLS_SIGNATURE',
        alert: 'decrypt_error',
        script: { edit: changing('certificate_verify') },
      },
      {
        what: 'a protocol that was not offered',
        code: 'ERR_TLS_ALPN_UNOFFERED',
        alert: 'illegal_parameter',
        script: { alpn: 'http/1.1' },
      },
    ]
    let foreign: string

    it.each(cases)('$what', async ({ code, alert, leaf, script, client }) => {
      foreign = (await createAuthority()).certificate
      const world = await createWorld(leaf)
      const server = new ScriptedServer({ ...(await world.script()), ...script })
      const outcome = await world.fail(server, client?.(world))
      expect(outcome).toBe(code)
      expect(server.alerts.map(({ name }) => name)).toEqual(alert === undefined ? [] : [alert])
    })

    it('to go on without a certificate that the server requires', async () => {
      const world = await createWorld()
      const { socket } = await world.meet({
        script: { requireCertificate: true },
        client: { identity: undefined },
      })
      expect(socket.info.clientCertificate).toBe(false)
      expect(await codeOf(() => readAll(socket.readable))).toBe('ERR_TLS_ALERT_CERTIFICATE_REQUIRED')
    })

    it('to wait after an abort', async () => {
      const world = await createWorld()
      const [near] = memoryPair()
      const connection = new Connection(near, { clock: () => performance.now() })
      const abort = new AbortController()
      const opening = connection.push(tlsClient(await world.options()), abort.signal)
      abort.abort(new Error('enough'))
      expect(await codeOf(() => opening)).toBe('ERR_ABORTED')
      expect(await codeOf(() => connection.closed)).toBe('ERR_ABORTED')
    })
  })

  describe('a stack of layers', () => {
    it('upgrade, ping framing and inner TLS carry 1 MiB, with pings between', async () => {
      const world = await createWorld()
      const request = { host: 'lb.test', protocol: 'alpn-ping', crypto } as const
      const { socket, connection } = await world.meet({
        below: [upgrade(request), pingFraming()],
        farBelow: [upgradeServer(), pingFraming()],
      })
      connection.ping()
      await echoes(socket, sample(mebibyte))
      connection.ping()
      await echoes(socket, sample(1000))
      await socket.close()
      await socket.closed
    })

    it('TLS in TLS is a stack like any other, byte by byte', async () => {
      const world = await createWorld()
      const outerServer = new ScriptedServer({ ...(await world.script()), alpn: 'http/1.1' })
      const outer = { ...(await world.options()), alpn: ['http/1.1'] }
      const { socket } = await world.meet({
        path: { chop: 7 },
        below: [tlsClient(outer), upgrade({ host: 'lb.test', protocol: 'alpn', crypto })],
        farBelow: [tlsServer(outerServer), upgradeServer()],
      })
      expect(socket.info.alpn).toBe('echo')
      await echoes(socket, sample(50_000))
      await socket.close()
      await socket.closed
    })
  })
}

/** A meeting with everything that it tells. */
async function traced(world: World) {
  const events: TraceEvent[] = []
  const keylog: string[] = []
  const met = await world.meet({
    trace: ({ event }) => void events.push(event),
    client: { keylog: (line) => void keylog.push(line) },
  })
  return { ...met, events, keylog }
}

/** An event as text, bytes in hexadecimal. */
function everythingIn(event: TraceEvent): string {
  return JSON.stringify(event, (_, value) => (value instanceof Uint8Array ? hex(value) : value))
}

/** A script's `edit` that flips the last bit of a message. */
function changing(wanted: string): NonNullable<ServerScript['edit']> {
  return (name, message) => {
    if (name !== wanted) return [message]
    const bytes = message.bytes.slice()
    bytes[bytes.length - 1]! ^= 1
    return [{ ...message, bytes }]
  }
}
