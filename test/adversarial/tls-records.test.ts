// A server that breaks the record layer or what follows the handshake, and a wire that cuts wherever it likes: the code
// the user sees, the alert the server gets, and what was delivered before. RFC 8446 §4.6, §5, §6.
import { beforeAll, describe, expect, it } from 'vitest'
import { fromHex, hex, latin1 } from '../../src/bytes/index.js'
import { failure } from '../../src/errors.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { contentType as type } from '../../src/tls/registry.js'
import {
  createWorld,
  type Meeting,
  type ScriptedServer,
  type ServerScript,
  type World,
} from '../support/tls-server/index.js'
import { slowCrypto } from '../support/tls-server/slow-crypto.js'
import {
  ccs,
  empty,
  openFaults,
  plainFaults,
  protectedFaults,
  type RecordFault,
  times,
} from './record-faults.js'

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

function script({ before, act }: RecordFault): Partial<ServerScript> {
  return { before: (name, server) => void (name === before && act(server)) }
}

function expectFault(meeting: Meeting, { code, alert, encrypted }: RecordFault): void {
  expect(meeting.error?.code).toBe(code)
  expect(meeting.server.alerts).toEqual(
    alert === undefined ? [] : [{ name: alert, level: 2, encrypted: encrypted ?? true }],
  )
}

describe.each([
  ['a synchronous provider', {}],
  ['an asynchronous provider', { crypto: slowCrypto(nodeCrypto) }],
])('with %s', (_, options) => {
  it.each([...plainFaults, ...protectedFaults])('in the handshake, $before: $what', async (fault) => {
    const meeting = await world.meet(script(fault), options)
    expectFault(meeting, fault)
    expect(meeting.info).toBeUndefined()
  })

  it.each(openFaults)('once open: $what', async (fault) => {
    const meeting = await world.meet({}, options)
    meeting.server.send(latin1('before'))
    await meeting.settle()
    fault.act(meeting.server)
    await meeting.settle()
    expectFault(meeting, fault)
    expect(hex(meeting.read()).startsWith(hex(latin1('before')))).toBe(true)
  })
})

describe('tolerated', () => {
  it.each<[string, (server: ScriptedServer) => void]>([
    ['32 empty records', (s) => times(32, () => s.record(type.application_data, empty))],
    ['4 times user_canceled', (s) => times(4, () => s.alert('user_canceled'))],
    ['32 key updates', (s) => times(32, () => s.keyUpdate())],
    ['32 tickets', (s) => times(32, () => s.ticket())],
    ['a ticket without lifetime', (s) => s.ticket({ lifetime: 0 })],
    ['a ticket with unknown extensions', (s) => s.ticket({}, [[0xfafa, ccs]])],
    ['padding to the limit', (s) => s.record(type.application_data, latin1('x'), 2 ** 14 - 1)],
    [
      'key updates without end, with data between',
      (s) =>
        times(100, () => {
          s.keyUpdate('update_requested')
          s.send(latin1('.'))
        }),
    ],
    [
      'a message cut into records',
      (s) => {
        const ticket = fromHex('040000140000000100000000010100060102030405060000')
        times(ticket.length, (i) => s.record(type.handshake, ticket.subarray(i, i + 1)))
      },
    ],
  ])('%s', async (_, act) => {
    const meeting = await world.meet()
    act(meeting.server)
    meeting.server.send(latin1('end'))
    await meeting.settle()
    expect(meeting.error).toBeUndefined()
    expect(hex(meeting.read()).endsWith(hex(latin1('end')))).toBe(true)
  })

  it('key updates asked for while we only write', async () => {
    const meeting = await world.meet()
    for (let i = 0; i < 4; i++) {
      times(20, () => meeting.server.keyUpdate('update_requested'))
      await meeting.settle()
      await meeting.send(latin1('.'))
      await meeting.settle()
    }
    meeting.server.send(latin1('end'))
    await meeting.settle()
    expect(meeting.error).toBeUndefined()
    expect(hex(meeting.read()).endsWith(hex(latin1('end')))).toBe(true)
  })

  it.each<[string, Partial<ServerScript>]>([
    [
      'change_cipher_spec up to the limit',
      {
        before: (name, s) =>
          void (name === 'finished' && times(31, () => s.plain(type.change_cipher_spec, ccs))),
      },
    ],
    ['no change_cipher_spec at all', { compatible: false }],
    [
      'a warning about the name before ServerHello',
      { before: (name, s) => void (name === 'server_hello' && s.plain(type.alert, fromHex('0170'))) },
    ],
    ['a flight in one record', { pack: true }],
    ['a flight in records of one byte', { pack: true, fragment: 1 }],
    ['padded records', { padding: 1000 }],
    [
      'an unknown extension in CertificateRequest',
      {
        request: {},
        edit: (name, m) =>
          name === 'certificate_request'
            ? [{ type: 13, bytes: fromHex('0d00000f00000c000d000400020403fafa0000') }]
            : [m],
      },
    ],
  ])('%s', async (_, script) => {
    const meeting = await world.meet(script)
    expect(meeting.error).toBeUndefined()
    expect(meeting.server.finished).toBe(true)
  })
})

describe('an end', () => {
  it('at every byte of the handshake is an end of the handshake', async () => {
    for (let cut = 0; ; cut++) {
      const meeting = await world.meet({}, {}, { settle: false })
      await meeting.server.receive(meeting.sent[0]!)
      const flight = meeting.server.take()
      // ECDSA signatures differ in length.
      if (cut >= flight.length) break
      await meeting.inject(flight.slice(0, cut))
      await meeting.eof()
      expect(meeting.error?.code).toBe('ERR_TLS_HANDSHAKE_EOF')
      expect(meeting.told).toEqual([])
      expect(meeting.sent).toHaveLength(1)
    }
  })
  it('in the handshake says why the transport ended, if it knows', async () => {
    const meeting = await world.meet({}, {}, { settle: false })
    await meeting.eof(failure('ERR_STREAM_RESET'))
    expect(meeting.error?.code).toBe('ERR_STREAM_RESET')
  })
  it('at every byte of the first records of data is a truncation, and what was whole is delivered', async () => {
    const probe = await world.meet()
    probe.server.send(latin1('one'))
    const first = probe.server.take().length
    for (let cut = 0; cut <= 2 * first; cut++) {
      const meeting = await world.meet()
      meeting.server.send(latin1('one'))
      meeting.server.send(latin1('two'))
      await meeting.inject(meeting.server.take().slice(0, cut))
      const cause = failure('ERR_STREAM_RESET')
      await meeting.eof(cause)
      expect(meeting.error).toMatchObject({ code: 'ERR_TLS_TRUNCATED', cause })
      expect(hex(meeting.read())).toBe(hex(latin1('onetwo').slice(0, 3 * Math.floor(cut / first))))
    }
  })
  it('after close_notify is no truncation', async () => {
    const meeting = await world.meet()
    meeting.server.close()
    await meeting.settle()
    await meeting.eof(failure('ERR_STREAM_RESET'))
    expect(meeting.error).toBeUndefined()
    expect(meeting.told).toEqual(['open', 'eof'])
  })
  it('after our close_notify but without theirs is a truncation', async () => {
    const meeting = await world.meet()
    await meeting.end()
    await meeting.eof()
    expect(meeting.error?.code).toBe('ERR_TLS_TRUNCATED')
    expect(meeting.told).toEqual(['open'])
  })
  it('hides what comes after it', async () => {
    const meeting = await world.meet()
    meeting.server.close()
    meeting.server.send(latin1('too late'))
    meeting.server.raw(latin1('and not even a record'))
    await meeting.settle()
    expect(meeting.error).toBeUndefined()
    expect(meeting.read()).toHaveLength(0)
  })
})
