// A server that breaks the handshake, one rule at a time: for each the code that the user sees and the alert that the
// server gets. RFC 8446 §4, §6.2.
import { beforeAll, describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex, latin1 } from '../../src/bytes/index.js'
import type { AlertName, ErrorCode } from '../../src/errors.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import type { TlsClientOptions } from '../../src/tls/index.js'
import type { HandshakeMessage } from '../../src/tls/messages/message.js'
import { retryRandom } from '../../src/tls/messages/server-hello.js'
import { extensionType as ext, handshakeType } from '../../src/tls/registry.js'
import {
  createWorld,
  type ServerMessageName,
  type ServerScript,
  serverName,
  type World,
} from '../support/tls-server/index.js'

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

interface Fault {
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
const hello = (fields: Parameters<NonNullable<ServerScript['serverHello']>>[0]) => fields
const clear = { encrypted: false } as const
const p256 = 23
const p384 = 24

// biome-ignore format: a fault a line
const serverHelloFaults: Fault[] = [
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
const retryFaults: Fault[] = [
  { what: 'that changes nothing', script: { retry: {} }, code: 'ERR_TLS_HELLO_RETRY', alert: 'illegal_parameter', ...clear },
  { what: 'to the group already shared', script: { retry: { group: 29 } }, code: 'ERR_TLS_HELLO_RETRY', alert: 'illegal_parameter', ...clear },
  { what: 'to a group that was not offered', script: { retry: { group: 0x0100 } }, code: 'ERR_TLS_HELLO_RETRY', alert: 'illegal_parameter', ...clear },
  { what: 'with an empty cookie', script: { retry: { cookie: empty } }, code: 'ERR_TLS_DECODE', alert: 'decode_error', ...clear },
  { what: 'with an unknown extension', script: { retry: { group: p384 }, serverHelloExtra: [[0xffff, empty]] }, code: 'ERR_TLS_UNSUPPORTED_EXTENSION', alert: 'unsupported_extension', ...clear },
  { what: 'with the group twice', script: { retry: { group: p384 }, serverHelloExtra: [[ext.key_share, fromHex('0018')]] }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'with compression', script: { retry: { group: p384 }, serverHello: (f) => ({ ...f, compression: 1 }) }, code: 'ERR_TLS_DECODE', alert: 'decode_error', ...clear },
  { what: 'with a wrong session id echo', script: { retry: { group: p384 }, serverHello: (f) => ({ ...f, sessionId: empty }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'with bytes of the next message', script: { retry: { group: p384 }, ...bend('hello_retry_request', (b) => concat(b, fromHex('02'))) }, code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message', ...clear },
  { what: 'followed by another', script: { retry: { group: p384 }, serverHello: (f) => ({ ...f, random: retryRandom, ...(f.keyShare === undefined ? {} : { keyShare: undefined, group: p384 }) }) }, code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message', ...clear },
  { what: 'followed by another suite', script: { retry: { group: p384 }, serverHello: (f) => f.keyShare === undefined ? f : { ...f, suite: nodeCrypto.suites.find(({ id }) => id !== f.suite)!.id } }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'followed by another version', script: { retry: { group: p384 }, serverHello: (f) => (f.keyShare === undefined ? f : { ...f, version: 0x0303 }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'followed by no version', script: { retry: { group: p384 }, serverHello: (f) => (f.keyShare === undefined ? f : { ...f, version: undefined }) }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
  { what: 'followed by another group', script: { retry: { group: p384 }, serverHello: (f) => f.keyShare === undefined ? f : { ...f, keyShare: { group: 29, key: new Uint8Array(32).fill(9) } } }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter', ...clear },
]

// biome-ignore format: a fault a line
const encryptedFaults: Fault[] = [
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
  { what: 'CertificateRequest with a context', script: { request: { context: new Uint8Array(1) } }, code: 'ERR_TLS_ILLEGAL_PARAMETER', alert: 'illegal_parameter' },
  { what: 'CertificateRequest without signature_algorithms', script: { request: {}, ...edit('certificate_request', () => [made(13, fromHex('000000'))]) }, code: 'ERR_TLS_MISSING_EXTENSION', alert: 'missing_extension' },
  { what: 'CertificateRequest with no signature algorithm', script: { request: { signatureSchemes: [] } }, code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'a byte after CertificateRequest', script: { request: {}, ...bend('certificate_request', trailing) }, code: 'ERR_TLS_DECODE', alert: 'decode_error' },
  { what: 'CertificateRequest twice', script: { request: {}, ...edit('certificate_request', (m) => [m, m]) }, code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'CertificateRequest after Certificate', script: edit('certificate', (m) => [m, made(13, fromHex('000008000d000400020403'))]), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
  { what: 'Certificate left out', script: edit('certificate', () => []), code: 'ERR_TLS_UNEXPECTED_MESSAGE', alert: 'unexpected_message' },
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

function check(fault: Fault): Promise<void> {
  return run(fault, Number.POSITIVE_INFINITY)
}

async function run({ script, options, code, alert, encrypted }: Fault, chunk: number): Promise<void> {
  const meeting = await world.meet(script, options, { chunk })
  expect(meeting.error?.code).toBe(code)
  expect(meeting.server.alerts).toEqual([{ name: alert, level: 2, encrypted: encrypted ?? true }])
  expect(meeting.info).toBeUndefined()
  expect(meeting.told).toEqual([])
  // Nothing more is accepted or sent.
  const sent = meeting.sent.length
  await meeting.end()
  expect(meeting.sent).toHaveLength(sent)
}

describe('ServerHello', () => {
  it.each(serverHelloFaults)('with $what', check)
  it('that is honest is accepted', async () => {
    const meeting = await world.meet({ serverHello: hello })
    expect(meeting.error).toBeUndefined()
    expect(meeting.told).toEqual(['open'])
  })
})

describe('HelloRetryRequest', () => {
  it.each(retryFaults)('$what', check)
  it.each([
    ['a group', { group: p256 }],
    ['a cookie', { cookie: latin1('a cookie') }],
    ['both', { group: p384, cookie: new Uint8Array(1000) }],
  ])('with %s is followed', async (_, retry) => {
    const meeting = await world.meet({ retry })
    expect(meeting.error).toBeUndefined()
    expect(meeting.server.finished).toBe(true)
    const types = meeting.server.records.map(({ type }) => type)
    // RFC 8446 §D.4: the dummy record goes before the second hello, and only there.
    expect(types).toEqual(['handshake', 'change_cipher_spec', 'handshake', 'handshake'])
  })
})

describe('after ServerHello', () => {
  it.each(encryptedFaults)('$what', check)
  it.each([...serverHelloFaults, ...retryFaults, ...encryptedFaults])('byte by byte: $what', (fault) =>
    run(fault, 1),
  )
})

describe('certificates', () => {
  it('of RSA keys signed with RSASSA-PKCS1-v1_5 in CertificateVerify', async () => {
    const { chain, signer } = await world.server('rsa-2048')
    await check({
      what: '',
      script: { chain, signer, scheme: 0x0401 },
      code: 'ERR_TLS_SIGNATURE_SCHEME',
      alert: 'illegal_parameter',
    })
  })
  it('of RSA keys with a PSS scheme for the other key OID', async () => {
    const { chain, signer } = await world.server('rsa-2048')
    await check({
      what: '',
      script: { chain, signer, scheme: 0x0809 },
      code: 'ERR_TLS_SIGNATURE_SCHEME',
      alert: 'illegal_parameter',
    })
  })
  it('of one server with the key of another', async () => {
    const { chain } = await world.server()
    const { signer } = await world.client()
    await check({ what: '', script: { chain, signer }, code: 'ERR_TLS_SIGNATURE', alert: 'decrypt_error' })
  })
  it.each([
    ['of a stranger', { trust: 'stranger' }, 'ERR_CERT_UNTRUSTED', 'unknown_ca'],
    ['for another name', { serverName: 'other.example.com' }, 'ERR_CERT_NAME_MISMATCH', 'bad_certificate'],
    ['from the future', { now: (): number => 0 }, 'ERR_CERT_NOT_YET_VALID', 'bad_certificate'],
    ['of the past', { now: (): number => Date.UTC(2099, 0, 1) }, 'ERR_CERT_EXPIRED', 'certificate_expired'],
  ] as const)('%s', async (what, options, code, alert) => {
    const trust =
      'trust' in options ? (await createWorld(nodeCrypto)).authority.certificate : world.authority.certificate
    await check({ what, script: {}, options: { ...options, trust }, code, alert })
  })
  it('of a client presented as a server', async () => {
    const { chain, signer } = await world.authority
      .issue({ usage: 'client', names: [serverName] })
      .then(async ({ der }) => ({ chain: [der], signer: (await world.client()).signer }))
    await check({
      what: '',
      script: { chain, signer },
      code: 'ERR_CERT_PURPOSE',
      alert: 'unsupported_certificate',
    })
  })
})
