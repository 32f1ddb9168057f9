// TLS 1.2 against the scripted server: what is offered, agreed on, proven and told; resumption; the end. RFC 5246.
import { beforeAll, describe, expect, it } from 'vitest'
import { hex, latin1 } from '../../../src/bytes/index.js'
import type { CipherSuite } from '../../../src/crypto/provider.js'
import { webcrypto } from '../../../src/crypto/webcrypto.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { memorySessionStore, type Session, type TlsClientOptions } from '../../../src/tls/index.js'
import { signatureSchemes } from '../../../src/tls/registry.js'
import { cipherSuites12, schemeFits12 } from '../../../src/tls/registry12.js'
import {
  createWorld,
  type Meeting12,
  type ServerScript12,
  serverName,
  type World,
} from '../../support/tls-server/index.js'
import { slowCrypto } from '../../support/tls-server/slow-crypto.js'

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

const suites = cipherSuites12(nodeCrypto)
const keys = ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048', 'rsa-pss'] as const

/** Both directions carry data. */
async function talk(meeting: Meeting12, length = 100): Promise<void> {
  expect(meeting.error).toBeUndefined()
  const data = Uint8Array.from({ length }, (_, i) => i * 7)
  await meeting.send(data.slice())
  meeting.server.send(data)
  await meeting.settle()
  expect(meeting.error).toBeUndefined()
  expect(hex(meeting.server.read())).toBe(hex(data))
  expect(hex(meeting.read())).toBe(hex(data))
}

describe('a TLS 1.2 handshake', () => {
  it('is offered beside TLS 1.3', async () => {
    const { server, info } = await world.meet12()
    expect(server.hellos[0]).toMatchObject({
      versions: [0x0304, 0x0303],
      suites: [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8],
      ticket: undefined,
    })
    expect(info).toMatchObject({
      version: 'TLSv1.2',
      suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
      group: 'X25519',
      signature: 'ecdsa_secp256r1_sha256',
      serverName,
      alpn: undefined,
      clientCertificate: false,
      resumed: false,
      peer: { verified: true },
    })
  })

  it('alone is offered without what only TLS 1.3 has', async () => {
    const { server, info, sent } = await world.meet12({}, { versions: ['TLSv1.2'] })
    expect(info?.version).toBe('TLSv1.2')
    const [hello] = server.hellos
    expect(hello).toMatchObject({
      versions: [],
      keyShares: [],
      pskModes: undefined,
      recordSizeLimit: 2 ** 14,
    })
    expect(hello!.sessionId).toHaveLength(0)
    expect(hello!.suites).toEqual(suites.map(({ id }) => id))
    // ec_point_formats, extended_master_secret, renegotiation_info; no supported_versions, no key_share.
    const bytes = hex(sent[0]!)
    for (const extension of ['000b00020100', '00170000', 'ff01000100']) expect(bytes).toContain(extension)
  })

  it('keeps the order of RFC 5246 §7.3', async () => {
    const { server, trace, told } = await world.meet12({ request: {} }, { identity: await world.client() })
    expect(server.seen).toEqual([
      ...['client_hello', 'certificate', 'client_key_exchange', 'certificate_verify'],
      ...['change_cipher_spec', 'finished'],
    ])
    expect(told).toEqual(['open'])
    const seen = trace.flatMap((event) =>
      event.type === 'message' ? [`${event.direction} ${event.name}`] : [],
    )
    expect(seen).toEqual([
      'sent client_hello',
      ...[
        'server_hello',
        'certificate',
        'server_key_exchange',
        'certificate_request',
        'server_hello_done',
      ].map((name) => `received ${name}`),
      ...['certificate', 'client_key_exchange', 'certificate_verify', 'finished'].map(
        (name) => `sent ${name}`,
      ),
      'received finished',
    ])
    expect(trace.flatMap((event) => (event.type === 'check' ? [event.name] : []))).toEqual([
      'chain',
      'signature',
      'finished',
    ])
  })

  it.each(suites.map(({ name, id, authentication }) => ({ name, id, authentication })))(
    'speaks $name',
    async ({ name, id, authentication }) => {
      const { chain, signer } = await world.server(authentication === 'RSA' ? 'rsa-2048' : 'ecdsa-p256')
      const meeting = await world.meet12({ suite: id, chain, signer })
      expect(meeting.info?.suite).toBe(name)
      for (const length of [1, 16384, 16385, 50_000]) await talk(meeting, length)
    },
  )

  it.each(nodeCrypto.groups.map(({ name }) => name).filter((name) => name !== 'X25519MLKEM768'))(
    'agrees on %s',
    async (group) => {
      const meeting = await world.meet12({ group })
      expect(meeting.info?.group).toBe(group)
      await talk(meeting)
    },
  )

  it.each(keys)('takes every scheme that fits an %s key', async (key) => {
    const { chain, signer } = await world.server(key)
    const fitting = signatureSchemes.filter((scheme) => schemeFits12(scheme, signer.key))
    expect(fitting.length).toBeGreaterThan(0)
    for (const { id, name } of fitting) {
      const meeting = await world.meet12({ chain, signer, scheme: id })
      expect(meeting.info?.signature).toBe(name)
    }
  })

  it.each([
    ['ecdsa-p256', 'ecdsa_secp256r1_sha256'],
    ['ecdsa-p384', 'ecdsa_secp384r1_sha384'],
    ['ed25519', 'ed25519'],
    ['rsa-2048', 'rsa_pss_rsae_sha256'],
    ['rsa-pss', 'rsa_pss_pss_sha256'],
  ] as const)('presents a client certificate with an %s key', async (key, scheme) => {
    const meeting = await world.meet12({ request: {} }, { identity: await world.client(key) })
    expect(meeting.info?.clientCertificate).toBe(true)
    expect(meeting.server.clientScheme).toBe(scheme)
    await talk(meeting)
  })

  it('signs with RSASSA-PKCS1-v1_5 when the server has nothing else', async () => {
    const request = { signatureSchemes: [0x0401] }
    const { server } = await world.meet12({ request }, { identity: await world.client('rsa-2048') })
    expect(server.clientScheme).toBe('rsa_pkcs1_sha256')
  })

  it('signs over another curve than the scheme is named for when the server has nothing else', async () => {
    const request = { signatureSchemes: [0x0403] }
    const { server } = await world.meet12({ request }, { identity: await world.client('ecdsa-p384') })
    expect(server.clientScheme).toBe('ecdsa_secp256r1_sha256')
  })

  it('sends an empty list without a certificate', async () => {
    const { server, info } = await world.meet12({ request: {} })
    expect(server.clientChain).toEqual([])
    expect(info?.clientCertificate).toBe(false)
    expect(server.seen).not.toContain('certificate_verify')
  })

  it('selects a protocol', async () => {
    const { info, server } = await world.meet12({ alpn: 'b' }, { alpn: ['a', 'b'] })
    expect(info?.alpn).toBe('b')
    expect(server.finished).toBe(true)
  })

  it.each([
    ['byte by byte', { chunk: 1 }, {}],
    ['in one run of records', {}, { pack: true }],
    ['in fragments of one byte', {}, { fragment: 1 }],
  ])('bears flights %s', async (_, way, script) => {
    const common = { request: {}, ticket: latin1('ticket') }
    const meeting = await world.meet12(
      { ...common, ...script },
      { identity: await world.client(), session: memorySessionStore() },
      way,
    )
    await talk(meeting)
  })

  it('keeps order with a provider that takes its time', async () => {
    const crypto = slowCrypto(nodeCrypto)
    const meeting = await world.meet12({ request: {} }, { crypto, identity: await world.client() })
    await talk(meeting, 300_000)
    expect(crypto.inFlight()).toBeGreaterThan(1)
  })

  it.each([0xc02b, 0xc02c])('is spoken with WebCrypto too: suite %i', async (suite) => {
    await talk(await world.meet12({ suite }, { crypto: webcrypto(globalThis.crypto) }), 40_000)
  })

  it('logs its master secret, and exports by it', async () => {
    const lines: string[] = []
    const { server, info } = await world.meet12({}, { keylog: (line) => lines.push(line) })
    const [hello] = server.hellos
    expect(lines).toEqual([expect.stringMatching(/^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/)])
    expect(lines[0]).toContain(hex(hello!.random))
    for (const context of [undefined, new Uint8Array(0), latin1('context')])
      expect(hex(info!.exportKeyingMaterial('EXPORTER-label', context, 40))).toBe(
        hex(server.exportKeyingMaterial('EXPORTER-label', context, 40)),
      )
    const [none, empty] = [undefined, new Uint8Array(0)].map((context) =>
      hex(info!.exportKeyingMaterial('EXPORTER-label', context, 32)),
    )
    expect(none).not.toBe(empty)
    for (const [context, length] of [
      [new Uint8Array(65_536), 32],
      [undefined, -1],
      [undefined, Number.NaN],
    ] as const)
      expect(() => info!.exportKeyingMaterial('EXPORTER-label', context, length)).toThrowError(
        expect.objectContaining({ code: 'ERR_TLS_CONFIG' }),
      )
    expect(info!.channelBinding('tls-exporter')).toHaveLength(32)
    expect(info!.channelBinding('tls-server-end-point')).toHaveLength(32)
  })

  it('goes by the record size limit of both', async () => {
    const meeting = await world.meet12(
      { extensions: (list) => [...list, [28, new Uint8Array([0, 64])]] },
      { recordSizeLimit: 100 },
    )
    expect(meeting.error).toBeUndefined()
    const before = meeting.sent.length
    await meeting.send(new Uint8Array(65))
    // Two records: 64 bytes and one.
    const record = 5 + 8 + 16
    expect(meeting.sent[before]).toHaveLength(65 + 2 * record)
    meeting.server.send(new Uint8Array(101))
    await meeting.settle()
    expect(meeting.error?.code).toBe('ERR_TLS_RECORD_OVERFLOW')
  })
})

describe('resumption in TLS 1.2', () => {
  const start = Date.now()

  /** A client and a server that know each other, and their next meeting. */
  async function acquainted(script: Partial<ServerScript12>, options: Partial<TlsClientOptions> = {}) {
    const sessions = new Map<string, Uint8Array>()
    const session = memorySessionStore()
    const common = { session, sessionKey: 'peer', now: () => start, ...options }
    const first = await world.meet12({ sessions, ...script }, common)
    expect(first.error).toBeUndefined()
    const again = (more: Partial<TlsClientOptions> = {}, other: Partial<ServerScript12> = {}) =>
      world.meet12({ sessions, ...script, ticket: undefined!, ...other }, { ...common, ...more })
    return { first, again, session, sessions }
  }

  const byTicket = { ticket: latin1('a ticket') }
  const byId = { sessionId: new Uint8Array(32).fill(5) }

  it.each([
    ['a ticket', byTicket],
    ['a session id', byId],
  ])('goes by %s, again and again', async (_, script) => {
    const { again, first } = await acquainted(script)
    for (let round = 0; round < 3; round++) {
      const meeting = await again()
      expect(meeting.info).toMatchObject({
        version: 'TLSv1.2',
        resumed: true,
        group: first.info!.group,
        suite: first.info!.suite,
        signature: first.info!.signature,
        peer: { verified: true },
      })
      expect(meeting.server.seen).toEqual(['client_hello', 'change_cipher_spec', 'finished'])
      await talk(meeting)
    }
  })

  it('takes a new ticket', async () => {
    const { again, session } = await acquainted(byTicket)
    const second = await again({}, { ticket: latin1('another') })
    expect(second.info?.resumed).toBe(true)
    const kept = (await session.get('peer')) as Session
    expect(kept.version === 'TLSv1.2' && hex(kept.ticket)).toBe(hex(latin1('another')))
    expect((await again()).info?.resumed).toBe(true)
  })

  it.each([
    ['received', 'handshake_failure'],
    ['sent', 'hello_request'],
  ])('is over once its connection ended with a fatal alert %s', async (_, what) => {
    for (const script of [byTicket, byId]) {
      const { first, again, session } = await acquainted(script)
      expect(await session.get('peer')).toBeDefined()
      if (what === 'hello_request') first.server.helloRequest()
      else first.server.alert('handshake_failure')
      await first.settle()
      expect(first.error).toBeDefined()
      expect(await session.get('peer')).toBeUndefined()
      expect((await again()).info?.resumed).toBe(false)
    }
  })

  it('outlives a connection that was only cut off', async () => {
    const { first, again } = await acquainted(byTicket)
    await first.eof()
    expect(first.error?.code).toBe('ERR_TLS_TRUNCATED')
    expect((await again()).info?.resumed).toBe(true)
  })

  it('asks for tickets only where they can be kept', async () => {
    const { server } = await world.meet12(byTicket)
    expect(server.hellos[0]!.ticket).toBeUndefined()
    const other = await world.meet12(byTicket, { session: memorySessionStore() })
    expect(other.server.hellos[0]!.ticket).toEqual(new Uint8Array(0))
  })

  it.each([
    ['an empty ticket', { ticket: new Uint8Array(0) }],
    ['nothing', {}],
  ])('keeps nothing of %s', async (_, script) => {
    const { session } = await acquainted(script)
    expect(await session.get('peer')).toBeUndefined()
  })

  it('is declined with a full handshake', async () => {
    const { again } = await acquainted(byTicket)
    const meeting = await again({}, { sessions: new Map() })
    expect(meeting.info).toMatchObject({ resumed: false, version: 'TLSv1.2' })
  })

  it('is declined by a server that speaks TLS 1.3 by now', async () => {
    const { session } = await acquainted(byId)
    const meeting = await world.meet({}, { session, sessionKey: 'peer', now: () => start })
    expect(meeting.info).toMatchObject({ resumed: false, version: 'TLSv1.3' })
  })

  it.each([
    ['the lifetime of its ticket', { ...byTicket, ticketLifetime: 60 }, 59_999, 60_000],
    ['a day, where the server names none', { ...byTicket, ticketLifetime: 0 }, 86_399_999, 86_400_000],
    ['a day by its id', byId, 86_399_999, 86_400_000],
  ])('lasts for %s', async (_, script, last, over) => {
    for (const [later, resumed] of [
      [last, true],
      [over, false],
    ] as const) {
      const { again } = await acquainted(script)
      expect((await again({ now: () => start + later })).info?.resumed).toBe(resumed)
    }
  })

  it('is not tried for another identity than the one shown', async () => {
    const identity = await world.client()
    const other = await world.client('ed25519')
    const { again } = await acquainted({ ...byTicket, request: {} }, { identity })
    expect((await again({ identity: other })).info?.resumed).toBe(false)
    const { again: once } = await acquainted({ ...byTicket, request: {} }, { identity })
    expect((await once()).info?.resumed).toBe(true)
  })

  it('is not tried when the chain is trusted no more', async () => {
    const { again } = await acquainted(byTicket)
    const stranger = await createWorld(nodeCrypto)
    const meeting = await again({ trust: stranger.authority.certificate })
    expect(meeting.error?.code).toBe('ERR_CERT_UNTRUSTED')
    expect(meeting.server.hellos[0]!.ticket).toHaveLength(0)
  })

  it('is not tried where TLS 1.2 is not offered', async () => {
    const { session } = await acquainted(byTicket)
    const meeting = await world.meet(
      {},
      { session, sessionKey: 'peer', versions: ['TLSv1.3'], now: () => start },
    )
    expect(meeting.info?.resumed).toBe(false)
    expect(meeting.server.hellos[0]!.ticket).toBeUndefined()
  })
})

describe('the end of a TLS 1.2 connection', () => {
  it('is answered at once: there is no half-close', async () => {
    const meeting = await world.meet12()
    meeting.server.close()
    await meeting.settle()
    expect(meeting.told).toEqual(['open', 'eof', 'finish'])
    expect(meeting.server.alerts).toEqual([{ name: 'close_notify', level: 1, encrypted: true }])
    await meeting.send(new Uint8Array(1))
    expect(meeting.error?.code).toBe('ERR_STREAM_CLOSED')
  })

  it('leaves reading open when it is ours', async () => {
    const meeting = await world.meet12()
    await meeting.end()
    meeting.server.send(latin1('late'))
    meeting.server.close()
    await meeting.settle()
    expect(hex(meeting.read())).toBe(hex(latin1('late')))
    expect(meeting.told).toEqual(['open', 'up', 'eof', 'finish'])
  })

  it('without close_notify is a truncation', async () => {
    const meeting = await world.meet12()
    await meeting.eof()
    expect(meeting.error?.code).toBe('ERR_TLS_TRUNCATED')
  })

  it('comes before the key is worn out', async () => {
    const worn = (suite: CipherSuite) => ({ ...suite, aead: { ...suite.aead, recordLimit: 4 } })
    const crypto = { ...nodeCrypto, suites: nodeCrypto.suites.map(worn) }
    const meeting = await world.meet12({}, { crypto })
    // Finished took one record; one is left for the alert.
    await meeting.send(new Uint8Array(1))
    expect(meeting.error).toBeUndefined()
    await meeting.send(new Uint8Array(1))
    expect(meeting.error?.code).toBe('ERR_TLS_KEY_LIMIT')
    await meeting.settle()
    expect(meeting.server.alerts).toEqual([{ name: 'internal_error', level: 2, encrypted: true }])
  })
})

describe('the key of a server', () => {
  it('signs only where its key usage lets it', async () => {
    const server = await world.server('ecdsa-p256', { keyUsage: ['keyEncipherment', 'keyAgreement'] })
    const { error, server: told } = await world.meet12(server, { versions: ['TLSv1.2'] })
    expect(error).toMatchObject({ code: 'ERR_CERT_PURPOSE', depth: 0 })
    expect(told.alerts).toMatchObject([{ name: 'unsupported_certificate' }])
  })
})
