// Resumption: when a session is offered, what it carries, what a server may answer. RFC 8446 §2.2, §4.2.11, §4.6.1.
import { beforeAll, describe, expect, it } from 'vitest'
import { equal, hex, latin1 } from '../../../src/bytes/index.js'
import { webcrypto } from '../../../src/crypto/webcrypto.js'
import { dangerously, trustStore } from '../../../src/pki/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import {
  memorySessionStore,
  type Session,
  type SessionStore,
  type TlsClientOptions,
} from '../../../src/tls/index.js'
import { writeNewSessionTicket } from '../../../src/tls/messages/new-session-ticket.js'
import { contentType } from '../../../src/tls/registry.js'
import { createAuthority } from '../../support/certificates.js'
import type { Way } from '../../support/tls-server/converse.js'
import {
  createWorld,
  type Meeting,
  type ServerScript,
  serverName,
  type TicketState,
  type World,
} from '../../support/tls-server/index.js'

const DAY = 24 * 3600 * 1000
const start = Date.now()

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

interface Acquainted {
  readonly store: SessionStore
  readonly tickets: Map<string, TicketState>
  readonly first: Meeting
  /** The same client and the same server once more. */
  again(options?: Partial<TlsClientOptions>, script?: Partial<ServerScript>, way?: Way): Promise<Meeting>
}

/** A client that holds a ticket of the server. */
async function acquainted(
  options: Partial<TlsClientOptions> = {},
  script: Partial<ServerScript> = {},
  ticket: Parameters<Meeting['server']['ticket']>[0] = {},
): Promise<Acquainted> {
  const store = options.session ?? memorySessionStore()
  const tickets = new Map<string, TicketState>()
  const common = { session: store, sessionKey: 'peer', now: () => start, ...options }
  const first = await world.meet({ tickets, ...script }, common)
  expect(first.error).toBeUndefined()
  first.server.ticket(ticket)
  await first.settle()
  return {
    store,
    tickets,
    first,
    again: (more = {}, other = {}, way = {}) =>
      world.meet({ tickets, ...script, ...other }, { ...common, now: () => start + 5000, ...more }, way),
  }
}

const offered = ({ server }: Meeting) => server.hellos.map(({ psk }) => psk !== undefined)
const received = ({ trace }: Meeting) =>
  trace.flatMap((event) => (event.type === 'message' && event.direction === 'received' ? [event.name] : []))

describe('a resumed session', () => {
  it.each([
    ['a synchronous provider', nodeCrypto],
    ['WebCrypto', webcrypto(globalThis.crypto)],
  ])('goes on without certificates, and carries data, with %s', async (_, crypto) => {
    const { first, again } = await acquainted({ crypto })
    const second = await again()
    expect(second.error).toBeUndefined()
    expect(second.server.resumed).toBe(true)
    expect(received(second)).toEqual(['server_hello', 'encrypted_extensions', 'finished'])
    expect(second.info).toMatchObject({
      resumed: true,
      group: 'X25519',
      signature: first.info!.signature,
      clientCertificate: false,
    })
    expect(second.info!.peer.verified).toBe(true)
    expect(hex(second.info!.peer.leaf.der)).toBe(hex(first.info!.peer.leaf.der))
    await second.send(latin1('question'))
    await second.settle()
    expect(second.server.read()).toEqual(latin1('question'))
    second.server.send(latin1('answer'))
    await second.settle()
    expect(second.read()).toEqual(latin1('answer'))
  })

  it('has keys of its own', async () => {
    const { first, again } = await acquainted()
    const second = await again()
    const secret = ({ info }: Meeting) => hex(info!.exportKeyingMaterial('EXPORTER-x', latin1(''), 32))
    expect(secret(second)).not.toBe(secret(first))
  })

  it('is used once', async () => {
    const { again } = await acquainted()
    expect(offered(await again())).toEqual([true])
    expect(offered(await again())).toEqual([false])
  })

  it('is used once when two connections ask at the same time', async () => {
    const { again } = await acquainted()
    const both = await Promise.all([again(), again()])
    expect(both.flatMap(offered).sort()).toEqual([false, true])
    expect(both.map(({ error }) => error)).toEqual([undefined, undefined])
  })

  it('makes sessions itself, for a week after the full handshake at most', async () => {
    const { store, again } = await acquainted({}, {}, { lifetime: 604_800 })
    const second = await again({ now: () => start + 6 * DAY })
    expect(second.info?.resumed).toBe(true)
    second.server.ticket({ lifetime: 604_800, ticket: latin1('second') })
    await second.settle()
    expect(await store.get('peer')).toMatchObject({ authenticatedAt: start, expiresAt: start + 7 * DAY })
    const third = await again({ now: () => start + 6.5 * DAY })
    expect(third.info?.resumed).toBe(true)
  })

  it('says how old its ticket is, obscured by what the server added', async () => {
    const { again } = await acquainted({}, {}, { ageAdd: 2 ** 32 - 1000 })
    const second = await again({ now: () => start + 5000.75 })
    expect(second.server.hellos[0]!.psk).toMatchObject({ obfuscatedAge: 4000, binderLength: 32 })
    expect(second.server.resumed).toBe(true)
  })

  it('is plain data', async () => {
    const { store } = await acquainted({ identity: await world.client() }, { request: {} })
    const session = (await store.get('peer'))!
    expect(structuredClone(session)).toEqual(session)
  })

  it('is declined by a server that forgot it', async () => {
    const { tickets, again } = await acquainted()
    tickets.clear()
    const second = await again()
    expect(offered(second)).toEqual([true])
    expect(second.info).toMatchObject({ resumed: false })
    expect(received(second)).toContain('certificate_verify')
  })

  it('survives a HelloRetryRequest, with a binder over both hellos', async () => {
    const { again } = await acquainted()
    const second = await again({ now: ticking() }, { retry: { group: 0x17, cookie: latin1('c') } })
    expect(offered(second)).toEqual([true, true])
    expect(second.info).toMatchObject({ resumed: true, group: 'secp256r1' })
    const [one, two] = second.server.hellos
    // RFC 8446 §4.1.2: the age is reckoned again.
    expect(two!.psk!.obfuscatedAge).toBeGreaterThan(one!.psk!.obfuscatedAge)
    expect(equal(one!.psk!.identity, two!.psk!.identity)).toBe(true)
  })

  it('is withdrawn when the HelloRetryRequest chose a suite of another hash', async () => {
    const { again } = await acquainted({}, { suite: 0x1301 })
    const second = await again({}, { suite: 0x1302, retry: { group: 0x17 } })
    expect(offered(second)).toEqual([true, false])
    expect(second.info).toMatchObject({ resumed: false, suite: 'TLS_AES_256_GCM_SHA384' })
  })

  it('may go on with another suite of its hash', async () => {
    const { again } = await acquainted({}, { suite: 0x1301 })
    const second = await again({}, { suite: 0x1303 })
    expect(second.info).toMatchObject({ resumed: true, suite: 'TLS_CHACHA20_POLY1305_SHA256' })
  })

  it('may select another protocol, which the chain is verified for again', async () => {
    const asked: (string | undefined)[] = []
    const trust = world.authority.certificate
    const { again } = await acquainted({ alpn: ['one'] }, { alpn: 'one' })
    const second = await again(
      {
        alpn: ['one', 'two'],
        expect({ alpn }) {
          asked.push(alpn)
          return [{ trust: trustStore(trust), serverName, purpose: 'server' }]
        },
      },
      { alpn: 'two' },
    )
    expect(second.info).toMatchObject({ resumed: true, alpn: 'two' })
    expect(asked).toEqual(['one', 'two'])
  })

  it('does not carry over to a protocol whose peers are others', async () => {
    const { again } = await acquainted({ alpn: ['one'] }, { alpn: 'one' })
    const stranger = await createAuthority()
    const second = await again(
      {
        alpn: ['one', 'two'],
        expect: ({ alpn }) => [
          {
            trust: trustStore((alpn === 'two' ? stranger : world.authority).certificate),
            serverName,
            purpose: 'server',
          },
        ],
      },
      { alpn: 'two' },
    )
    expect(second.error).toMatchObject({ code: 'ERR_CERT_UNTRUSTED' })
    expect(second.server.alerts).toMatchObject([{ name: 'unknown_ca', encrypted: true }])
  })
})

describe('a session under another protocol', () => {
  it.each(['TLSv1.3', 'TLSv1.2'] as const)(
    'does not carry an identity over that it has not: %s',
    async (version) => {
      const identity = await world.client()
      const tickets = new Map<string, TicketState>()
      const sessions = new Map<string, Uint8Array>()
      const options: Partial<TlsClientOptions> = {
        session: memorySessionStore(),
        versions: [version],
        alpn: ['one', 'two'],
        identity: ({ alpn }) => (alpn === 'one' ? identity : undefined),
      }
      const meet = (alpn: string) =>
        version === 'TLSv1.3'
          ? world.meet({ tickets, request: {}, alpn }, options)
          : world.meet12({ sessions, request: {}, alpn, ticket: latin1('ticket') }, options)
      const first = await meet('one')
      expect(first.info).toMatchObject({ clientCertificate: true, alpn: 'one' })
      if ('ticket' in first.server) first.server.ticket()
      await first.settle()
      const second = await meet('two')
      expect(second.error).toMatchObject({ code: 'ERR_TLS_ILLEGAL_PARAMETER' })
      expect(second.server.alerts).toMatchObject([{ name: 'illegal_parameter' }])
    },
  )
})

describe('a session is not offered', () => {
  it.each<[string, Partial<TlsClientOptions>]>([
    ['past its lifetime', { now: () => start + 7200_000 }],
    ['by a clock that went back', { now: () => start - 1 }],
    ['for another name', { serverName: 'other.example.com' }],
    ['without a protocol that it was made for', { alpn: ['two'] }],
    ['with another store key', { sessionKey: 'another' }],
    ['without its suite', { crypto: { ...nodeCrypto, suites: nodeCrypto.suites.slice(1) } }],
    ['to whom an application refuses now', { expect: refuse }],
  ])('%s', async (_, options) => {
    const { again } = await acquainted({ alpn: ['one'] }, { alpn: 'one', suite: nodeCrypto.suites[0]!.id })
    expect(offered(await again(options, { suite: 0x1303 }))).toEqual([false])
  })

  it('to a server whose certificate expired since', async () => {
    const name = { notAfter: new Date(start + 1000) }
    const { chain, signer } = await world.server('ecdsa-p256', name)
    const { again } = await acquainted({}, { chain, signer })
    const second = await again()
    expect(offered(second)).toEqual([false])
    expect(second.error).toMatchObject({ code: 'ERR_CERT_EXPIRED' })
  })

  it('to a server whose authority is not trusted any more', async () => {
    const { again } = await acquainted()
    const { certificate } = await createAuthority()
    const second = await again({ trust: certificate })
    expect(offered(second)).toEqual([false])
    expect(second.error).toMatchObject({ code: 'ERR_CERT_UNTRUSTED' })
  })

  it('to be verified, when it was made without', async () => {
    const stranger = await createAuthority()
    const { again } = await acquainted({ trust: dangerously.anyCertificate('a test') })
    const second = await again({ trust: stranger.certificate })
    expect(offered(second)).toEqual([false])
    expect(second.error).toMatchObject({ code: 'ERR_CERT_UNTRUSTED' })
  })

  it('by somebody else than who made it', async () => {
    const one = await world.client('ecdsa-p256')
    const two = await world.client('ed25519')
    for (const [made, now, same] of [
      [one, one, true],
      [one, () => one, true],
      [one, two, false],
      [one, () => two, false],
      [one, undefined, false],
      [undefined, one, false],
      [undefined, undefined, true],
    ] as const) {
      const { again } = await acquainted({ identity: made }, { request: {} })
      const second = await again({ identity: now })
      expect(offered(second)).toEqual([same])
      expect(second.error).toBeUndefined()
      expect(second.info?.resumed).toBe(same)
    }
  })

  it('when its identity cannot be told', async () => {
    const { again } = await acquainted({ identity: await world.client() }, { request: {} })
    const second = await again({
      identity() {
        throw new Error('the token was pulled')
      },
    })
    expect(offered(second)).toEqual([false])
    expect(second.error).toMatchObject({ code: 'ERR_TLS_SIGNER' })
  })

  it.each([16_385, 65_400, 65_535])('by a ticket of %d bytes, which may not fit a hello', async (length) => {
    const store = memorySessionStore()
    const options = { session: store, sessionKey: 'peer' }
    const first = await world.meet({}, options)
    const ticket = { lifetime: 7200, ageAdd: 7, nonce: latin1('n'), ticket: new Uint8Array(length) }
    const { bytes } = writeNewSessionTicket(ticket)
    for (let at = 0; at < bytes.length; at += 2 ** 14)
      first.server.record(contentType.handshake, bytes.subarray(at, at + 2 ** 14))
    await first.settle()
    expect(first.error).toBeUndefined()
    expect(await store.get('peer')).toBeUndefined()
    const second = await world.meet({}, options)
    expect(second.error).toBeUndefined()
    expect(offered(second)).toEqual([false])
  })

  it('by a ticket of TLS 1.2 that may not fit a hello', async () => {
    const options: Partial<TlsClientOptions> = { session: memorySessionStore(), versions: ['TLSv1.2'] }
    const first = await world.meet12({ ticket: new Uint8Array(65_535), fragment: 2 ** 14 }, options)
    expect(first.error).toBeUndefined()
    const second = await world.meet12({}, options)
    expect(second.error).toBeUndefined()
    expect(second.info).toMatchObject({ resumed: false })
  })

  it('by an identity of whom it was never asked', async () => {
    const { again } = await acquainted({ identity: await world.client('ecdsa-p256') })
    expect(offered(await again({ identity: await world.client('ed25519') }))).toEqual([true])
  })
})

describe('a server that resumes wrongly', () => {
  const edit: Record<string, ServerScript['edit']> = {
    repeatsCertificate: (name, message) =>
      name === 'finished' ? [certificateMessage(), message] : [message],
  }
  it.each<[string, Partial<ServerScript>, string, string]>([
    [
      'selects an identity that was not offered',
      { serverHello: (fields) => ({ ...fields, selectedPsk: 1 }) },
      'ERR_TLS_ILLEGAL_PARAMETER',
      'illegal_parameter',
    ],
    [
      'selects a suite of another hash',
      { serverHello: (fields) => ({ ...fields, suite: 0x1302, selectedPsk: 0 }) },
      'ERR_TLS_ILLEGAL_PARAMETER',
      'illegal_parameter',
    ],
    [
      'leaves out the key share',
      { serverHello: ({ keyShare: _, ...fields }) => fields },
      'ERR_TLS_MISSING_EXTENSION',
      'missing_extension',
    ],
    [
      'sends certificates all the same',
      { edit: edit.repeatsCertificate },
      'ERR_TLS_UNEXPECTED_MESSAGE',
      'unexpected_message',
    ],
    [
      'accepts early data',
      { encryptedExtensions: [[42, new Uint8Array(0)]] },
      'ERR_TLS_UNSUPPORTED_EXTENSION',
      'unsupported_extension',
    ],
    [
      'selects it in a HelloRetryRequest',
      {
        retry: { group: 0x17 },
        serverHelloExtra: [[41, new Uint8Array(2)]],
      },
      'ERR_TLS_UNSUPPORTED_EXTENSION',
      'unsupported_extension',
    ],
  ])('and %s is refused', async (_, script, code, alert) => {
    const { again } = await acquainted({}, { suite: 0x1301 })
    const second = await again({}, script)
    expect(offered(second)[0]).toBe(true)
    expect(second.error).toMatchObject({ code })
    expect(second.server.alerts.at(-1)).toMatchObject({ name: alert })
  })

  it('and selects what nobody offered is refused', async () => {
    const meeting = await world.meet({ serverHello: (fields) => ({ ...fields, selectedPsk: 0 }) })
    expect(meeting.error).toMatchObject({ code: 'ERR_TLS_UNSUPPORTED_EXTENSION' })
  })

  it('and has another secret is found out', async () => {
    const { tickets, again } = await acquainted()
    const second = await again({}, { before: forget(tickets) }, { tolerant: true })
    expect(second.error?.code).toBe('ERR_TLS_BAD_RECORD_MAC')
  })
})

describe('a store', () => {
  it('may be asynchronous', async () => {
    const inner = memorySessionStore()
    const session: SessionStore = {
      get: async (key) => inner.get(key),
      set: async (key, value) => void (await inner.set(key, structuredClone(value))),
      delete: async (key) => inner.delete(key),
    }
    const { again } = await acquainted({ session })
    expect((await again()).info?.resumed).toBe(true)
  })

  it.each(['get', 'set', 'delete'] as const)('that fails to %s costs a resumption only', async (broken) => {
    for (const fail of [() => Promise.reject(new Error('disk')), () => raise(new Error('disk'))]) {
      const { again } = await acquainted({ session: { ...memorySessionStore(), [broken]: fail } })
      const second = await again()
      expect(second.error).toBeUndefined()
      expect(second.info?.resumed).toBe(false)
    }
  })

  it('that another connection emptied gives nothing', async () => {
    const { again } = await acquainted({ session: { ...memorySessionStore(), delete: () => false } })
    expect(offered(await again())).toEqual([false])
  })

  it('tells peers apart by name and protocols', async () => {
    const keys: string[] = []
    const session: SessionStore = {
      get: (key) => void keys.push(key),
      set: () => {},
      delete: () => false,
    }
    await world.meet({}, { session })
    await world.meet({ alpn: 'a' }, { session, alpn: ['a', 'b'] })
    await world.meet({ alpn: 'a' }, { session, alpn: ['a,b', 'a'] })
    expect(new Set(keys).size).toBe(3)
  })

  it('in memory keeps the latest, and drops the key used longest ago', () => {
    const store = memorySessionStore({ max: 3 })
    const session = (n: number) => ({ ageAdd: n }) as Session
    for (const [n, key] of ['a', 'b', 'a', 'c'].entries()) void store.set(key, session(n))
    expect(store.get('b')).toBeUndefined()
    expect(store.get('a')).toEqual(session(2))
    expect(store.delete('a')).toBe(true)
    expect(store.get('a')).toEqual(session(0))
    expect([store.delete('a'), store.delete('a'), store.delete('b')]).toEqual([true, false, false])
    expect(store.get('c')).toEqual(session(3))
  })

  it('in memory keeps a few of each key', () => {
    const store = memorySessionStore()
    for (let n = 0; n < 20; n++) void store.set('a', { ageAdd: n } as Session)
    let kept = 0
    while (store.delete('a')) kept++
    expect(kept).toBe(8)
  })
})

function refuse(): never {
  throw new Error('not today')
}

function raise(error: Error): never {
  throw error
}

function ticking(): () => number {
  let now = start + 5000
  return () => now++
}

/** Changes the secret once the binder was checked. */
function forget(tickets: Map<string, TicketState>): ServerScript['before'] {
  return (name) => {
    if (name === 'server_hello') for (const { psk } of tickets.values()) psk.fill(0)
  }
}

function certificateMessage() {
  return { type: 11, bytes: new Uint8Array([11, 0, 0, 4, 0, 0, 0, 0]) }
}
