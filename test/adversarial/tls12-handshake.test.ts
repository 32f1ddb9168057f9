// A TLS 1.2 server that breaks the handshake, one rule at a time: for each the code that the user sees and the alert that
// the server gets. RFC 5246 §7, RFC 5077, RFC 5746, RFC 7627, RFC 8422.
import { beforeAll, describe, expect, it } from 'vitest'
import { concat, fromHex, hex, latin1 } from '../../src/bytes/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { memorySessionStore } from '../../src/tls/index.js'
import { extensionType as ext } from '../../src/tls/registry.js'
import { createWorld, type Meeting12, type ServerScript12, type World } from '../support/tls-server/index.js'
import {
  afterFaults,
  answer,
  edit,
  empty,
  type Fault12,
  flightFaults,
  helloFaults,
  lastFaults,
  made,
  resumptionFaults,
  ticket,
} from './faults12.js'

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

async function check({ script, options, code, alert }: Fault12, chunk?: number): Promise<void> {
  const meeting = await world.meet12(script, options, { ...(chunk && { chunk }), tolerant: true })
  expect(meeting.error?.code).toBe(code)
  expect(meeting.info).toBeUndefined()
  expect(meeting.told).toEqual([])
  const [last] = meeting.server.alerts.slice(-1)
  expect(last).toMatchObject({ name: alert, level: 2 })
  const sent = meeting.sent.length
  await meeting.end()
  expect(meeting.sent).toHaveLength(sent)
}

describe('a TLS 1.2 ServerHello', () => {
  it.each(helloFaults)('with $what', (fault) => check(fault))

  it('with the session id that only asked for compatibility', async () => {
    let id: Uint8Array = empty
    const meeting = await world.meet12({
      before: (name, server) => {
        if (name === 'server_hello') id = server.hellos[0]!.sessionId
      },
      ...edit('server_hello', (m) => {
        const body = concat(m.bytes.subarray(4, 38), fromHex('20'), id, m.bytes.subarray(39))
        return [made(2, body)]
      }),
    })
    expect(meeting.error?.code).toBe('ERR_TLS_ILLEGAL_PARAMETER')
    expect(meeting.server.alerts).toEqual([{ name: 'illegal_parameter', level: 2, encrypted: false }])
  })

  it('with supported_groups is let pass: some load balancers send it', async () => {
    expect((await world.meet12(answer(ext.supported_groups, fromHex('0002001d')))).error).toBeUndefined()
  })

  it('with a sentinel means nothing to who has not offered TLS 1.3', async () => {
    const { error } = await world.meet12(
      {
        serverHello: (f) => ({ ...f, random: concat(f.random.subarray(0, 24), fromHex('444f574e47524401')) }),
      },
      { versions: ['TLSv1.2'] },
    )
    expect(error).toBeUndefined()
  })
})

describe("a TLS 1.2 server's flight", () => {
  it.each(flightFaults)('with $what', (fault) => check(fault))
  it.each([...helloFaults, ...flightFaults])('byte by byte: $what', (fault) => check(fault, 1))

  it.each([
    ['of a stranger', { trust: 'stranger' }, 'ERR_CERT_UNTRUSTED', 'unknown_ca'],
    ['for another name', { serverName: 'other.example.com' }, 'ERR_CERT_NAME_MISMATCH', 'bad_certificate'],
  ] as const)('with a certificate %s', async (what, options, code, alert) => {
    const trust =
      'trust' in options ? (await createWorld(nodeCrypto)).authority.certificate : world.authority.certificate
    await check({ what, script: {}, options: { ...options, trust }, code, alert })
  })

  it('with the key of another', async () => {
    const { signer } = await world.client()
    await check({ what: '', script: { signer }, code: 'ERR_TLS_SIGNATURE', alert: 'decrypt_error' })
  })

  it.each([
    ['no scheme for our key', { signatureSchemes: [0x0804] }],
    ['no place for our kind of certificate', { types: [1] }],
  ])('that asks for a certificate with %s', async (what, request) => {
    const options = { identity: await world.client() }
    await check({
      what,
      script: { request },
      options,
      code: 'ERR_TLS_NO_SIGNATURE_OVERLAP',
      alert: 'handshake_failure',
    })
  })
})

describe("a TLS 1.2 server's last word", () => {
  it.each(lastFaults)('with $what', (fault) => check(fault))
  it.each(lastFaults)('byte by byte: $what', (fault) => check(fault, 1))

  it('under the wrong master secret never comes', async () => {
    const meeting = await world.meet12({ corruptMaster: true }, {}, { tolerant: true })
    expect(meeting.deaf).toBeDefined()
    expect(meeting.info).toBeUndefined()
  })

  it('that is a refusal of the missing certificate says so', async () => {
    const meeting = await world.meet12({
      request: {},
      before: (name, server) => {
        if (name === 'change_cipher_spec') server.alert('handshake_failure')
      },
    })
    expect(meeting.error?.code).toBe('ERR_TLS_ALERT_CERTIFICATE_REQUIRED')
  })
})

describe('a TLS 1.2 server that resumes', () => {
  const sessions = new Map<string, Uint8Array>()
  async function resume(script: Partial<ServerScript12>): Promise<Meeting12> {
    const session = memorySessionStore()
    const first = await world.meet12({ sessions, ticket }, { session })
    expect(first.error).toBeUndefined()
    return world.meet12({ sessions, ...script }, { session }, { tolerant: true })
  }

  it.each(resumptionFaults)('%s', async (_, script, { code, alert }) => {
    const meeting = await resume(script)
    expect(meeting.error?.code).toBe(code)
    expect(meeting.info).toBeUndefined()
    // In clear: ours are no keys yet.
    expect(meeting.server.alerts).toEqual([{ name: alert, level: 2, encrypted: false }])
  })
})

describe('after a TLS 1.2 handshake', () => {
  it.each(afterFaults)('%s', async (_, act, code, alert) => {
    const meeting = await world.meet12()
    expect(meeting.error).toBeUndefined()
    act(meeting)
    await meeting.settle()
    expect(meeting.error?.code).toBe(code)
    expect(meeting.server.alerts).toEqual([{ name: alert, level: 2, encrypted: true }])
  })

  it.each(['header', 'nonce', 'ciphertext', 'tag', 'type', 'version'] as const)(
    'a record with another %s',
    async (part) => {
      const meeting = await world.meet12()
      meeting.server.send(latin1('a record'))
      const record = meeting.server.take()
      const at = { header: 4, nonce: 6, ciphertext: 14, tag: record.length - 1, type: 0, version: 2 }[part]
      record[at]! ^= 1
      await meeting.inject(part === 'header' ? concat(record, new Uint8Array(1)) : record)
      await meeting.settle()
      expect(meeting.error?.code).toBe('ERR_TLS_BAD_RECORD_MAC')
      expect(hex(meeting.read())).toBe('')
    },
  )

  it('a record again, or out of order', async () => {
    const meeting = await world.meet12()
    meeting.server.send(latin1('first'))
    const first = meeting.server.take()
    await meeting.inject(first.slice())
    expect(meeting.error).toBeUndefined()
    await meeting.inject(first)
    expect(meeting.error?.code).toBe('ERR_TLS_BAD_RECORD_MAC')
  })

  it('a few warnings end nothing', async () => {
    const meeting = await world.meet12()
    for (let i = 0; i < 4; i++) meeting.server.alert('no_renegotiation', 1)
    meeting.server.send(latin1('data'))
    await meeting.settle()
    expect(meeting.error).toBeUndefined()
    expect(hex(meeting.read())).toBe(hex(latin1('data')))
  })

  it('a fatal alert ends it by its name', async () => {
    const meeting = await world.meet12()
    meeting.server.alert('internal_error')
    await meeting.settle()
    expect(meeting.error).toMatchObject({ code: 'ERR_TLS_ALERT', alert: 'internal_error' })
  })
})
