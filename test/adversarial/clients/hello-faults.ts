// What a client of TLS 1.3 may get wrong in its first message and in the second, a rule broken a line. docs/hardening.md shows
// them as a table.
import { concat, fromHex, latin1, utf8 } from '../../../src/bytes/index.js'
import { contentType as content, extensionType as ext } from '../../../src/tls/registry.js'
import type { ClientScript } from './client.js'
import { bend, type ClientFault, edit, fitted, made, trailing } from './fault.js'
import { extension, further, type HelloParts, ids, shares } from './hello.js'

const empty = new Uint8Array(0)
const p256 = 23

/** The first hello, changed. */
export function hello(change: (hello: HelloParts) => HelloParts): ClientScript {
  return { hello: (parts, nth) => (nth === 1 ? change(parts) : parts) }
}

/** An extension of it, changed or left out. */
export function body(type: number, change: (body: Uint8Array) => Uint8Array | undefined): ClientScript {
  return hello((parts) => extension(parts, type, change))
}

function share(group: number, key: string): ClientScript {
  return body(ext.key_share, () => shares([group, fromHex(key)]))
}

/** The second hello, after a retry. */
export function second(change: (hello: HelloParts) => HelloParts): ClientScript {
  return { shared: [], hello: (parts, nth) => (nth === 2 ? change(parts) : parts) }
}

/** A record in front of the hello. */
function first(type: number, bytes: Uint8Array): ClientScript {
  return { before: (name, client) => void (name === 'client_hello' && client.plain(type, bytes)) }
}

function names(list: readonly string[]): Uint8Array {
  const entries = concat(...list.map((name) => concat(Uint8Array.of(name.length), latin1(name))))
  return concat(Uint8Array.of(entries.length >> 8, entries.length), entries)
}

export function hostNames(...list: readonly string[]): Uint8Array {
  const entries = concat(...list.map((n) => concat(Uint8Array.of(0, n.length >> 8, n.length), latin1(n))))
  return concat(Uint8Array.of(entries.length >> 8, entries.length), entries)
}

// biome-ignore format: a fault a line
export const versionFaults: readonly ClientFault[] = [
  { what: 'TLS 1.1 and nothing else', script: hello((h) => ({ ...extension(h, ext.supported_versions, () => undefined), version: 0x0302 })), alert: 'protocol_version', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'TLS 1.1 alone in supported_versions', script: body(ext.supported_versions, () => ids(1, 0x0302)), alert: 'protocol_version', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a version nobody has', script: body(ext.supported_versions, () => ids(1, 0x7a7a)), alert: 'protocol_version', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no version in supported_versions', script: body(ext.supported_versions, () => Uint8Array.of(0)), alert: 'protocol_version', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'half a version in supported_versions', script: body(ext.supported_versions, () => Uint8Array.of(3, 3, 4, 3)), alert: 'protocol_version', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'SSL 3.0', script: hello((h) => ({ ...extension(h, ext.supported_versions, () => undefined), version: 0x0300 })), alert: 'handshake_failure', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no suite that the gateway has', script: hello((h) => ({ ...h, suites: ids(0, 0x13ff, 0x0a0a) })), alert: 'handshake_failure', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'only suites of TLS 1.2', script: hello((h) => ({ ...h, suites: ids(0, 0xc02b, 0xc02c) })), alert: 'handshake_failure', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a downgrade it says itself (TLS_FALLBACK_SCSV)', script: hello((h) => ({ ...extension(h, ext.supported_versions, () => undefined), suites: ids(0, 0xc02b, 0x5600) })), alert: 'inappropriate_fallback', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no group that the gateway has', script: hello((h) => extension(extension(h, ext.supported_groups, () => ids(2, 0x0a0a)), ext.key_share, () => shares([0x0a0a, empty.slice()]).fill(0, 4, 6))), alert: 'decode_error', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no group but one nobody has, and a share of it', script: hello((h) => extension(extension(h, ext.supported_groups, () => ids(2, 0x0a0a)), ext.key_share, () => shares([0x0a0a, Uint8Array.of(1)]))), alert: 'handshake_failure', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no signature scheme that fits the certificate', script: body(ext.signature_algorithms, () => ids(2, 0x0807)), alert: 'handshake_failure', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
]

// biome-ignore format: a fault a line
export const formFaults: readonly ClientFault[] = [
  { what: 'no supported_groups', script: body(ext.supported_groups, () => undefined), alert: 'missing_extension', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no key_share', script: body(ext.key_share, () => undefined), alert: 'missing_extension', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no signature_algorithms', script: body(ext.signature_algorithms, () => undefined), alert: 'missing_extension', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty list of groups', script: body(ext.supported_groups, () => ids(2)), alert: 'decode_error', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty list of signature schemes', script: body(ext.signature_algorithms, () => ids(2)), alert: 'decode_error', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'supported_versions twice', script: hello((h) => further(h, ext.supported_versions, ids(1, 0x0304))), alert: 'illegal_parameter', clear: true, code: 'ERR_TLS_ILLEGAL_PARAMETER' },
  { what: 'an unknown extension twice', script: hello((h) => further(further(h, 0xfafa, empty), 0xfafa, empty)), alert: 'illegal_parameter', clear: true, code: 'ERR_TLS_ILLEGAL_PARAMETER' },
  { what: 'a legacy session id of 33 bytes', script: hello((h) => ({ ...h, sessionId: new Uint8Array(33) })), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
  { what: 'half a cipher suite', script: hello((h) => ({ ...h, suites: Uint8Array.of(0x13, 1, 0x13) })), alert: 'decode_error', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no cipher suite', script: hello((h) => ({ ...h, suites: empty })), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
  { what: 'no compression method', script: hello((h) => ({ ...h, compressions: empty })), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
  { what: 'compression beside none', script: hello((h) => ({ ...h, compressions: Uint8Array.of(1, 0) })), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'compression only', script: hello((h) => ({ ...h, compressions: Uint8Array.of(1) })), alert: 'decode_error', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a byte after the extensions', script: bend('client_hello', trailing), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
  { what: 'extensions longer than the message', script: bend('client_hello', (b) => fitted(b.slice(0, -3))), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
  { what: 'a message that ends in its random', script: bend('client_hello', (b) => fitted(b.slice(0, 20))), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
  { what: 'a length that never comes, then FIN', script: { ...bend('client_hello', (b) => b.fill(0x20, 2, 3)), hangUpAfter: 'client_hello' }, alert: 'handshake_failure', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a length of 16 MiB', script: bend('client_hello', (b) => b.fill(255, 1, 4)), code: 'ERR_GATEWAY_LIMIT' },
  { what: 'a hello of 20 000 bytes over many records', script: { ...hello((h) => further(h, 0xfafa, new Uint8Array(20_000))), fragment: 1000 }, code: 'ERR_GATEWAY_LIMIT' },
  { what: 'a pre-shared key that is not last', script: hello((h) => further(further(h, ext.pre_shared_key, psk()), 0xfafa, empty)), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a pre-shared key without its modes', script: hello((h) => further(extension(h, ext.psk_key_exchange_modes, () => undefined), ext.pre_shared_key, psk())), alert: 'missing_extension', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
]

// biome-ignore format: a fault a line
export const nameFaults: readonly ClientFault[] = [
  { what: 'a protocol that no route has', script: { alpn: ['unknown'] }, alert: 'no_application_protocol', clear: true, code: 'ERR_GATEWAY_NO_ROUTE' },
  { what: 'no protocol at all', script: { alpn: [] }, alert: 'no_application_protocol', clear: true, code: 'ERR_GATEWAY_NO_ROUTE' },
  { what: 'an empty list of protocols', script: body(ext.application_layer_protocol_negotiation, () => names([])), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
  { what: 'an empty protocol name', script: body(ext.application_layer_protocol_negotiation, () => names(['', 'echo'])), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
  { what: 'a protocol name longer than its list', script: body(ext.application_layer_protocol_negotiation, () => fromHex('0005096563686f')), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
  { what: 'a server name that the route does not have', script: { alpn: ['named'], serverName: 'elsewhere.test' }, alert: 'unrecognized_name', clear: true, code: 'ERR_GATEWAY_NO_ROUTE' },
  { what: 'no server name where the route wants one', script: { alpn: ['named'], serverName: '' }, alert: 'unrecognized_name', clear: true, code: 'ERR_GATEWAY_NO_ROUTE' },
  { what: 'two server names', script: body(ext.server_name, () => hostNames('gateway.test', 'other.test')), alert: 'illegal_parameter', clear: true, code: 'ERR_TLS_ILLEGAL_PARAMETER' },
  { what: 'an empty list of server names', script: body(ext.server_name, () => hostNames()), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
  { what: 'an empty server name', script: body(ext.server_name, () => hostNames('')), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
  { what: 'a server name with a line feed', script: body(ext.server_name, () => hostNames('gateway.test\nadmin')), alert: 'illegal_parameter', clear: true, code: 'ERR_TLS_ILLEGAL_PARAMETER' },
  { what: 'a server name with a NUL', script: body(ext.server_name, () => hostNames('named.test\0.evil.test')), alert: 'illegal_parameter', clear: true, code: 'ERR_TLS_ILLEGAL_PARAMETER' },
  { what: 'a server name of 256 characters', script: body(ext.server_name, () => hostNames('a'.repeat(256))), alert: 'illegal_parameter', clear: true, code: 'ERR_TLS_ILLEGAL_PARAMETER' },
]

// biome-ignore format: a fault a line
export const shareFaults: readonly ClientFault[] = [
  { what: 'an X25519 share of zeros', script: share(29, '00'.repeat(32)), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an X25519 share of order 8', script: share(29, 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an X25519 share of 31 bytes', script: share(29, '09'.repeat(31)), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an X25519 share of 33 bytes', script: share(29, '09'.repeat(33)), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty share', script: share(29, ''), alert: 'decode_error', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a P-256 point off the curve', script: share(p256, '04'.repeat(65)), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'the P-256 point at infinity', script: share(p256, '00'), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a compressed P-256 point', script: { shared: [p256], ...body(ext.key_share, (b) => shares([p256, b.slice(6, 39).fill(2, 0, 1)])) }, alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a P-384 share of the length of P-256', script: share(24, `04${'11'.repeat(64)}`), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE', servedSince35: true },
  { what: 'a share of a group it does not support', script: hello((h) => extension(h, ext.supported_groups, () => ids(2, 24))), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a list of shares shorter than its length', script: body(ext.key_share, (b) => b.subarray(0, 30)), alert: 'decode_error', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
]

// biome-ignore format: a fault a line
export const retryFaults: readonly ClientFault[] = [
  { what: 'the first hello again', script: { shared: [], edit: again() }, alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'still no share', script: second((h) => extension(h, ext.key_share, () => shares())), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no key_share at all', script: second((h) => extension(h, ext.key_share, () => undefined)), alert: 'missing_extension', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a share of another group', script: second((h) => extension(h, ext.key_share, () => shares([p256, new Uint8Array(65).fill(4)]))), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a second share beside the right one', script: second((h) => extension(h, ext.key_share, (b) => concat(Uint8Array.of(0, b.length + 67), b.subarray(2), Uint8Array.of(0, p256, 0, 65), new Uint8Array(65).fill(4)))), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'other suites, without the chosen one', script: second((h) => ({ ...h, suites: ids(0, 0x1303) })), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'TLS 1.2', script: second((h) => extension(h, ext.supported_versions, () => undefined)), alert: 'protocol_version', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'early data', script: second((h) => further(h, ext.early_data, empty)), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'the protocol of another route', script: second((h) => extension(h, ext.application_layer_protocol_negotiation, () => names(['other']))), alert: 'no_application_protocol', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no protocol any more', script: second((h) => extension(h, ext.application_layer_protocol_negotiation, () => undefined)), code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an extension twice', script: second((h) => further(h, ext.supported_versions, ids(1, 0x0304))), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'Finished instead of a hello', script: { shared: [], ...edit('second_hello', () => [made(20, new Uint8Array(32))]) }, alert: 'unexpected_message', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'nothing but FIN', script: { shared: [], ...edit('second_hello', () => []), hangUpAfter: 'second_hello' }, code: 'ERR_GATEWAY_HANDSHAKE' },
]

// biome-ignore format: a fault a line
export const firstRecordFaults: readonly ClientFault[] = [
  { what: 'an HTTP request', script: { before: (name, c) => void (name === 'client_hello' && c.raw(latin1('GET / HTTP/1.1\r\n\r\n'))) }, alert: 'protocol_version', clear: true, code: 'ERR_TLS_NOT_TLS' },
  { what: 'a hello of SSL 2.0', script: { before: (name, c) => void (name === 'client_hello' && c.raw(fromHex('802e0103010015000000100000'))) }, alert: 'protocol_version', clear: true, code: 'ERR_TLS_NOT_TLS' },
  { what: 'PostgreSQL SSLRequest', script: { before: (name, c) => void (name === 'client_hello' && c.raw(fromHex('0000000804d2162f'))) }, alert: 'protocol_version', clear: true, code: 'ERR_TLS_NOT_TLS' },
  { what: 'change_cipher_spec', script: first(content.change_cipher_spec, Uint8Array.of(1)), alert: 'protocol_version', clear: true, code: 'ERR_TLS_NOT_TLS' },
  { what: 'an alert', script: first(content.alert, Uint8Array.of(1, 0)), alert: 'protocol_version', clear: true, code: 'ERR_TLS_NOT_TLS' },
  { what: 'application data', script: first(content.application_data, utf8('data')), alert: 'protocol_version', clear: true, code: 'ERR_TLS_NOT_TLS' },
  { what: 'an empty handshake record', script: first(content.handshake, empty), alert: 'unexpected_message', clear: true, code: 'ERR_TLS_UNEXPECTED_MESSAGE' },
  { what: 'a record of 2^14 + 1 bytes', script: first(content.handshake, new Uint8Array(2 ** 14 + 1)), alert: 'record_overflow', clear: true, code: 'ERR_TLS_RECORD_OVERFLOW' },
  { what: 'Finished', script: edit('client_hello', () => [made(20, new Uint8Array(32))]), alert: 'unexpected_message', clear: true, code: 'ERR_TLS_UNEXPECTED_MESSAGE' },
  { what: 'a ServerHello', script: edit('client_hello', () => [made(2, new Uint8Array(40))]), alert: 'unexpected_message', clear: true, code: 'ERR_TLS_UNEXPECTED_MESSAGE' },
  { what: 'a HelloRequest', script: edit('client_hello', () => [made(0)]), alert: 'unexpected_message', clear: true, code: 'ERR_TLS_UNEXPECTED_MESSAGE' },
  { what: 'an alert inside the hello', script: { before: (name, c) => void (name === 'client_hello' && [c.plain(content.handshake, fromHex('010000c80303')), c.plain(content.alert, Uint8Array.of(1, 90))]) }, alert: 'unexpected_message', clear: true, code: 'ERR_TLS_UNEXPECTED_MESSAGE' },
  { what: 'the hello twice', script: edit('client_hello', (m) => [m, m]), alert: 'unexpected_message', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'the hello, and data in clear behind it', script: edit('client_hello', (m) => [m, made(99, utf8('data'))]), alert: 'unexpected_message', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
]

export function psk(identities = 1, binders = 1): Uint8Array {
  const identity = concat(fromHex('0020'), new Uint8Array(32).fill(1), new Uint8Array(4))
  const binder = concat(fromHex('20'), new Uint8Array(32).fill(2))
  const list = (item: Uint8Array, count: number) => {
    const all = concat(...Array.from({ length: count }, () => item))
    return concat(Uint8Array.of(all.length >> 8, all.length), all)
  }
  return concat(list(identity, identities), list(binder, binders))
}

function again(): ClientScript['edit'] {
  let heard: Uint8Array | undefined
  return (name, message) => {
    if (name === 'client_hello') heard = message.bytes
    return name === 'second_hello' ? [{ ...message, bytes: heard! }] : [message]
  }
}
