// What a server of TLS 1.3 may do wrong in its handshake, a rule broken a line: what the script does, the code that the user sees
// and the alert that the server gets. docs/hardening.md shows them as a table.
import { type Bytes, concat, fromHex, latin1 } from '../../src/bytes/index.js'
import type { AlertName, ErrorCode } from '../../src/errors.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import type { TlsClientOptions } from '../../src/tls/index.js'
import type { HandshakeMessage } from '../../src/tls/messages/message.js'
import { retryRandom } from '../../src/tls/messages/server-hello.js'
import { extensionType as ext, handshakeType } from '../../src/tls/registry.js'
import type { ServerMessageName, ServerScript, World } from '../support/tls-server/index.js'

export interface Fault {
  readonly what: string
  readonly script: Partial<ServerScript>
  readonly options?: Partial<TlsClientOptions>
  readonly code: ErrorCode
  readonly alert: AlertName
  /** Whether the alert goes out under handshake keys; faults of ServerHello are answered in clear. */
  readonly encrypted?: false
}

/** Replace what is sent under a name. */
function edit(
  name: ServerMessageName,
  change: (message: HandshakeMessage) => readonly HandshakeMessage[],
): Partial<ServerScript> {
  return { edit: (said, message) => (said === name ? change(message) : [message]) }
}

/** Change bytes of a message in place, after a copy. */
function bend(
  name: ServerMessageName,
  change: (bytes: Bytes) => Uint8Array | undefined,
): Partial<ServerScript> {
  return edit(name, ({ type, bytes }) => {
    const copy = new Uint8Array(bytes)
    return [{ type, bytes: change(copy) ?? copy }]
  })
}

/** A message of a type, with a body. */
function made(type: number, body: Uint8Array): HandshakeMessage {
  return { type, bytes: concat(new Uint8Array([type, 0, body.length >> 8, body.length & 255]), body) }
}

/** One byte more at the end, and the length to match. */
function trailing(bytes: Bytes): Bytes {
  const longer = concat(bytes, new Uint8Array(1))
  const length = longer.length - 4
  longer.set([length >> 16, length >> 8, length & 255], 1)
  return longer
}

const empty = new Uint8Array(0)
const clear = { encrypted: false } as const
const p256 = 23
const p384 = 24

// biome-ignore format: a fault a line
export const serverHelloFaults: readonly Fault[] = [
  { what: 'another message first', script: edit('server_hello', () => [made(handshakeType.encrypted_extensions, fromHex('0000'))]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message', ...clear },
  { what: 'TLS 1.2 chosen', script: { serverHello: (f) => ({ ...f, version: undefined, keyShare: undefined }) }, options: { versions: ['TLSv1.3'] }, code: 'ERR_TLS_VERSION', alert: 'protocol_version', ...clear },
  { what: 'TLS 1.0 chosen', script: { serverHello: (f) => ({ ...f, legacyVersion: 0x0301, version: undefined, keyShare: undefined }) }, code: 'ERR_TLS_VERSION', alert: 'protocol_version', ...clear },
  { what: 'a downgrade sentinel of 1.2', script: { serverHello: (f) => ({ ...f, version: undefined, keyShare: undefined, random: concat(f.random.subarray(0, 24), fromHex('444f574e47524401')) }) }, code: 'ERR_TLS_DOWNGRADE', alert: 'illegal_parameter', ...clear },
  { what: 'a downgrade sentinel of 1.1', script: { serverHello: (f) => ({ ...f, legacyVersion: 0x0302, version: undefined, keyShare: undefined, random: concat(f.random.subarray(0, 24), fromHex('444f574e47524400')) }) }, code: 'ERR_TLS_DOWNGRADE', alert: 'illegal_parameter', ...clear },
  { what: 'a version that was not offered', script: { serverHello: (f) => ({ ...f, version: 0x0305 }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'TLS 1.2 in supported_versions', script: { serverHello: (f) => ({ ...f, version: 0x0303 }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'a legacy_version that is not 0x0303', script: { serverHello: (f) => ({ ...f, legacyVersion: 0x0304 }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'a wrong session id echo', script: { serverHello: (f) => ({ ...f, sessionId: new Uint8Array(32) }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'a missing session id echo', script: { serverHello: (f) => ({ ...f, sessionId: empty }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'a session id of 33 bytes', script: { serverHello: (f) => ({ ...f, sessionId: new Uint8Array(33) }) }, code: 'ERR_TLS_DECODE', alert: 'decode_error', ...clear },
  { what: 'a cipher suite not offered', script: { serverHello: (f) => ({ ...f, suite: 0x1304 }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'compression', script: { serverHello: (f) => ({ ...f, compression: 1 }) }, code: 'ERR_TLS_DECODE', alert: 'decode_error', ...clear },
  { what: 'no key share', script: { serverHello: (f) => ({ ...f, keyShare: undefined }) }, code: 'ERR_TLS_MISSING_EXTENSION', alert: 'missing_extension', ...clear },
  { what: 'a key share of a group without ours', script: { serverHello: (f) => ({ ...f, keyShare: { group: p256, key: new Uint8Array(65).fill(4) } }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'an X25519 point of low order', script: { serverHello: (f) => ({ ...f, keyShare: { group: 29, key: new Uint8Array(32) } }) }, code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'an X25519 point of order 1', script: share(29, '0100000000000000000000000000000000000000000000000000000000000000'), code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'an X25519 point of order 8', script: share(29, 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'), code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'the other X25519 point of order 8', script: share(29, '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'), code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'an X25519 point of p - 1', script: share(29, 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'), code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'an X25519 point of p', script: share(29, 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'), code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'an X25519 point of p + 1', script: share(29, 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'), code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'the P-256 point at infinity', script: share(p256, '00'), options: { keyShares: ['secp256r1'] }, code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'a P-256 point of zeros', script: share(p256, `04${'00'.repeat(64)}`), options: { keyShares: ['secp256r1'] }, code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'an X25519 share of 31 bytes', script: { serverHello: (f) => ({ ...f, keyShare: { group: 29, key: new Uint8Array(31).fill(9) } }) }, code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'a P-256 point off the curve', script: { serverHello: (f) => ({ ...f, keyShare: { group: p256, key: new Uint8Array(65).fill(4) } }) }, options: { keyShares: ['secp256r1'] }, code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'a compressed P-256 point', script: { serverHello: (f) => ({ ...f, keyShare: { group: p256, key: f.keyShare!.key.slice(0, 33).fill(2, 0, 1) } }) }, options: { keyShares: ['secp256r1'] }, code: 'ERR_TLS_KEY_SHARE', alert: 'illegal_parameter', ...clear },
  { what: 'an empty key share', script: { serverHello: (f) => ({ ...f, keyShare: { group: 29, key: empty } }) }, code: 'ERR_TLS_DECODE', alert: 'decode_error', ...clear },
  { what: 'an unknown extension', script: { serverHelloExtra: [[0xffff, empty]] }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension', ...clear },
  { what: 'ALPN in clear', script: { serverHelloExtra: [[ext.application_layer_protocol_negotiation, fromHex('0003026832')]] }, options: { alpn: ['h2'] }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension', ...clear },
  { what: 'a PSK that was not offered', script: { serverHelloExtra: [[ext.pre_shared_key, fromHex('0000')]] }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension', ...clear },
  { what: 'a cookie outside a retry', script: { serverHelloExtra: [[ext.cookie, fromHex('000101')]] }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension', ...clear },
  { what: 'an extension twice', script: { serverHelloExtra: [[ext.supported_versions, fromHex('0304')]] }, code: 'ERR_TLS_DECODE', alert: 'decode_error', ...clear },
  { what: 'a byte too many', script: bend('server_hello', trailing), code: 'ERR_TLS_DECODE', alert: 'decode_error', ...clear },
  { what: 'a truncated body', script: bend('server_hello', (b) => b.subarray(0, 40).fill(36, 3, 4)), code: 'ERR_TLS_DECODE', alert: 'decode_error', ...clear },
  { what: 'bytes of the next message', script: bend('server_hello', (b) => concat(b, fromHex('08'))), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message', ...clear },
  { what: 'a handshake message of 16 MiB', script: bend('server_hello', (b) => b.fill(255, 1, 4)), code: 'ERR_TLS_LIMIT', alert: 'unexpected_message', ...clear },
]

// biome-ignore format: a fault a line
export const retryFaults: readonly Fault[] = [
  { what: 'that changes nothing', script: { retry: {} }, code: 'ERR_TLS_HELLO_RETRY', alert: 'illegal_parameter', ...clear },
  { what: 'to the group already shared', script: { retry: { group: 29 } }, code: 'ERR_TLS_HELLO_RETRY', alert: 'illegal_parameter', ...clear },
  { what: 'to a group that was not offered', script: { retry: { group: 0x0100 } }, code: 'ERR_TLS_HELLO_RETRY', alert: 'illegal_parameter', ...clear },
  { what: 'with a cookie that leaves no room in a hello', script: { retry: { cookie: new Uint8Array(65_500) }, fragment: 2 ** 14 }, code: 'ERR_TLS_HELLO_RETRY', alert: 'illegal_parameter', ...clear },
  { what: 'with an empty cookie', script: { retry: { cookie: empty } }, code: 'ERR_TLS_DECODE', alert: 'decode_error', ...clear },
  { what: 'with an unknown extension', script: { retry: { group: p384 }, serverHelloExtra: [[0xffff, empty]] }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension', ...clear },
  { what: 'with the group twice', script: { retry: { group: p384 }, serverHelloExtra: [[ext.key_share, fromHex('0018')]] }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'with compression', script: { retry: { group: p384 }, serverHello: (f) => ({ ...f, compression: 1 }) }, code: 'ERR_TLS_DECODE', alert: 'decode_error', ...clear },
  { what: 'with a wrong session id echo', script: { retry: { group: p384 }, serverHello: (f) => ({ ...f, sessionId: empty }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'with bytes of the next message', script: { retry: { group: p384 }, ...bend('hello_retry_request', (b) => concat(b, fromHex('02'))) }, code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message', ...clear },
  { what: 'with ALPN', script: { retry: { group: p384 }, serverHelloExtra: [[ext.application_layer_protocol_negotiation, fromHex('0003026832')]] }, options: { alpn: ['h2'] }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension', ...clear },
  { what: 'with a suite that was not offered', script: { retry: { group: p384 }, serverHello: (f) => ({ ...f, suite: 0x1304 }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'sent twice', script: { retry: { group: p384 }, ...edit('hello_retry_request', (m) => [m, m]) }, code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message', ...clear },
  { what: 'followed by another', script: { retry: { group: p384 }, serverHello: (f) => ({ ...f, random: retryRandom, ...(f.keyShare === undefined ? {} : { keyShare: undefined, group: p384 }) }) }, code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message', ...clear },
  { what: 'followed by another suite', script: { retry: { group: p384 }, serverHello: (f) => f.keyShare === undefined ? f : { ...f, suite: nodeCrypto.suites.find(({ id }) => id !== f.suite)!.id } }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'followed by another version', script: { retry: { group: p384 }, serverHello: (f) => (f.keyShare === undefined ? f : { ...f, version: 0x0303 }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'followed by no version', script: { retry: { group: p384 }, serverHello: (f) => (f.keyShare === undefined ? f : { ...f, version: undefined }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'followed by another group', script: { retry: { group: p384 }, serverHello: (f) => f.keyShare === undefined ? f : { ...f, keyShare: { group: 29, key: new Uint8Array(32).fill(9) } } }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
]

// biome-ignore format: a fault a line
export const encryptedFaults: readonly Fault[] = [
  { what: 'EncryptedExtensions left out', script: edit('encrypted_extensions', () => []), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'EncryptedExtensions without a block', script: edit('encrypted_extensions', () => [made(8, empty)]), code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'a byte after EncryptedExtensions', script: bend('encrypted_extensions', trailing), code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'an unknown extension answered', script: { encryptedExtensions: [[0xffff, empty]] }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension' },
  { what: 'an unknown extension twice', script: { encryptedExtensions: [[0xffff, empty], [0xffff, empty]] }, code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'a key share in EncryptedExtensions', script: { encryptedExtensions: [[ext.key_share, fromHex('001d0000')]] }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension' },
  { what: 'early data accepted', script: { encryptedExtensions: [[ext.early_data, empty]] }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension' },
  { what: 'an answer to SNI that is not empty', script: { encryptedExtensions: [[ext.server_name, fromHex('00')]] }, code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'an answer to SNI that was not sent', script: { encryptedExtensions: [[ext.server_name, empty]] }, options: { serverName: '192.0.2.1' }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension' },
  { what: 'ALPN selected though none was offered', script: { alpn: 'h2' }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension' },
  { what: 'an ALPN that was not offered', script: { alpn: 'h2' }, options: { alpn: ['http/1.1'] }, code: 'ERR_TLS_ALPN_UNOFFERED', alert: 'illegal_parameter' },
  { what: 'an ALPN that was not offered where none is required', script: { alpn: 'h2' }, options: { alpn: ['http/1.1'], alpnPolicy: 'optional' }, code: 'ERR_TLS_ALPN_UNOFFERED', alert: 'illegal_parameter' },
  { what: 'no ALPN selected', script: {}, options: { alpn: ['http/1.1'] }, code: 'ERR_TLS_ALPN_UNSELECTED', alert: 'no_application_protocol' },
  { what: 'two ALPN names', script: { encryptedExtensions: [[16, fromHex('000401610162')]] }, options: { alpn: ['a'] }, code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'an empty ALPN name', script: { encryptedExtensions: [[16, fromHex('000100')]] }, options: { alpn: ['a'] }, code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'EncryptedExtensions twice', script: edit('encrypted_extensions', (m) => [m, m]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'an ALPN that differs in case', script: { alpn: 'H2' }, options: { alpn: ['h2'] }, code: 'ERR_TLS_ALPN_UNOFFERED', alert: 'illegal_parameter' },
  { what: 'an ALPN that begins like one offered', script: { alpn: 'http/1' }, options: { alpn: ['http/1.1'] }, code: 'ERR_TLS_ALPN_UNOFFERED', alert: 'illegal_parameter' },
  { what: 'supported_versions in EncryptedExtensions', script: { encryptedExtensions: [[ext.supported_versions, fromHex('0304')]] }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension' },
  { what: 'CertificateRequest with a context', script: { request: { context: new Uint8Array(1) } }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter' },
  { what: 'CertificateRequest without signature_algorithms', script: { request: {}, ...edit('certificate_request', () => [made(13, fromHex('000000'))]) }, code: 'ERR_TLS_MISSING_EXTENSION', alert: 'missing_extension' },
  { what: 'CertificateRequest with no signature algorithm', script: { request: { signatureSchemes: [] } }, code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'a byte after CertificateRequest', script: { request: {}, ...bend('certificate_request', trailing) }, code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'CertificateRequest twice', script: { request: {}, ...edit('certificate_request', (m) => [m, m]) }, code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'CertificateRequest after Certificate', script: edit('certificate', (m) => [m, made(13, fromHex('000008000d000400020403'))]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'Certificate left out', script: edit('certificate', () => []), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'Certificate twice', script: edit('certificate', (m) => [m, m]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'Finished before Certificate', script: edit('certificate', (m) => [made(20, new Uint8Array(32)), m]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'Finished before CertificateVerify', script: edit('certificate_verify', (m) => [made(20, new Uint8Array(32)), m]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'Finished twice', script: { pack: true, ...edit('finished', (m) => [m, m]) }, code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a chain of 129 certificates', script: edit('certificate', (m) => [repeated(m, 129)]), code: 'ERR_CERT_BUDGET', alert: 'bad_certificate' },
  { what: 'a chain of 200 kB', script: edit('certificate', (m) => [repeated(m, 700)]), code: 'ERR_TLS_LIMIT', alert: 'unexpected_message' },
  { what: 'Certificate with a context', script: edit('certificate', (m) => [made(11, concat(fromHex('0101'), m.bytes.subarray(5)))]), code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter' },
  { what: 'an empty certificate list', script: { chain: [] }, code: 'ERR_CERT_MISSING', alert: 'decode_error' },
  { what: 'an empty certificate', script: { chain: [empty] }, code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'a certificate that is none', script: { chain: [latin1('garbage')] }, code: 'ERR_CERT_ENCODING', alert: 'decode_error' },
  { what: 'an extension in Certificate', script: edit('certificate', (m) => [certificateWithExtension(m)]), code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension' },
  { what: 'a byte after Certificate', script: bend('certificate', trailing), code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'CertificateVerify left out', script: edit('certificate_verify', () => []), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'CertificateVerify twice', script: edit('certificate_verify', (m) => [m, m]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'CertificateVerify before Certificate', script: edit('certificate', (m) => [made(15, fromHex('04030000')), m]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a signature with a bit changed', script: bend('certificate_verify', (b) => void (b[b.length - 1]! ^= 1)), code: 'ERR_TLS_SIGNATURE', alert: 'decrypt_error' },
  { what: 'an empty signature', script: edit('certificate_verify', () => [made(15, fromHex('04030000'))]), code: 'ERR_TLS_SIGNATURE', alert: 'decrypt_error' },
  { what: 'a byte after CertificateVerify', script: bend('certificate_verify', trailing), code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'a scheme of another curve', script: { scheme: 0x0503 }, code: 'ERR_TLS_SIGNATURE_SCHEME', alert: 'illegal_parameter' },
  { what: 'a scheme of another key type', script: { scheme: 0x0804 }, code: 'ERR_TLS_SIGNATURE_SCHEME', alert: 'illegal_parameter' },
  { what: 'a scheme that was not offered', script: { scheme: 0x0203 }, code: 'ERR_TLS_SIGNATURE_SCHEME', alert: 'illegal_parameter' },
  { what: 'an unknown scheme', script: { scheme: 0xfefe }, code: 'ERR_TLS_SIGNATURE_SCHEME', alert: 'illegal_parameter' },
  { what: 'Finished with a bit changed', script: bend('finished', (b) => void (b[10]! ^= 1)), code: 'ERR_TLS_FINISHED', alert: 'decrypt_error' },
  { what: 'an empty Finished', script: edit('finished', () => [made(20, empty)]), code: 'ERR_TLS_FINISHED', alert: 'decrypt_error' },
  { what: 'Finished with a byte too many', script: bend('finished', trailing), code: 'ERR_TLS_FINISHED', alert: 'decrypt_error' },
  { what: 'bytes behind Finished', script: bend('finished', (b) => concat(b, fromHex('04'))), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a ticket instead of Finished', script: edit('finished', () => [made(4, new Uint8Array(16))]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a key update in the handshake', script: edit('certificate', (m) => [made(24, new Uint8Array(1)), m]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a hello request in the handshake', script: edit('certificate', (m) => [made(0, empty), m]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a second ServerHello', script: edit('encrypted_extensions', (m) => [made(2, new Uint8Array(38)), m]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'a message of an unknown type', script: edit('certificate', (m) => [made(99, empty), m]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
]

function certificateWithExtension(message: HandshakeMessage): HandshakeMessage {
  const der = message.bytes.subarray(11, message.bytes.length - 2)
  const list = concat(u24(der.length), der, fromHex('000400050000'))
  const body = concat(fromHex('00'), u24(list.length), list)
  return made(11, body)
}

function u24(value: number): Bytes {
  return new Uint8Array([value >> 16, value >> 8, value & 255])
}

/** The first certificate of a message, again and again. */
function repeated(message: HandshakeMessage, times: number): HandshakeMessage {
  const entry = message.bytes.subarray(8)
  const list = concat(...Array<Uint8Array>(times).fill(entry))
  const body = concat(fromHex('00'), u24(list.length), list)
  return { type: 11, bytes: concat(new Uint8Array([11]), u24(body.length), body) }
}

/** A ServerHello with this key share. */
function share(group: number, key: string): Partial<ServerScript> {
  return { serverHello: (f) => ({ ...f, keyShare: { group, key: fromHex(key) } }) }
}

/** Wrong certificates, or right ones of somebody else; made where a world is there to make them. */
export interface CertificateFault {
  readonly what: string
  readonly code: ErrorCode
  readonly alert: AlertName
  /** `stranger` is another world, with an authority of its own. */
  make(
    world: World,
    stranger: World,
  ): Promise<{ readonly script?: Partial<ServerScript>; readonly options?: Partial<TlsClientOptions> }>
}

// biome-ignore format: a fault a line
export const certificateFaults: readonly CertificateFault[] = [
  { what: 'an RSA key that signs with RSASSA-PKCS1-v1_5', make: async (world) => ({ script: { ...(await world.server('rsa-2048')), scheme: 0x0401 } }), code: 'ERR_TLS_SIGNATURE_SCHEME', alert: 'illegal_parameter' },
  { what: 'an RSA key with a PSS scheme for the other key OID', make: async (world) => ({ script: { ...(await world.server('rsa-2048')), scheme: 0x0809 } }), code: 'ERR_TLS_SIGNATURE_SCHEME', alert: 'illegal_parameter' },
  { what: 'an RSA key with the scheme of an ECDSA key', make: async (world) => ({ script: { ...(await world.server('rsa-2048')), scheme: 0x0403 } }), code: 'ERR_TLS_SIGNATURE_SCHEME', alert: 'illegal_parameter' },
  { what: 'the certificate of one server with the key of another', make: async (world) => ({ script: { signer: (await world.client()).signer } }), code: 'ERR_TLS_SIGNATURE', alert: 'decrypt_error' },
  { what: 'a certificate of a stranger', make: async (_, stranger) => ({ options: { trust: stranger.authority.certificate } }), code: 'ERR_CERT_UNTRUSTED', alert: 'unknown_ca' },
  { what: 'a certificate for another name', make: async () => ({ options: { serverName: 'other.example.com' } }), code: 'ERR_CERT_NAME_MISMATCH', alert: 'bad_certificate' },
  { what: 'a certificate from the future', make: async () => ({ options: { now: () => 0 } }), code: 'ERR_CERT_NOT_YET_VALID', alert: 'bad_certificate' },
  { what: 'a certificate of the past', make: async () => ({ options: { now: () => Date.UTC(2099, 0, 1) } }), code: 'ERR_CERT_EXPIRED', alert: 'certificate_expired' },
  { what: 'a certificate whose key may encrypt and not sign', make: async (world) => ({ script: await world.server('ecdsa-p256', { keyUsage: ['keyEncipherment', 'keyAgreement'] }) }), code: 'ERR_CERT_PURPOSE', alert: 'unsupported_certificate' },
  { what: 'a client certificate presented by a server', make: async (world) => ({ script: { chain: [(await world.authority.issue({ usage: 'client', names: ['inner.example.com'] })).der], signer: (await world.client()).signer } }), code: 'ERR_CERT_PURPOSE', alert: 'unsupported_certificate' },
]
