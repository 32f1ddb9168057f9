// A server that breaks the record layer or what follows the handshake, and a wire that cuts wherever it likes: the code
// the user sees, the alert the server gets, and what was delivered before. RFC 8446 §4.6, §5, §6.
import { beforeAll, describe, expect, it } from 'vitest'
import { concat, fromHex, hex, latin1 } from '../../src/bytes/index.js'
import { type AlertName, type ErrorCode, failure } from '../../src/errors.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { contentType as type } from '../../src/tls/registry.js'
import {
  createWorld,
  type Meeting,
  type ScriptedServer,
  type ServerMessageName,
  type ServerScript,
  type World,
} from '../support/tls-server/index.js'
import { slowCrypto } from '../support/tls-server/slow-crypto.js'

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

const empty = new Uint8Array(0)
const ccs = new Uint8Array([1])
const overflow = new Uint8Array(2 ** 14 + 1)
const times = (count: number, run: (i: number) => void) => {
  for (let i = 0; i < count; i++) run(i)
}

interface RecordFault {
  readonly what: string
  readonly before?: ServerMessageName
  readonly act: (server: ScriptedServer) => void
  readonly code: ErrorCode
  readonly alert: AlertName | undefined
  readonly encrypted?: boolean
}

/** Before ServerHello, in clear. */
// biome-ignore format: a fault a line
const plainFaults: RecordFault[] = before('server_hello', [
  { what: 'HTTP instead of TLS', act: (s) => s.raw(latin1('HTTP/1.1 400 Bad Request\r\n\r\n')), code: 'ERR_TLS_NOT_TLS', alert: 'protocol_version' },
  { what: 'SSH instead of TLS', act: (s) => s.raw(latin1('SSH-2.0-OpenSSH_9.2\r\n')), code: 'ERR_TLS_NOT_TLS', alert: 'protocol_version' },
  { what: 'a first record of version 1.3', act: (s) => s.raw(fromHex('1601030000')), code: 'ERR_TLS_NOT_TLS', alert: 'protocol_version' },
  { what: 'an unknown record type after a record', act: (s) => { s.plain(type.change_cipher_spec, ccs); s.plain(24, ccs) }, code: 'ERR_TLS_RECORD_TYPE', alert: 'unexpected_message' },
  { what: 'a record too long', act: (s) => s.plain(type.handshake, overflow), code: 'ERR_TLS_RECORD_OVERFLOW', alert: 'record_overflow' },
  { what: 'application data', act: (s) => s.plain(type.application_data, latin1('hi')), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'empty application data', act: (s) => s.plain(type.application_data, empty), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'an empty handshake record', act: (s) => s.plain(type.handshake, empty), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'an empty alert', act: (s) => s.plain(type.alert, empty), code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'half an alert', act: (s) => s.plain(type.alert, new Uint8Array(1)), code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'two alerts in a record', act: (s) => s.plain(type.alert, fromHex('015a015a')), code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'an alert of level 3', act: (s) => s.plain(type.alert, fromHex('0328')), code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter' },
  { what: 'change_cipher_spec of 2', act: (s) => s.plain(type.change_cipher_spec, fromHex('02')), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'change_cipher_spec of two bytes', act: (s) => s.plain(type.change_cipher_spec, fromHex('0101')), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'an empty change_cipher_spec', act: (s) => s.plain(type.change_cipher_spec, empty), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a flood of change_cipher_spec', act: (s) => times(33, () => s.plain(type.change_cipher_spec, ccs)), code: 'ERR_TLS_LIMIT', alert: 'unexpected_message' },
  { what: 'a flood of warnings', act: (s) => times(5, () => s.plain(type.alert, fromHex('015a'))), code: 'ERR_TLS_LIMIT', alert: 'unexpected_message' },
  { what: 'a record inside a handshake message', act: (s) => { s.plain(type.handshake, fromHex('0200')); s.plain(type.change_cipher_spec, ccs) }, code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a fatal alert', act: (s) => s.plain(type.alert, fromHex('0228')), code: 'ERR_TLS_ALERT_HANDSHAKE_FAILURE', alert: undefined },
  { what: 'a fatal alert that calls itself a warning', act: (s) => s.plain(type.alert, fromHex('0128')), code: 'ERR_TLS_ALERT_HANDSHAKE_FAILURE', alert: undefined },
  { what: 'an unknown alert', act: (s) => s.plain(type.alert, fromHex('02c8')), code: 'ERR_TLS_ALERT', alert: undefined },
  { what: 'close_notify', act: (s) => s.plain(type.alert, fromHex('0100')), code: 'ERR_TLS_HANDSHAKE_EOF', alert: undefined },
])

/** Before Certificate, under handshake keys. */
// biome-ignore format: a fault a line
const protectedFaults: RecordFault[] = before('certificate', [
  { what: 'a plaintext handshake record', act: (s) => s.plain(type.handshake, fromHex('0800000200000000000000000000000000')), code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'a plaintext alert', act: (s) => s.plain(type.alert, fromHex('0228')), code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'plaintext application data', act: (s) => s.plain(type.application_data, latin1('a long enough piece of text')), code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'an empty protected record', act: (s) => s.plain(type.application_data, empty), code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'a record shorter than its tag', act: (s) => s.plain(type.application_data, new Uint8Array(15)), code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'a protected record too long', act: (s) => s.plain(type.application_data, new Uint8Array(2 ** 14 + 257)), code: 'ERR_TLS_RECORD_OVERFLOW', alert: 'record_overflow' },
  { what: 'content too long', act: (s) => s.record(type.handshake, overflow), code: 'ERR_TLS_RECORD_OVERFLOW', alert: 'record_overflow' },
  { what: 'content and padding too long', act: (s) => s.record(type.handshake, new Uint8Array(8193), 8192), code: 'ERR_TLS_RECORD_OVERFLOW', alert: 'record_overflow' },
  { what: 'padding only', act: (s) => s.record(0, new Uint8Array(5)), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'an empty protected handshake record', act: (s) => s.record(type.handshake, empty), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'an empty protected alert', act: (s) => s.record(type.alert, empty), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a protected change_cipher_spec', act: (s) => s.record(type.change_cipher_spec, ccs), code: 'ERR_TLS_RECORD_TYPE', alert: 'unexpected_message' },
  { what: 'an unknown protected type', act: (s) => s.record(99, ccs), code: 'ERR_TLS_RECORD_TYPE', alert: 'unexpected_message' },
  { what: 'application data in the handshake', act: (s) => s.record(type.application_data, latin1('early')), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'an outer type of handshake', act: (s) => wrongOuterType(s), code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'a protected alert', act: (s) => s.alert('internal_error'), code: 'ERR_TLS_ALERT', alert: undefined },
  { what: 'a warning that is none', act: (s) => s.alert('internal_error', 1), code: 'ERR_TLS_ALERT', alert: 'decode_error' },
  { what: 'a warning about the name', act: (s) => s.alert('unrecognized_name', 1), code: 'ERR_TLS_ALERT_UNRECOGNIZED_NAME', alert: 'decode_error' },
  { what: 'close_notify', act: (s) => s.alert('close_notify'), code: 'ERR_TLS_HANDSHAKE_EOF', alert: undefined },
])

/** When all is said and data may flow. */
// biome-ignore format: a fault a line
const openFaults: RecordFault[] = [
  { what: 'a record with a bit changed', act: (s) => damaged(s), code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'a record left out', act: (s) => { s.send(latin1('lost')); s.take(); s.send(latin1('next')) }, code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'a record replayed', act: (s) => { s.send(latin1('once')); const record = s.take(); s.raw(record); s.raw(record) }, code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'plaintext', act: (s) => s.plain(type.application_data, latin1('a long enough piece of text')), code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'a record too long', act: (s) => s.record(type.application_data, overflow), code: 'ERR_TLS_RECORD_OVERFLOW', alert: 'record_overflow' },
  { what: 'change_cipher_spec', act: (s) => s.plain(type.change_cipher_spec, ccs), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a flood of empty records', act: (s) => times(33, () => s.record(type.application_data, empty)), code: 'ERR_TLS_LIMIT', alert: 'unexpected_message' },
  { what: 'a flood of key updates', act: (s) => times(33, () => s.keyUpdate()), code: 'ERR_TLS_LIMIT', alert: 'unexpected_message' },
  { what: 'a flood of tickets', act: (s) => times(33, () => s.ticket()), code: 'ERR_TLS_LIMIT', alert: 'unexpected_message' },
  { what: 'a flood of user_canceled', act: (s) => times(5, () => s.alert('user_canceled')), code: 'ERR_TLS_LIMIT', alert: 'unexpected_message' },
  { what: 'a key update of an unknown kind', act: (s) => s.record(type.handshake, fromHex('1800000102')), code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter' },
  { what: 'an empty key update', act: (s) => s.record(type.handshake, fromHex('18000000')), code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'a key update that does not end its record', act: (s) => s.record(type.handshake, fromHex('180000010018')), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'old keys after a key update', act: (s) => { s.record(type.handshake, fromHex('1800000100')); s.send(latin1('old')) }, code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'new keys without a key update', act: (s) => { s.nextWriteKeys(); s.send(latin1('new')) }, code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'an empty ticket', act: (s) => s.ticket({ ticket: empty }), code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'a ticket with an extension twice', act: (s) => s.ticket({}, [[42, fromHex('00000000')], [42, fromHex('00000000')]]), code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter' },
  { what: 'a hello request', act: (s) => s.record(type.handshake, fromHex('00000000')), code: 'ERR_TLS_RENEGOTIATION', alert: 'unexpected_message' },
  { what: 'a request for a certificate', act: (s) => s.record(type.handshake, fromHex('0d00000c01010008000d000400020403')), code: 'ERR_TLS_RENEGOTIATION', alert: 'unexpected_message' },
  { what: 'another Finished', act: (s) => s.record(type.handshake, concat(fromHex('14000020'), new Uint8Array(32))), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a handshake message too long', act: (s) => s.record(type.handshake, fromHex('04ffffff')), code: 'ERR_TLS_LIMIT', alert: 'unexpected_message' },
  { what: 'data inside a handshake message', act: (s) => { s.record(type.handshake, fromHex('0400')); s.send(latin1('data')) }, code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'an alert', act: (s) => s.alert('internal_error'), code: 'ERR_TLS_ALERT', alert: undefined },
  { what: 'an alert about a certificate never asked for', act: (s) => s.alert('bad_certificate'), code: 'ERR_TLS_ALERT', alert: undefined },
  { what: 'an unknown record type', act: (s) => s.plain(25, ccs), code: 'ERR_TLS_RECORD_TYPE', alert: 'unexpected_message' },
]

function before(name: ServerMessageName, faults: readonly RecordFault[]): RecordFault[] {
  return faults.map((fault) => ({ ...fault, before: name, encrypted: name !== 'server_hello' }))
}

function damaged(server: ScriptedServer): void {
  server.send(latin1('whole'))
  const record = server.take()
  record[record.length - 1]! ^= 0x80
  server.raw(record)
}

/** A well-made record whose first byte says handshake: its header is authenticated, so it cannot be well made. */
function wrongOuterType(server: ScriptedServer): void {
  const held = server.take()
  server.record(type.handshake, new Uint8Array(4))
  const record = server.take()
  record[0] = type.handshake
  server.raw(held)
  server.raw(record)
}

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
