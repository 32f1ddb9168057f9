// How a client of TLS 1.3 may break the record layer, in the handshake and once the tunnel is open, and what it may not say then.
// docs/hardening.md shows them as a table.
import { fromHex, latin1 } from '../../../src/bytes/index.js'
import { contentType as type } from '../../../src/tls/registry.js'
import type { ClientScript, ScriptedClient } from './client.js'
import { type ClientFault, made, times } from './fault.js'

const empty = new Uint8Array(0)
const ccs = Uint8Array.of(1)
const overflow = new Uint8Array(2 ** 14 + 1)

/** Slipped in under handshake keys, before the client's Certificate. */
function slip(act: (client: ScriptedClient) => void): ClientScript {
  return { before: (name, client) => void (name === 'certificate' && act(client)) }
}

function damaged(client: ScriptedClient): void {
  const held = client.take()
  client.send(latin1('damaged'))
  const record = client.take()
  record[record.length - 1]! ^= 0x80
  client.raw(held)
  client.raw(record)
}

// biome-ignore format: a fault a line
export const handshakeRecordFaults: readonly ClientFault[] = [
  { what: 'its Certificate in clear', script: slip((c) => c.plain(type.handshake, fromHex('0b00000400000000'))), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a record under no key', script: slip((c) => c.plain(type.application_data, new Uint8Array(64))), alert: 'bad_record_mac', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a record with a bit changed', script: slip(damaged), alert: 'bad_record_mac', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a record shorter than its tag', script: slip((c) => c.plain(type.application_data, new Uint8Array(8))), alert: 'bad_record_mac', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty protected record', script: slip((c) => c.plain(type.application_data, empty)), alert: 'bad_record_mac', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a record of 2^14 + 257 bytes', script: slip((c) => c.plain(type.application_data, new Uint8Array(2 ** 14 + 257))), alert: 'record_overflow', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'content of 2^14 + 1 bytes', script: slip((c) => c.record(type.handshake, overflow)), alert: 'record_overflow', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'padding and nothing else', script: slip((c) => c.record(0, empty, 40)), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an unknown type under protection', script: slip((c) => c.record(99, ccs)), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty handshake record', script: slip((c) => c.record(type.handshake, empty)), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a flood of empty data records', script: slip((c) => times(40, () => c.record(type.application_data, empty))), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'change_cipher_spec under protection', script: slip((c) => c.record(type.change_cipher_spec, ccs)), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'change_cipher_spec with a 2', script: slip((c) => c.plain(type.change_cipher_spec, Uint8Array.of(2))), alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'change_cipher_spec of two bytes', script: slip((c) => c.plain(type.change_cipher_spec, Uint8Array.of(1, 1))), alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty change_cipher_spec', script: slip((c) => c.plain(type.change_cipher_spec, empty)), alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a flood of change_cipher_spec', script: slip((c) => times(40, () => c.plain(type.change_cipher_spec, ccs))), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a plaintext alert', script: slip((c) => c.plain(type.alert, Uint8Array.of(2, 40))), code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a fatal alert', script: slip((c) => c.alert('internal_error')), code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an alert of one byte', script: slip((c) => c.record(type.alert, ccs)), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an alert of three bytes', script: slip((c) => c.record(type.alert, Uint8Array.of(1, 90, 0))), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a flood of user_canceled', script: slip((c) => times(40, () => c.alert('user_canceled'))), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'close_notify, and it stays', script: slip((c) => c.alert('close_notify')), code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'close_notify in clear, and it stays', script: slip((c) => c.plain(type.alert, Uint8Array.of(1, 0))), code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'close_notify and FIN', script: slip((c) => { c.alert('close_notify'); c.hangUp('fin') }), code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a handshake message of 16 MiB', script: slip((c) => c.record(type.handshake, fromHex('0bffffff'))), alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'data inside a handshake message', script: slip((c) => { c.record(type.handshake, fromHex('0b00')); c.send(latin1('data')) }), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'FIN', script: { hangUpAfter: 'certificate' }, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'RST', script: slip((c) => c.hangUp('reset')), code: 'ERR_GATEWAY_HANDSHAKE' },
]

// biome-ignore format: a fault a line
export const openFaults: readonly ClientFault[] = [
  { what: 'a record with a bit changed', act: damaged, alert: 'bad_record_mac', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a record left out', act: (c) => { c.send(latin1('lost')); c.take(); c.send(latin1('next')) }, alert: 'bad_record_mac', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a record replayed', act: (c) => { c.send(latin1('once')); const record = c.take(); c.raw(record); c.raw(record) }, alert: 'bad_record_mac', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'data in clear', act: (c) => c.plain(type.application_data, latin1('a long enough piece of text')), alert: 'bad_record_mac', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a record of 2^14 + 257 bytes', act: (c) => c.plain(type.application_data, new Uint8Array(2 ** 14 + 257)), alert: 'record_overflow', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'content of 2^14 + 1 bytes', act: (c) => c.record(type.application_data, overflow), alert: 'record_overflow', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'change_cipher_spec', act: (c) => c.plain(type.change_cipher_spec, ccs), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a flood of empty records', act: (c) => times(40, () => c.record(type.application_data, empty)), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a key update of an unknown kind', act: (c) => c.record(type.handshake, made(24, Uint8Array.of(2)).bytes), alert: 'illegal_parameter', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'an empty key update', act: (c) => c.record(type.handshake, made(24).bytes), alert: 'decode_error', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a key update of two bytes', act: (c) => c.record(type.handshake, made(24, Uint8Array.of(0, 0)).bytes), alert: 'illegal_parameter', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a key update that does not end its record', act: (c) => c.record(type.handshake, fromHex('180000010018')), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'old keys after a key update', act: (c) => { c.record(type.handshake, made(24, Uint8Array.of(0)).bytes); c.send(latin1('old')) }, alert: 'bad_record_mac', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'new keys without a key update', act: (c) => { c.nextWriteKeys(); c.send(latin1('new')) }, alert: 'bad_record_mac', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a ticket', act: (c) => c.record(type.handshake, made(4, fromHex('00001c200000000700000100000000')).bytes), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a request for a certificate', act: (c) => c.record(type.handshake, made(13, fromHex('000008000d000400020403')).bytes), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a ClientHello', act: (c) => c.record(type.handshake, made(1, new Uint8Array(40)).bytes), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a Certificate', act: (c) => c.record(type.handshake, made(11, new Uint8Array(4)).bytes), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a Finished', act: (c) => c.record(type.handshake, made(20, new Uint8Array(32)).bytes), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a HelloRequest', act: (c) => c.record(type.handshake, made(0).bytes), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a message of an unknown type', act: (c) => c.record(type.handshake, made(99).bytes), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a handshake message of 16 MiB', act: (c) => c.record(type.handshake, fromHex('18ffffff')), alert: 'illegal_parameter', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'data inside a handshake message', act: (c) => { c.record(type.handshake, fromHex('1800')); c.send(latin1('data')) }, alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a plaintext alert', act: (c) => c.plain(type.alert, Uint8Array.of(1, 0)), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a fatal alert', act: (c) => c.alert('internal_error'), code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a flood of user_canceled', act: (c) => times(40, () => c.alert('user_canceled')), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'an alert of one byte', act: (c) => c.record(type.alert, ccs), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'an unknown record type', act: (c) => c.plain(25, ccs), alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'FIN without close_notify', act: (c) => c.hangUp('fin'), code: 'ERR_TLS_TRUNCATED', service: 'cut' },
  { what: 'FIN inside a record', act: (c) => { c.send(latin1('cut short')); c.raw(c.take().subarray(0, 12)); c.hangUp('fin') }, code: 'ERR_TLS_TRUNCATED', service: 'cut' },
  { what: 'close_notify in clear, then FIN', act: (c) => { c.plain(type.alert, Uint8Array.of(1, 0)); c.hangUp('fin') }, alert: 'unexpected_message', code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'RST', act: (c) => c.hangUp('reset'), code: 'ERR_STREAM_RESET', service: 'cut' },
]
