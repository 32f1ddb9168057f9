// The client against an honest scripted server: what is negotiated, what is sent, what is told.
import { beforeAll, describe, expect, it } from 'vitest'
import { concat, equal, fromHex, hex, latin1 } from '../../../src/bytes/index.js'
import type { Group, KeyShare } from '../../../src/crypto/provider.js'
import { webcrypto } from '../../../src/crypto/webcrypto.js'
import { failure } from '../../../src/errors.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { prepareShares } from '../../../src/tls/index.js'
import type { Span } from '../../../src/trace.js'
import { createWorld, serverName, type World } from '../../support/tls-server/index.js'
import { slowCrypto } from '../../support/tls-server/slow-crypto.js'

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

describe('handshake', () => {
  it('opens with what was negotiated', async () => {
    const meeting = await world.meet({ alpn: 'two' }, { alpn: ['one', 'two'] })
    expect(meeting.error).toBeUndefined()
    expect(meeting.info).toMatchObject({
      version: 'TLSv1.3',
      suite: nodeCrypto.suites[0]!.name,
      group: 'X25519',
      alpn: 'two',
      serverName,
      signature: 'ecdsa_secp256r1_sha256',
      clientCertificate: false,
      resumed: false,
    })
    expect(meeting.info!.peer.verified).toBe(true)
    expect(meeting.server.finished).toBe(true)
    expect(meeting.told).toEqual(['open'])
  })

  it('sends a hello, then compatibility record and Finished in one piece', async () => {
    const { sent, server } = await world.meet()
    expect(sent).toHaveLength(2)
    expect(server.records.map(({ type }) => type)).toEqual(['handshake', 'change_cipher_spec', 'handshake'])
    expect(server.records.map(({ version }) => version)).toEqual([0x0301, 0x0303, 0x0303])
  })

  it('offers what the provider has', async () => {
    const { server } = await world.meet({ alpn: 'a' }, { alpn: ['a', 'b'], versions: ['TLSv1.3'] })
    const [hello] = server.hellos
    expect(hello).toMatchObject({
      suites: nodeCrypto.suites.map(({ id }) => id),
      groups: nodeCrypto.groups.map(({ id }) => id),
      versions: [0x0304],
      serverName,
      alpn: ['a', 'b'],
      pskModes: undefined,
      cookie: undefined,
    })
    expect(hello!.sessionId).toHaveLength(32)
    // ML-KEM where this Node has it, and X25519 beside it.
    expect(hello!.keyShares.map(({ group }) => group)).toEqual([
      ...(nodeCrypto.groups[0]!.id === 4588 ? [4588] : []),
      29,
    ])
    // RSASSA-PKCS1-v1_5 is for certificates, so it is offered, and refused in CertificateVerify elsewhere.
    expect(hello!.signatureSchemes).toEqual([
      0x0403, 0x0503, 0x0807, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0603, 0x0401, 0x0501, 0x0601,
    ])
  })

  it.each<readonly Group['name'][]>([
    ['secp256r1'],
    ['X25519', 'secp256r1'],
    ['secp384r1', 'X25519', 'secp256r1'],
  ])('sends the shares it is told to: %s, %s', async (...names) => {
    const keyShares = names.filter((name) => name !== undefined)
    const { info, server } = await world.meet({}, { keyShares })
    expect(server.hellos[0]!.keyShares).toHaveLength(keyShares.length)
    expect(info?.group).toBe(keyShares[0])
  })

  it('sends no share and follows the retry', async () => {
    const { info, server } = await world.meet({ retry: { group: 29 } }, { keyShares: [] })
    expect(server.hellos.map(({ keyShares }) => keyShares.length)).toEqual([0, 1])
    expect(info?.group).toBe('X25519')
  })

  it.each(nodeCrypto.suites.map(({ name, id }) => [name, id] as const))('speaks %s', async (name, suite) => {
    const meeting = await world.meet({ suite })
    expect(meeting.info?.suite).toBe(name)
    meeting.server.send(latin1('data'))
    await meeting.settle()
    expect(meeting.read()).toHaveLength(4)
  })

  it.each(['192.0.2.1', '2001:db8::1'])('sends no SNI for %s', async (address) => {
    const { server, error } = await world.meet({}, { serverName: address })
    expect(server.hellos[0]!.serverName).toBeUndefined()
    expect(error?.code).toBe('ERR_CERT_NAME_MISMATCH')
  })

  it('sends the name without its trailing dot', async () => {
    const { server } = await world.meet({}, { serverName: `${serverName}.` })
    expect(server.hellos[0]!.serverName).toBe(serverName)
  })

  it('carries any bytes in protocol names', async () => {
    const name = '\x00\x8a\xff'
    const meeting = await world.meet({ alpn: name }, { alpn: [name] })
    expect(meeting.info?.alpn).toBe(name)
  })

  it('takes no protocol where none is required', async () => {
    const meeting = await world.meet({}, { alpn: ['a'], alpnPolicy: 'optional' })
    expect(meeting.info).toMatchObject({ alpn: undefined })
  })

  it('takes any of several expectations, knowing the protocol', async () => {
    const { trust } = { trust: world.authority.certificate }
    const { trustStore } = await import('../../../src/pki/index.js')
    const seen: (string | undefined)[] = []
    const meeting = await world.meet(
      { alpn: 'a' },
      {
        alpn: ['a'],
        trust: undefined,
        expect: ({ alpn }) => {
          seen.push(alpn)
          return [
            { trust: trustStore(trust), serverName: 'no.example.com', purpose: 'server' },
            { trust: trustStore(trust), serverName, purpose: 'server' },
          ]
        },
      },
    )
    expect(meeting.error).toBeUndefined()
    expect(seen).toEqual(['a'])
  })

  it('tells a protocol that nobody offered without what terminals obey', async () => {
    const { error } = await world.meet({ alpn: 'a\x9b31m\x7f' }, { alpn: ['one'] })
    expect(error).toMatchObject({ code: 'ERR_TLS_ALPN_UNOFFERED' })
    expect(error!.message).toMatch(/^[\x20-\x7e]* a%C2%9B31m%7F$/)
  })

  it('exports keying material of any length', async () => {
    const { info } = await world.meet()
    const one = info!.exportKeyingMaterial('EXPORTER-one', new Uint8Array(0), 40)
    expect(one).toHaveLength(40)
    expect(hex(info!.exportKeyingMaterial('EXPORTER-two', new Uint8Array(0), 40))).not.toBe(hex(one))
    expect(hex(info!.exportKeyingMaterial('EXPORTER-one', latin1('x'), 40))).not.toBe(hex(one))
    expect(info!.exportKeyingMaterial('x'.repeat(249), undefined, 255 * 32)).toHaveLength(255 * 32)
    for (const [label, length] of [
      ['x'.repeat(250), 32],
      ['x', 255 * 48 + 1],
      ['x', -1],
      ['x', 1.5],
      ['x', Number.NaN],
    ] as const)
      expect(() => info!.exportKeyingMaterial(label, undefined, length)).toThrowError(
        expect.objectContaining({ code: 'ERR_TLS_CONFIG' }),
      )
  })

  it('hands tickets over, and asks for them only then', async () => {
    const sessions: unknown[] = []
    const start = Date.now()
    const meeting = await world.meet(
      {},
      {
        now: () => start,
        session: { get: () => undefined, set: (_, session) => sessions.push(session), delete: () => false },
      },
    )
    expect(meeting.server.hellos[0]!.pskModes).toEqual([1])
    meeting.server.ticket({ lifetime: 0 })
    meeting.server.ticket({ lifetime: 10_000_000, nonce: new Uint8Array([2]), ageAdd: 5 })
    await meeting.settle()
    expect(sessions).toHaveLength(1)
    expect(sessions[0]).toMatchObject({
      ageAdd: 5,
      suite: meeting.server.suite.id,
      serverName,
      alpn: undefined,
    })
    const { expiresAt, receivedAt } = sessions[0] as { expiresAt: number; receivedAt: number }
    expect(expiresAt - receivedAt).toBe(7 * 24 * 3600 * 1000)
  })
})

describe('key shares made ahead', () => {
  it('are sent by the next hello, once', async () => {
    const made: KeyShare[] = []
    // With a hybrid a hello would have two.
    const classic = nodeCrypto.groups.filter(({ name }) => name !== 'X25519MLKEM768')
    const groups = classic.map((group) => ({
      ...group,
      async generate() {
        const share = await group.generate()
        made.push(share)
        return share
      },
    }))
    const crypto = { ...nodeCrypto, groups }
    prepareShares(crypto)
    prepareShares(crypto)
    for (let i = 0; i < 2; i++) {
      const { error, server } = await world.meet({}, { crypto })
      expect(error).toBeUndefined()
      expect(made).toHaveLength(i + 1)
      expect(hex(server.hellos[0]!.keyShares[0]!.key)).toBe(hex(made[i]!.publicKey))
    }
  })

  it('that could not be made fail the connection that needs them', async () => {
    const groups = nodeCrypto.groups.map((group) => ({
      ...group,
      generate: () => Promise.reject(failure('ERR_CRYPTO_UNAVAILABLE')),
    }))
    const crypto = { ...nodeCrypto, groups }
    prepareShares(crypto)
    expect((await world.meet({}, { crypto })).error?.code).toBe('ERR_CRYPTO_UNAVAILABLE')
  })
})

describe('another provider', () => {
  const { subtle } = globalThis.crypto
  const web = webcrypto({ subtle, getRandomValues: (bytes) => globalThis.crypto.getRandomValues(bytes) })

  it('on WebCrypto, asynchronous throughout, does all of it', async () => {
    const identity = await world.client()
    const data = new Uint8Array(100_000).map((_, i) => i >> 2)
    const meeting = await world.meet({ request: {}, retry: { group: 24 } }, { crypto: web, identity })
    expect(meeting.error).toBeUndefined()
    expect(meeting.info).toMatchObject({ group: 'secp384r1', clientCertificate: true })
    await meeting.send(data)
    await meeting.settle()
    expect(equal(meeting.server.read(), data)).toBe(true)
    meeting.server.send(data)
    meeting.server.keyUpdate('update_requested')
    meeting.server.send(data)
    meeting.server.close()
    await meeting.settle()
    expect(equal(meeting.read(), concat(data, data))).toBe(true)
    expect(meeting.told.at(-1)).toBe('eof')
  })

  it('on WebCrypto finds a wrong record', async () => {
    const meeting = await world.meet({}, { crypto: web })
    meeting.server.send(latin1('right'))
    meeting.server.plain(23, new Uint8Array(64))
    await meeting.settle()
    expect(meeting.error?.code).toBe('ERR_TLS_BAD_RECORD_MAC')
    expect(meeting.server.alerts).toEqual([{ name: 'bad_record_mac', level: 2, encrypted: true }])
    expect(meeting.read()).toHaveLength(5)
  })
})

describe('trace', () => {
  it('shows every message with spans that stay inside it, every record and every check', async () => {
    const { chain, signer } = await world.client()
    const { leaf } = await world.client()
    const meeting = await world.meet(
      { request: {}, alpn: 'a' },
      { alpn: ['a'], identity: { chain, signer, leaf } },
    )
    await meeting.end()
    const messages = meeting.trace.filter((event) => event.type === 'message')
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
    for (const { bytes, spans } of messages) {
      expect(spans.length).toBeGreaterThan(2)
      expect(spans[0]).toMatchObject({ start: 0, end: 1, label: 'msg_type' })
      for (const { start, end } of spans) {
        expect(start).toBeLessThanOrEqual(end)
        expect(end).toBeLessThanOrEqual(bytes.length)
      }
      expect(nested(spans)).toBe(true)
    }
    const hello = messages[0]!
    const host = hello.spans.find(({ label }) => label === 'host_name')!
    expect(hex(hello.bytes.subarray(host.start + 2, host.end))).toBe(hex(latin1(serverName)))
    const checks = meeting.trace.filter((event) => event.type === 'check').map(({ name }) => name)
    expect(checks).toEqual(['alpn', 'chain', 'signature', 'finished'])
    const alerts = meeting.trace.filter((event) => event.type === 'alert')
    expect(alerts).toEqual([{ type: 'alert', direction: 'sent', alert: 'close_notify', fatal: false }])
    const records = meeting.trace.filter((event) => event.type === 'record')
    expect(records.filter(({ direction }) => direction === 'sent').map(({ length }) => length)).toHaveLength(
      6,
    )
    const bytesSent = meeting.sent.reduce((sum, { length }) => sum + length, 0)
    expect(records.reduce((sum, { direction, length }) => sum + (direction === 'sent' ? length : 0), 0)).toBe(
      bytesSent,
    )
  })

  it('holds no secret and no application data', async () => {
    const lines: string[] = []
    const meeting = await world.meet({}, { keylog: (line) => lines.push(line) })
    await meeting.send(latin1('a very private thing'))
    await meeting.settle()
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
      'SERVER_HANDSHAKE_TRAFFIC_SECRET',
      'CLIENT_TRAFFIC_SECRET_0',
      'SERVER_TRAFFIC_SECRET_0',
      'EXPORTER_SECRET',
    ])
    const shown = meeting.trace
      .map((event) => (event.type === 'message' ? hex(event.bytes) : JSON.stringify(event)))
      .join()
    expect(shown).not.toContain(hex(latin1('a very private thing')))
    for (const line of lines) expect(shown).not.toContain(line.split(' ')[2])
  })
})

describe('data', () => {
  const data = new Uint8Array(300_000).map((_, i) => (i * 31) >> 3)

  it.each([
    ['a synchronous provider', nodeCrypto],
    ['an asynchronous provider', slowCrypto(nodeCrypto)],
  ])('goes both ways whole and in order with %s', async (_, crypto) => {
    const meeting = await world.meet({}, { crypto })
    await meeting.send(data)
    await meeting.send(data)
    await meeting.settle()
    const received = meeting.server.read()
    expect(received).toHaveLength(2 * data.length)
    expect(equal(received, concat(data, data))).toBe(true)
    for (let i = 0; i < 10; i++) {
      meeting.server.send(data)
      meeting.server.keyUpdate(i % 2 === 0 ? 'update_requested' : 'update_not_requested')
    }
    await meeting.settle()
    expect(meeting.error).toBeUndefined()
    const risen = meeting.read()
    expect(risen).toHaveLength(10 * data.length)
    expect(equal(risen.subarray(9 * data.length), data)).toBe(true)
    // Sent under the key that the last answer to an update brought.
    await meeting.send(data)
    await meeting.settle()
    expect(equal(meeting.server.read(), data)).toBe(true)
  })

  it('is sent in one piece with a synchronous provider', async () => {
    const meeting = await world.meet()
    const before = meeting.sent.length
    await meeting.send(data)
    expect(meeting.sent).toHaveLength(before + 1)
    expect(meeting.sent[before]).toHaveLength(data.length + 22 * Math.ceil(data.length / 2 ** 14))
  })

  it('keeps several records in flight with an asynchronous provider, but not many', async () => {
    const crypto = slowCrypto(nodeCrypto)
    const meeting = await world.meet({}, { crypto })
    await meeting.send(new Uint8Array(2 ** 20))
    expect(crypto.inFlight()).toBeGreaterThan(4)
    expect(crypto.inFlight()).toBeLessThanOrEqual(17)
  })

  it('rises record by record with an asynchronous provider too, and whole when one behind it is bad', async () => {
    const meeting = await world.meet({}, { crypto: slowCrypto(nodeCrypto) })
    meeting.server.send(data)
    meeting.server.raw(concat(fromHex('1703030020'), new Uint8Array(32)))
    await meeting.settle()
    expect(meeting.error?.code).toBe('ERR_TLS_BAD_RECORD_MAC')
    expect(equal(meeting.read(), data)).toBe(true)
    const pieces = meeting.told.filter((what) => what === 'up').length
    expect(pieces).toBe(Math.ceil(data.length / 2 ** 14))
  })

  it('returns no promise from send and receive with a synchronous provider', async () => {
    const { tlsClient } = await import('../../../src/tls/index.js')
    const { ScriptedServer } = await import('../../support/tls-server/index.js')
    const { chain, signer } = await world.server()
    const server = new ScriptedServer({ crypto: nodeCrypto, chain, signer })
    const sent: Uint8Array[] = []
    const risen: Uint8Array[] = []
    const sink = {
      down: (chunk: Uint8Array) => void sent.push(chunk),
      up: (chunk: Uint8Array) => void risen.push(chunk),
      open() {},
      finish() {},
      eof() {},
      trace() {},
    }
    const layer = tlsClient({
      crypto: nodeCrypto,
      now: Date.now,
      serverName,
      trust: world.authority.certificate,
    })
    await layer.start(sink)
    await server.receive(sent[0]!)
    await layer.receive(server.take(), sink)
    await server.receive(sent[1]!)
    server.send(data)
    expect(layer.receive(server.take(), sink)).toBeUndefined()
    expect(risen).toHaveLength(Math.ceil(data.length / 2 ** 14))
    expect(layer.send(data.slice(), sink)).toBeUndefined()
  })

  it.each([1, 2, 3, 100, 16_383, 16_406])('arrives in chunks of %d bytes', async (chunk) => {
    const meeting = await world.meet({}, {}, { chunk })
    const short = data.subarray(0, 40_000)
    meeting.server.send(short)
    await meeting.settle()
    expect(equal(meeting.read(), short)).toBe(true)
  })

  it('of no length is no record', async () => {
    const meeting = await world.meet()
    const before = meeting.sent.length
    await meeting.send(fromHex(''))
    expect(meeting.sent).toHaveLength(before)
  })

  it.each([
    ['synchronous', (crypto: typeof nodeCrypto) => crypto],
    ['asynchronous', slowCrypto],
  ])('changes keys before the limit with a %s provider', async (_, wrap) => {
    const recordLimit = 5
    const suites = nodeCrypto.suites.map((suite) => ({ ...suite, aead: { ...suite.aead, recordLimit } }))
    const meeting = await world.meet({}, { crypto: wrap({ ...nodeCrypto, suites }) })
    await meeting.send(data)
    await meeting.settle()
    expect(meeting.error).toBeUndefined()
    expect(equal(meeting.server.read(), data)).toBe(true)
    const updates = meeting.server.seen.filter(({ name }) => name === 'key_update').length
    expect(updates).toBe(Math.ceil(Math.ceil(data.length / 2 ** 14) / (recordLimit - 2)) - 1)
  })
})

describe('closing', () => {
  it('goes one way at a time', async () => {
    const meeting = await world.meet()
    await meeting.send(latin1('ping'))
    await meeting.settle()
    expect(hex(meeting.server.read())).toBe(hex(latin1('ping')))
    meeting.server.send(latin1('pong'))
    meeting.server.close()
    await meeting.settle()
    expect(hex(meeting.read())).toBe(hex(latin1('pong')))
    expect(meeting.told).toEqual(['open', 'up', 'eof'])
    await meeting.send(latin1('after the peer closed'))
    await meeting.end()
    await meeting.settle()
    expect(meeting.server.read()).toHaveLength(21)
    expect(meeting.server.alerts).toEqual([{ name: 'close_notify', level: 1, encrypted: true }])
    expect(meeting.told).toEqual(['open', 'up', 'eof', 'finish'])
  })

  it('by us first still lets the peer speak', async () => {
    const meeting = await world.meet()
    await meeting.end()
    await meeting.end()
    await meeting.settle()
    expect(meeting.server.alerts).toHaveLength(1)
    expect(meeting.told).toEqual(['open'])
    meeting.server.send(latin1('last words'))
    meeting.server.keyUpdate('update_requested')
    meeting.server.close()
    await meeting.settle()
    expect(meeting.told).toEqual(['open', 'up', 'eof', 'finish'])
    // After close_notify nothing is sent, not even an answer to a key update.
    expect(meeting.server.records.at(-1)).toMatchObject({ type: 'alert' })
  })

  it('refuses to send afterwards, and only that', async () => {
    const meeting = await world.meet()
    await meeting.end()
    await meeting.send(latin1('late'))
    expect(meeting.error?.code).toBe('ERR_STREAM_CLOSED')
    await meeting.settle()
    expect(meeting.server.alerts).toHaveLength(1)
  })

  it('in the handshake cancels it', async () => {
    const meeting = await world.meet({}, {}, { settle: false })
    await meeting.end()
    await meeting.server.receive(meeting.sent[0]!)
    await meeting.server.receive(meeting.sent[1]!)
    expect(meeting.server.alerts.map(({ name }) => name)).toEqual(['user_canceled', 'close_notify'])
    expect(meeting.told).toEqual(['finish'])
  })
})

/** Each span lies inside, or wholly after, every span before it. */
function nested(spans: readonly Span[]): boolean {
  return spans.every((span, i) =>
    spans
      .slice(0, i)
      .every((before) => span.start >= before.end || (span.start >= before.start && span.end <= before.end)),
  )
}
