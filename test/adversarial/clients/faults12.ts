// What a client of TLS 1.2 may get wrong, a rule broken a line. docs/hardening.md shows them as a table.
import { concat, fromHex, latin1 } from '../../../src/bytes/index.js'
import { extensionType as ext, contentType as type } from '../../../src/tls/registry.js'
import type { ClientScript12, ScriptedClient12 } from './client12.js'
import { bend, edit, type Fault, fitted, made, times, trailing } from './fault.js'
import { extension, further, type HelloParts, ids } from './hello.js'

export interface ClientFault12 extends Fault<ClientScript12, ScriptedClient12> {
  /** Under protection; alerts of the handshake are in clear. */
  readonly encrypted?: true
}

const empty = new Uint8Array(0)
const ccs = Uint8Array.of(1)

function hello(change: (hello: HelloParts) => HelloParts): ClientScript12 {
  return { hello: change }
}

function slip(name: string, act: (client: ScriptedClient12) => void): ClientScript12 {
  return { before: (said, client) => void (said === name && act(client)) }
}

function damaged(client: ScriptedClient12): void {
  client.send(latin1('damaged'))
  const record = client.take()
  record[record.length - 1]! ^= 0x80
  client.raw(record)
}

// biome-ignore format: a fault a line
export const helloFaults12: readonly ClientFault12[] = [
  { what: 'TLS 1.1', script: hello((h) => ({ ...h, version: 0x0302 })), alert: 'protocol_version', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'TLS 1.0', script: hello((h) => ({ ...h, version: 0x0301 })), alert: 'protocol_version', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no suite that the gateway has', script: hello((h) => ({ ...h, suites: ids(0, 0xc0ff) })), alert: 'handshake_failure', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'suites for another kind of key', script: hello((h) => ({ ...h, suites: ids(0, 0xc02f, 0x009c) })), alert: 'handshake_failure', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'anonymous and null suites', script: hello((h) => ({ ...h, suites: ids(0, 0xc018, 0xc006, 0x0034, 0x0002) })), alert: 'handshake_failure', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'RC4, DES and 3DES', script: hello((h) => ({ ...h, suites: ids(0, 0xc007, 0xc008, 0x0005, 0x000a) })), alert: 'handshake_failure', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a downgrade it says itself (TLS_FALLBACK_SCSV)', script: hello((h) => ({ ...h, suites: ids(0, 0xc02b, 0x5600) })), alert: 'inappropriate_fallback', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no group that the gateway has', script: hello((h) => extension(h, ext.supported_groups, () => ids(2, 0x0a0a))), alert: 'handshake_failure', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no signature scheme that fits', script: hello((h) => extension(h, ext.signature_algorithms, () => ids(2, 0x0807))), alert: 'handshake_failure', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'only SHA-1', script: hello((h) => extension(h, ext.signature_algorithms, () => ids(2, 0x0203, 0x0201))), alert: 'handshake_failure', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'compression only', script: hello((h) => ({ ...h, compressions: ccs })), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'only compressed points', script: hello((h) => extension(h, ext.ec_point_formats, () => fromHex('0101'))), alert: 'handshake_failure', code: 'ERR_GATEWAY_HANDSHAKE', servedSince35: true },
  { what: 'renegotiation_info of another handshake', script: hello((h) => extension(h, ext.renegotiation_info, () => fromHex('0411223344'))), alert: 'handshake_failure', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an extension twice', script: hello((h) => further(h, ext.extended_master_secret, empty)), alert: 'illegal_parameter', code: 'ERR_TLS_ILLEGAL_PARAMETER' },
]

// biome-ignore format: a fault a line
export const flightFaults12: readonly ClientFault12[] = [
  { what: 'an empty Certificate', script: { identity: undefined }, alert: 'handshake_failure', code: 'ERR_GATEWAY_DENIED' },
  { what: 'no Certificate', script: edit('certificate', () => []), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a certificate of another authority', script: async (w) => ({ identity: await w.identity({}, await w.createAuthority()) }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'an expired certificate', script: async (w) => ({ identity: await w.identity({ notBefore: new Date(0), notAfter: new Date(1) }) }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'a certificate for servers', script: async (w) => ({ identity: await w.identity({ usage: 'server' }) }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'a byte after Certificate', script: bend('certificate', trailing), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'Certificate in the form of TLS 1.3', script: bend('certificate', (b) => fitted(concat(b.subarray(0, 4), Uint8Array.of(0), b.subarray(4)))), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a chain of 300 kB', script: async ({ alice: { chain, signer } }) => ({ identity: { signer, chain: [chain[0]!, new Uint8Array(300_000)] } }), alert: 'record_overflow', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no ClientKeyExchange', script: edit('client_key_exchange', () => []), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'ClientKeyExchange twice', script: edit('client_key_exchange', (m) => [m, m]), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty ClientKeyExchange', script: edit('client_key_exchange', () => [made(16)]), alert: 'handshake_failure', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty share', script: { share: () => empty }, alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a share of zeros', script: { share: () => new Uint8Array(32) }, alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a share of order 8', script: { share: () => fromHex('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800') }, alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a share of 31 bytes', script: { share: (key) => key.subarray(1) }, alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a byte after ClientKeyExchange', script: bend('client_key_exchange', trailing), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'another share than its own', script: { share: (key) => key.map((byte, i) => (i === 3 ? byte ^ 1 : byte)) }, alert: 'bad_record_mac', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no CertificateVerify', script: edit('certificate_verify', () => []), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a signature by another key', script: async (w) => ({ identity: { chain: w.alice.chain, signer: (await w.identity()).signer } }), alert: 'decrypt_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a signature with a bit changed', script: bend('certificate_verify', (b) => { b[b.length - 1]! ^= 1; return b }), alert: 'decrypt_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a scheme of another kind of key', script: { scheme: 0x0804 }, alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'ECDSA with SHA-1', script: { scheme: 0x0203 }, alert: 'handshake_failure', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a second hello', script: slip('certificate', (c) => c.renegotiate()), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'change_cipher_spec first', script: slip('certificate', (c) => c.plain(type.change_cipher_spec, ccs)), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'data in the flight', script: slip('certificate_verify', (c) => c.send(latin1('early'))), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a fatal alert in the flight', script: slip('certificate_verify', (c) => c.alert('internal_error')), code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'FIN in the flight', script: { hangUpAfter: 'client_key_exchange' }, code: 'ERR_GATEWAY_HANDSHAKE' },
]

// biome-ignore format: a fault a line
export const lastFaults12: readonly ClientFault12[] = [
  { what: 'no change_cipher_spec', script: { changeCipherSpec: [] }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'two of them', script: { changeCipherSpec: [ccs, ccs] }, alert: 'internal_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'one of two bytes', script: { changeCipherSpec: [Uint8Array.of(1, 1)] }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'one with a 2', script: { changeCipherSpec: [Uint8Array.of(2)] }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty one', script: { changeCipherSpec: [empty] }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'Finished in clear', script: { clearFinished: true }, alert: 'internal_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a wrong Finished', script: bend('finished', (b) => { b[4]! ^= 1; return b }), alert: 'decrypt_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty Finished', script: edit('finished', () => [made(20)]), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a byte after Finished', script: bend('finished', trailing), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'close_notify, and it stays', script: slip('certificate', (c) => c.alert('close_notify')), code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no Finished, but data', script: { ...edit('finished', () => []), ...slip('finished', (c) => c.send(latin1('early'))) }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
]

// biome-ignore format: a fault a line
export const openFaults12: readonly ClientFault12[] = [
  { what: 'another handshake (renegotiation)', act: (c) => c.renegotiate(), alert: 'handshake_failure', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a HelloRequest', act: (c) => c.record(type.handshake, made(0).bytes), alert: 'unexpected_message', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'another Finished', act: (c) => c.record(type.handshake, made(20, new Uint8Array(12)).bytes), alert: 'unexpected_message', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a key update', act: (c) => c.record(type.handshake, made(24, Uint8Array.of(0)).bytes), alert: 'unexpected_message', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'change_cipher_spec', act: (c) => c.record(type.change_cipher_spec, ccs), alert: 'unexpected_message', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'change_cipher_spec in clear', act: (c) => c.plain(type.change_cipher_spec, ccs), alert: 'internal_error', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'data in clear', act: (c) => c.plain(type.application_data, latin1('a long enough piece of text')), alert: 'bad_record_mac', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a record with a bit changed', act: damaged, alert: 'bad_record_mac', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a record replayed', act: (c) => { c.send(latin1('once')); const record = c.take(); c.raw(record); c.raw(record) }, alert: 'bad_record_mac', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a record shorter than its tag', act: (c) => c.plain(type.application_data, new Uint8Array(8)), alert: 'internal_error', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'content of 2^14 + 1 bytes', act: (c) => c.record(type.application_data, new Uint8Array(2 ** 14 + 1)), alert: 'record_overflow', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'an unknown record type', act: (c) => c.record(25, ccs), alert: 'unexpected_message', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a flood of empty records', act: (c) => times(40, () => c.record(type.application_data, empty)), alert: 'unexpected_message', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a flood of warnings', act: (c) => times(40, () => c.alert('user_canceled')), alert: 'unexpected_message', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'a fatal alert', act: (c) => c.alert('internal_error'), code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'an alert of one byte', act: (c) => c.record(type.alert, ccs), alert: 'unexpected_message', encrypted: true, code: 'ERR_STREAM_RESET', service: 'cut' },
  { what: 'FIN without close_notify', act: (c) => c.hangUp('fin'), code: 'ERR_TLS_TRUNCATED', service: 'cut' },
  { what: 'FIN inside a record', act: (c) => { c.send(latin1('cut short')); c.raw(c.take().subarray(0, 12)); c.hangUp('fin') }, code: 'ERR_TLS_TRUNCATED', service: 'cut' },
  { what: 'RST', act: (c) => c.hangUp('reset'), code: 'ERR_STREAM_RESET', service: 'cut' },
]

export interface Tolerated12 {
  readonly what: string
  readonly script?: ClientScript12
  readonly act?: (client: ScriptedClient12) => void
  readonly why: string
}

// biome-ignore format: a line each
export const tolerated12: readonly Tolerated12[] = [
  { what: 'an honest client of TLS 1.2', why: 'allowed' },
  { what: 'a session id', script: hello((h) => ({ ...h, sessionId: new Uint8Array(32).fill(3) })), why: 'unknown; a whole handshake' },
  { what: 'a ticket made up', script: hello((h) => further(h, ext.session_ticket, new Uint8Array(200).fill(7))), why: 'unknown; a whole handshake' },
  { what: 'data after close_notify', act: (c) => { c.alert('close_notify'); c.send(latin1('too late')) }, why: 'never read' },
]
