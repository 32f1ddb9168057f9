// What a server of TLS 1.3 may do wrong in its records, and after the handshake: what it does, the code that the user sees and the
// alert that the server gets. docs/hardening.md shows them as a table.
import { concat, fromHex, latin1 } from '../../src/bytes/index.js'
import type { AlertName, ErrorCode } from '../../src/errors.js'
import { contentType as type } from '../../src/tls/registry.js'
import type { ScriptedServer, ServerMessageName } from '../support/tls-server/index.js'

export const empty: Uint8Array = new Uint8Array(0)
export const ccs: Uint8Array = new Uint8Array([1])
const overflow = new Uint8Array(2 ** 14 + 1)
export function times(count: number, run: (i: number) => void): void {
  for (let i = 0; i < count; i++) run(i)
}

export interface RecordFault {
  readonly what: string
  readonly before?: ServerMessageName
  readonly act: (server: ScriptedServer) => void
  readonly code: ErrorCode
  readonly alert: AlertName | undefined
  readonly encrypted?: boolean
}

/** Before ServerHello, in clear. */
// biome-ignore format: a fault a line
export const plainFaults: readonly RecordFault[] = before('server_hello', [
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
export const protectedFaults: readonly RecordFault[] = before('certificate', [
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
export const openFaults: readonly RecordFault[] = [
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
  { what: 'a ClientHello', act: (s) => s.record(type.handshake, fromHex('01000000')), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a ServerHello', act: (s) => s.record(type.handshake, concat(fromHex('02000026'), new Uint8Array(38))), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'EncryptedExtensions', act: (s) => s.record(type.handshake, fromHex('080000020000')), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a certificate', act: (s) => s.record(type.handshake, fromHex('0b00000400000000')), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a message of an unknown type', act: (s) => s.record(type.handshake, fromHex('63000000')), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a message_hash', act: (s) => s.record(type.handshake, fromHex('fe000000')), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a plaintext alert', act: (s) => s.plain(type.alert, fromHex('0100')), code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'a plaintext ticket', act: (s) => s.plain(type.handshake, fromHex('04000000')), code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
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
