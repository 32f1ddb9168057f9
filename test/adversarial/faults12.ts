// What a server of TLS 1.2 may do wrong, a rule broken a line: what the script does, the code that the user sees and the alert that
// the server gets. docs/hardening.md shows them as a table.
import { type Bytes, concat, fromHex, latin1 } from '../../src/bytes/index.js'
import type { AlertName, ErrorCode } from '../../src/errors.js'
import { memorySessionStore, type TlsClientOptions } from '../../src/tls/index.js'
import type { HandshakeMessage } from '../../src/tls/messages/message.js'
import { contentType, extensionType as ext, type HandshakeName } from '../../src/tls/registry.js'
import type { Meeting12, ServerScript12 } from '../support/tls-server/index.js'

export interface Fault12 {
  readonly what: string
  readonly script: Partial<ServerScript12>
  readonly options?: Partial<TlsClientOptions>
  readonly code: ErrorCode
  readonly alert: AlertName
}

export function edit(
  name: HandshakeName,
  change: (message: HandshakeMessage) => readonly HandshakeMessage[],
): Partial<ServerScript12> {
  return { edit: (said, message) => (said === name ? change(message) : [message]) }
}

export function bend(
  name: HandshakeName,
  change: (bytes: Bytes) => Uint8Array | undefined,
): Partial<ServerScript12> {
  return edit(name, ({ type, bytes }) => {
    const copy = new Uint8Array(bytes)
    return [{ type, bytes: change(copy) ?? copy }]
  })
}

export function made(type: number, body: Uint8Array): HandshakeMessage {
  return { type, bytes: concat(new Uint8Array([type, 0, body.length >> 8, body.length & 255]), body) }
}

function trailing(bytes: Bytes): Bytes {
  const longer = concat(bytes, new Uint8Array(1))
  const length = longer.length - 4
  longer.set([length >> 16, length >> 8, length & 255], 1)
  return longer
}

/** ServerHello with an extension replaced, or left out. */
export function answer(type: number, body: Uint8Array | undefined): Partial<ServerScript12> {
  return {
    extensions: (honest) => [
      ...honest.filter(([each]) => each !== type),
      ...(body === undefined ? [] : [[type, body] as const]),
    ],
  }
}

const before = (name: HandshakeName, slip: ServerScript12['before'] & {}): Partial<ServerScript12> => ({
  before: (said, server) => void (said === name && slip(said, server)),
})

export const empty: Uint8Array = new Uint8Array(0)
export const ticket: Uint8Array = latin1('ticket')
export const unexpected = { code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' } as const
const malformed = { code: 'ERR_TLS_DECODE', alert: 'decode_error' } as const
export const illegal = { code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter' } as const
const unsupported = { code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension' } as const
const remembered = () => ({ session: memorySessionStore() })

// biome-ignore format: a fault a line
export const helloFaults: readonly Fault12[] = [
  { what: 'TLS 1.1', script: { serverHello: (f) => ({ ...f, legacyVersion: 0x0302 }) }, code: 'ERR_TLS_VERSION', alert: 'protocol_version' },
  { what: 'TLS 1.1 where TLS 1.2 is all we have', script: { serverHello: (f) => ({ ...f, legacyVersion: 0x0302 }) }, options: { versions: ['TLSv1.2'] }, code: 'ERR_TLS_VERSION', alert: 'protocol_version' },
  { what: 'SSL 3.0', script: { serverHello: (f) => ({ ...f, legacyVersion: 0x0300 }) }, code: 'ERR_TLS_VERSION', alert: 'protocol_version' },
  { what: 'a version of the future', script: { serverHello: (f) => ({ ...f, legacyVersion: 0x0305 }) }, code: 'ERR_TLS_VERSION', alert: 'protocol_version' },
  { what: 'TLS 1.3 where it was not offered', script: { serverHello: (f) => ({ ...f, legacyVersion: 0x0304 }) }, options: { versions: ['TLSv1.2'] }, code: 'ERR_TLS_VERSION', alert: 'protocol_version' },
  { what: 'TLS 1.3 in an extension where it was not offered', script: { serverHello: (f) => ({ ...f, version: 0x0304 }) }, options: { versions: ['TLSv1.2'] }, ...illegal },
  { what: 'TLS 1.2 in supported_versions', script: { serverHello: (f) => ({ ...f, version: 0x0303 }) }, ...illegal },
  { what: 'a downgrade sentinel', script: { serverHello: (f) => ({ ...f, random: concat(f.random.subarray(0, 24), fromHex('444f574e47524401')) }) }, code: 'ERR_TLS_DOWNGRADE', alert: 'illegal_parameter' },
  { what: 'the other downgrade sentinel', script: { serverHello: (f) => ({ ...f, random: concat(f.random.subarray(0, 24), fromHex('444f574e47524400')) }) }, code: 'ERR_TLS_DOWNGRADE', alert: 'illegal_parameter' },
  { what: 'a suite of TLS 1.3', script: { serverHello: (f) => ({ ...f, suite: 0x1301 }) }, ...illegal },
  { what: 'a suite with CBC', script: { serverHello: (f) => ({ ...f, suite: 0xc009 }) }, ...illegal },
  { what: 'a suite with RSA key exchange', script: { serverHello: (f) => ({ ...f, suite: 0x009c }) }, ...illegal },
  { what: 'compression', script: { serverHello: (f) => ({ ...f, compression: 1 }) }, ...illegal },
  { what: 'a session id of 33 bytes', script: { sessionId: new Uint8Array(33) }, ...malformed },
  { what: 'no extended_master_secret', script: answer(ext.extended_master_secret, undefined), code: 'ERR_TLS_EXTENDED_MASTER_SECRET', alert: 'handshake_failure' },
  { what: 'no extensions at all', script: { extensions: () => [] }, code: 'ERR_TLS_EXTENDED_MASTER_SECRET', alert: 'handshake_failure' },
  { what: 'no extension block', script: bend('server_hello', (b) => { const short = b.slice(0, 4 + 2 + 32 + 1 + 3); short[3] = 38; return short }), code: 'ERR_TLS_EXTENDED_MASTER_SECRET', alert: 'handshake_failure' },
  { what: 'an extended_master_secret with content', script: answer(ext.extended_master_secret, new Uint8Array(1)), ...malformed },
  { what: 'no renegotiation_info', script: answer(ext.renegotiation_info, undefined), code: 'ERR_TLS_SECURE_RENEGOTIATION', alert: 'handshake_failure' },
  { what: 'renegotiation_info of another connection', script: answer(ext.renegotiation_info, fromHex('03010203')), code: 'ERR_TLS_SECURE_RENEGOTIATION', alert: 'handshake_failure' },
  { what: 'an empty renegotiation_info', script: answer(ext.renegotiation_info, empty), ...malformed },
  { what: 'a byte after renegotiation_info', script: answer(ext.renegotiation_info, new Uint8Array(2)), ...malformed },
  { what: 'compressed points only', script: answer(ext.ec_point_formats, fromHex('0101')), ...illegal },
  { what: 'no point format', script: answer(ext.ec_point_formats, fromHex('00')), ...malformed },
  { what: 'an unknown extension', script: answer(0xfffe, empty), ...unsupported },
  { what: 'an extension of TLS 1.3', script: answer(ext.key_share, fromHex('001d000101')), ...unsupported },
  { what: 'OCSP stapling', script: answer(ext.status_request, empty), ...unsupported },
  { what: 'a session ticket that was not asked for', script: answer(ext.session_ticket, empty), ...unsupported },
  { what: 'a session_ticket with content', script: answer(ext.session_ticket, new Uint8Array(1)), options: remembered(), ...malformed },
  { what: 'an answer to SNI with content', script: answer(ext.server_name, new Uint8Array(1)), ...malformed },
  { what: 'an answer to SNI that was not sent', script: answer(ext.server_name, empty), options: { serverName: '192.0.2.1' }, ...unsupported },
  { what: 'an extension twice', script: { extensions: (list) => [...list, list[0]!] }, ...malformed },
  { what: 'ALPN though none was offered', script: { alpn: 'h2' }, ...unsupported },
  { what: 'an ALPN that was not offered', script: { alpn: 'h2' }, options: { alpn: ['http/1.1'] }, code: 'ERR_TLS_ALPN_UNOFFERED', alert: 'illegal_parameter' },
  { what: 'no ALPN', script: {}, options: { alpn: ['http/1.1'] }, code: 'ERR_TLS_ALPN_UNSELECTED', alert: 'no_application_protocol' },
  { what: 'two ALPN names', script: answer(16, fromHex('000401610162')), options: { alpn: ['a'] }, ...malformed },
  { what: 'a record size limit of 63 bytes', script: answer(ext.record_size_limit, fromHex('003f')), ...illegal },
  { what: 'a byte too many', script: bend('server_hello', trailing), ...malformed },
  { what: 'change_cipher_spec before it', script: before('server_hello', (_, server) => server.plain(20, new Uint8Array([1]))), ...unexpected },
  { what: 'a hello request before it', script: before('server_hello', (_, server) => server.helloRequest()), ...unexpected },
]

// biome-ignore format: a fault a line
export const flightFaults: readonly Fault12[] = [
  { what: 'a second ServerHello', script: edit('server_hello', (m) => [m, m]), ...unexpected },
  { what: 'no Certificate', script: edit('certificate', () => []), ...unexpected },
  { what: 'Certificate twice', script: edit('certificate', (m) => [m, m]), ...unexpected },
  { what: 'an empty certificate list', script: { chain: [] }, code: 'ERR_CERT_MISSING', alert: 'decode_error' },
  { what: 'an empty certificate', script: { chain: [empty] }, ...malformed },
  { what: 'a byte after Certificate', script: bend('certificate', trailing), ...malformed },
  { what: 'Certificate in the form of TLS 1.3', script: edit('certificate', (m) => [made(11, concat(fromHex('00'), m.bytes.subarray(4)))]), ...malformed },
  { what: 'a certificate status', script: edit('certificate', (m) => [m, made(22, fromHex('0100000100'))]), ...unexpected },
  { what: 'a suite for another key', script: { suite: 0xc02f }, ...illegal },
  { what: 'no ServerKeyExchange', script: edit('server_key_exchange', () => []), ...unexpected },
  { what: 'ServerKeyExchange twice', script: edit('server_key_exchange', (m) => [m, m]), ...unexpected },
  { what: 'a byte after ServerKeyExchange', script: bend('server_key_exchange', trailing), ...malformed },
  { what: 'an empty ServerKeyExchange', script: edit('server_key_exchange', () => [made(12, empty)]), ...malformed },
  { what: 'an explicit curve', script: { params: (p) => concat(fromHex('01'), p.subarray(1)) }, ...illegal },
  { what: 'an unknown group', script: { params: (p) => concat(fromHex('03fefe'), p.subarray(3)) }, ...illegal },
  { what: 'a group of TLS 1.3 only', script: { params: (p) => concat(fromHex('0311ec'), p.subarray(3)) }, ...illegal },
  { what: 'an empty point', script: { params: () => fromHex('03001d00') }, ...malformed },
  { what: 'a point of low order', script: { params: () => concat(fromHex('03001d20'), new Uint8Array(32)) }, code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter' },
  { what: 'a point of 31 bytes', script: { params: () => concat(fromHex('03001d1f'), new Uint8Array(31).fill(9)) }, code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter' },
  { what: 'a point off the curve', script: { params: () => concat(fromHex('03001741'), new Uint8Array(65).fill(4)) }, code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter' },
  { what: 'a compressed point', script: { params: () => concat(fromHex('03001721'), new Uint8Array(33).fill(2)) }, code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter' },
  { what: 'parameters that were not signed', script: bend('server_key_exchange', (b) => void (b[20]! ^= 1)), code: 'ERR_TLS_SIGNATURE', alert: 'decrypt_error' },
  { what: 'a signature with a bit changed', script: bend('server_key_exchange', (b) => void (b[b.length - 1]! ^= 1)), code: 'ERR_TLS_SIGNATURE', alert: 'decrypt_error' },
  { what: 'a scheme that was not offered', script: bend('server_key_exchange', (b) => void b.set([2, 3], 4 + 4 + 32)), code: 'ERR_TLS_SIGNATURE_SCHEME', alert: 'illegal_parameter' },
  { what: 'a scheme of another kind of key', script: bend('server_key_exchange', (b) => void b.set([8, 4], 4 + 4 + 32)), code: 'ERR_TLS_SIGNATURE_SCHEME', alert: 'illegal_parameter' },
  { what: 'CertificateRequest before ServerKeyExchange', script: edit('server_key_exchange', (m) => [made(13, fromHex('0140000204030000')), m]), ...unexpected },
  { what: 'CertificateRequest twice', script: { request: {}, ...edit('certificate_request', (m) => [m, m]) }, ...unexpected },
  { what: 'a byte after CertificateRequest', script: { request: {}, ...bend('certificate_request', trailing) }, ...malformed },
  { what: 'CertificateRequest without certificate types', script: { request: { types: [] } }, ...malformed },
  { what: 'CertificateRequest without signature algorithms', script: { request: { signatureSchemes: [] } }, ...malformed },
  { what: 'no ServerHelloDone', script: { ...edit('server_hello_done', () => [made(14, new Uint8Array(1))]) }, ...malformed },
  { what: 'ServerHelloDone left out', script: { ...edit('server_hello_done', () => [made(20, new Uint8Array(12))]) }, ...unexpected },
  { what: 'bytes after ServerHelloDone', script: bend('server_hello_done', (b) => concat(b, fromHex('14'))), ...unexpected },
  { what: 'change_cipher_spec in the flight', script: before('server_hello_done', (_, server) => server.plain(20, new Uint8Array([1]))), ...unexpected },
  { what: 'data in the flight', script: before('server_hello_done', (_, server) => server.plain(23, new Uint8Array([1]))), ...unexpected },
  { what: 'a hello request in the flight', script: before('server_hello_done', (_, server) => server.helloRequest()), ...unexpected },
  { what: 'change_cipher_spec inside a message', script: { fragment: 30, ...before('server_hello_done', (_, server) => { server.plain(22, fromHex('0e00')); server.plain(20, new Uint8Array([1])) }) }, ...unexpected },
]

// biome-ignore format: a fault a line
export const lastFaults: readonly Fault12[] = [
  { what: 'no change_cipher_spec', script: { changeCipherSpec: [] }, ...unexpected },
  { what: 'two of them', script: { changeCipherSpec: [new Uint8Array([1]), new Uint8Array([1])] }, code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  { what: 'one of two bytes', script: { changeCipherSpec: [new Uint8Array([1, 1])] }, ...unexpected },
  { what: 'one with a 2', script: { changeCipherSpec: [new Uint8Array([2])] }, ...unexpected },
  { what: 'an empty one', script: { changeCipherSpec: [empty] }, ...unexpected },
  { what: 'no Finished', script: edit('finished', () => [made(0, empty)]), ...unexpected },
  { what: 'a wrong Finished', script: bend('finished', (b) => void (b[10]! ^= 1)), code: 'ERR_TLS_FINISHED', alert: 'decrypt_error' },
  { what: 'an empty Finished', script: edit('finished', () => [made(20, empty)]), code: 'ERR_TLS_FINISHED', alert: 'decrypt_error' },
  { what: 'a byte after Finished', script: bend('finished', trailing), code: 'ERR_TLS_FINISHED', alert: 'decrypt_error' },
  { what: 'bytes behind Finished', script: bend('finished', (b) => concat(b, fromHex('00'))), ...unexpected },
  { what: 'a hello request behind Finished', script: bend('finished', (b) => concat(b, fromHex('00000000'))), ...unexpected },
  { what: 'Finished in clear', script: before('change_cipher_spec', (_, server) => server.plain(22, made(20, new Uint8Array(12)).bytes)), ...unexpected },
  { what: 'data before Finished', script: before('finished', (_, server) => server.record(23, latin1('early'))), ...unexpected },
  { what: 'a ticket that was not announced', script: before('change_cipher_spec', (_, server) => server.plain(22, made(4, new Uint8Array(6)).bytes)), ...unexpected },
  { what: 'a ticket announced and not sent', script: { ticket, ...edit('new_session_ticket', () => []) }, options: remembered(), ...unexpected },
  { what: 'two tickets', script: { ticket, ...edit('new_session_ticket', (m) => [m, m]) }, options: remembered(), ...unexpected },
  { what: 'a byte after a ticket', script: { ticket, ...bend('new_session_ticket', trailing) }, options: remembered(), ...malformed },
  { what: 'a ticket under protection', script: { ticket, ...edit('new_session_ticket', () => []), ...before('finished', (_, server) => server.record(22, made(4, new Uint8Array(6)).bytes)) }, options: remembered(), ...unexpected },
]

/** When a session is resumed. */
export const resumptionFaults: readonly (readonly [
  string,
  Partial<ServerScript12>,
  { readonly code: ErrorCode; readonly alert: AlertName },
])[] = [
  ['another suite', { serverHello: (f) => ({ ...f, suite: 0xc02c }) }, illegal],
  [
    'without extended master secret',
    answer(ext.extended_master_secret, undefined),
    { code: 'ERR_TLS_EXTENDED_MASTER_SECRET', alert: 'handshake_failure' },
  ],
  [
    'with the wrong secret',
    { corruptMaster: true },
    { code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' },
  ],
  [
    'with a wrong Finished',
    bend('finished', (b) => void (b[9]! ^= 1)),
    { code: 'ERR_TLS_FINISHED', alert: 'decrypt_error' },
  ],
  ['with a certificate', edit('finished', (m) => [made(11, fromHex('000000')), m]), unexpected],
  ['with bytes behind Finished', bend('finished', (b) => concat(b, fromHex('00'))), unexpected],
  [
    'an old version',
    { serverHello: (f) => ({ ...f, legacyVersion: 0x0301 }) },
    { code: 'ERR_TLS_VERSION', alert: 'protocol_version' },
  ],
]

/** When data may flow. */
export const afterFaults: readonly (readonly [string, (m: Meeting12) => void, ErrorCode, AlertName])[] = [
  ['a hello request', (m: Meeting12) => m.server.helloRequest(), 'ERR_TLS_RENEGOTIATION', 'no_renegotiation'],
  [
    'a hello request with content',
    (m: Meeting12) => m.server.record(22, fromHex('0000000100')),
    'ERR_TLS_DECODE',
    'decode_error',
  ],
  [
    'a ticket',
    (m: Meeting12) => m.server.record(22, made(4, new Uint8Array(6)).bytes),
    'ERR_TLS_UNEXPECTED_MESSAGE',
    'unexpected_message',
  ],
  [
    'a key update',
    (m: Meeting12) => m.server.record(22, made(24, new Uint8Array(1)).bytes),
    'ERR_TLS_UNEXPECTED_MESSAGE',
    'unexpected_message',
  ],
  [
    'a server hello',
    (m: Meeting12) => m.server.record(22, made(2, new Uint8Array(38)).bytes),
    'ERR_TLS_UNEXPECTED_MESSAGE',
    'unexpected_message',
  ],
  [
    'change_cipher_spec',
    (m: Meeting12) => m.server.record(20, new Uint8Array([1])),
    'ERR_TLS_UNEXPECTED_MESSAGE',
    'unexpected_message',
  ],
  [
    'change_cipher_spec in clear',
    (m: Meeting12) => m.server.plain(20, new Uint8Array([1])),
    'ERR_TLS_BAD_RECORD_MAC',
    'bad_record_mac',
  ],
  [
    'data in clear',
    (m: Meeting12) => m.server.plain(23, latin1('clear'.repeat(10))),
    'ERR_TLS_BAD_RECORD_MAC',
    'bad_record_mac',
  ],
  [
    'a record too short',
    (m: Meeting12) => m.server.plain(23, new Uint8Array(23)),
    'ERR_TLS_BAD_RECORD_MAC',
    'bad_record_mac',
  ],
  [
    'too much in a record',
    (m: Meeting12) => m.server.record(23, new Uint8Array(2 ** 14 + 1)),
    'ERR_TLS_RECORD_OVERFLOW',
    'record_overflow',
  ],
  [
    'an unknown record type',
    (m: Meeting12) => m.server.record(24, new Uint8Array(1)),
    'ERR_TLS_RECORD_TYPE',
    'unexpected_message',
  ],
  [
    'an empty handshake record',
    (m: Meeting12) => m.server.record(22, empty),
    'ERR_TLS_UNEXPECTED_MESSAGE',
    'unexpected_message',
  ],
  [
    'an alert of one byte',
    (m: Meeting12) => m.server.record(21, new Uint8Array(1)),
    'ERR_TLS_DECODE',
    'decode_error',
  ],
  [
    'too many empty records',
    (m: Meeting12) => {
      for (let i = 0; i < 33; i++) m.server.record(contentType.application_data, empty)
    },
    'ERR_TLS_LIMIT',
    'unexpected_message',
  ],
  [
    'too many warnings',
    (m: Meeting12) => {
      for (let i = 0; i < 5; i++) m.server.alert('no_renegotiation', 1)
    },
    'ERR_TLS_LIMIT',
    'unexpected_message',
  ],
]
