// What a client of TLS 1.3 may get wrong in proving who it is, and in its last message, a rule broken a line. docs/hardening.md
// shows them as a table.
import { concat, fromHex, latin1 } from '../../../src/bytes/index.js'
import { writeCertificate } from '../../../src/tls/messages/certificate.js'
import { signedContent, writeCertificateVerify } from '../../../src/tls/messages/certificate-verify.js'
import { extensionType as ext } from '../../../src/tls/registry.js'
import type { LeafOptions } from '../../support/certificates.js'
import type { ClientIdentity, ClientScript, ScriptedClient } from './client.js'
import { bend, type ClientFault, edit, fitted, made, trailing } from './fault.js'
import { extension, further } from './hello.js'
import type { World } from './stage.js'

const empty = new Uint8Array(0)
const data = latin1('early word')

/** With a certificate of the right authority, made like this. */
function issued(options: LeafOptions): (world: World) => Promise<ClientScript> {
  return async (world) => ({ identity: await world.identity(options) })
}

function days(count: number): Date {
  return new Date(Date.now() + count * 86_400_000)
}

/** What alice shows, with other bytes in Certificate. */
function shown(change: (alice: ClientIdentity) => ReturnType<typeof writeCertificate>) {
  return async ({ alice }: World): Promise<ClientScript> => edit('certificate', () => [change(alice)])
}

// biome-ignore format: a fault a line
export const certificateFaults: readonly ClientFault[] = [
  { what: 'an empty Certificate', script: { identity: undefined }, alert: 'certificate_required', code: 'ERR_GATEWAY_DENIED' },
  { what: 'no Certificate at all', script: { identity: undefined, ...edit('certificate', () => []) }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a certificate of another authority', script: async (w) => ({ identity: await w.identity({}, await w.createAuthority()) }), code: 'ERR_GATEWAY_DENIED' },
  { what: "a certificate of another authority with ours's name", script: async (w) => ({ identity: await w.identity({}, await w.createAuthority({ name: w.users.name.replace(/^CN=/, '') })) }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'a certificate that signed itself', script: issuedByItself, code: 'ERR_GATEWAY_DENIED' },
  { what: 'an expired certificate', script: issued({ notBefore: days(-9), notAfter: days(-1) }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'a certificate of tomorrow', script: issued({ notBefore: days(1), notAfter: days(9) }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'a certificate for servers', script: issued({ usage: 'server' }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'a certificate for signing code', script: issued({ usage: ['1.3.6.1.5.5.7.3.3'] }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'a key that may not sign', script: issued({ keyUsage: ['keyEncipherment'] }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'a critical extension nobody knows', script: issued({ unknownCritical: true }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'a signature with SHA-1 on the certificate', script: issued({ hash: 'SHA-1' }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'an intermediate that is none', script: async (w) => ({ identity: await w.identity({}, await w.users.intermediate({ ca: false })) }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'an intermediate without basicConstraints', script: async (w) => ({ identity: await w.identity({}, await w.users.intermediate({ ca: 'absent' })) }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'one intermediate more than allowed', script: async (w) => ({ identity: await w.identity({}, await (await w.users.intermediate({ pathLength: 0 })).intermediate()) }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'a chain without its intermediate', script: async (w) => { const { chain, signer } = await w.identity({}, await w.users.intermediate()); return { identity: { chain: chain.slice(0, 1), signer } } }, code: 'ERR_GATEWAY_DENIED' },
  { what: 'a certificate its authority may not name', script: async (w) => ({ identity: await w.identity({ names: ['alice.test'] }, await w.users.intermediate({ nameConstraints: { permitted: ['example.com'] } })) }), code: 'ERR_GATEWAY_DENIED' },
  { what: 'a client that the route does not allow', script: { alpn: ['other'] }, code: 'ERR_GATEWAY_DENIED' },
  { what: 'a chain of 300 kB', script: async ({ alice: { chain, signer } }) => ({ identity: { signer, chain: [chain[0]!, new Uint8Array(300_000)] } }), alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a Certificate of 16 MiB', script: bend('certificate', (b) => b.fill(255, 1, 4)), alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'noise instead of a certificate', script: shown(() => writeCertificate([new Uint8Array(300).fill(0x55)])), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty certificate', script: shown(() => writeCertificate([empty])), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a certificate with a byte behind it', script: shown(({ chain }) => writeCertificate([concat(chain[0]!, Uint8Array.of(0))])), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a request context that was not asked for', script: shown(({ chain }) => writeCertificate(chain, Uint8Array.of(1, 2))), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an extension that was not asked for', script: shown(({ chain }) => writeCertificate(chain, empty, fromHex('000500050100000000'))), alert: 'unsupported_extension', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a byte after Certificate', script: bend('certificate', trailing), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'half a Certificate', script: bend('certificate', (b) => fitted(b.slice(0, b.length >> 1))), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'Certificate in the form of TLS 1.2', script: bend('certificate', (b) => fitted(concat(b.subarray(0, 4), b.subarray(5)))), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'Certificate twice', script: edit('certificate', (m) => [m, m]), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'CertificateVerify first', script: { edit: swapped() }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
]

// biome-ignore format: a fault a line
export const proofFaults: readonly ClientFault[] = [
  { what: 'a signature by another key', script: async (w) => ({ identity: { chain: w.alice.chain, signer: (await w.identity()).signer } }), alert: 'decrypt_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no CertificateVerify', script: edit('certificate_verify', () => []), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'CertificateVerify twice', script: edit('certificate_verify', (m) => [m, m]), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a signature with a bit changed', script: bend('certificate_verify', (b) => { b[b.length - 1]! ^= 1; return b }), alert: 'decrypt_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty signature', script: edit('certificate_verify', () => [writeCertificateVerify({ scheme: 0x0403, signature: empty })]), alert: 'decrypt_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a byte after CertificateVerify', script: bend('certificate_verify', trailing), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: "the server's words signed", script: { content: (hash) => signedContent('server', hash) }, alert: 'decrypt_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'the words of no side signed', script: { content: (hash) => hash }, alert: 'decrypt_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'another handshake signed', script: { content: () => signedContent('client', new Uint8Array(32)) }, alert: 'decrypt_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'PKCS #1 of an RSA key', script: async (w) => ({ identity: await w.identity({ key: 'rsa-2048' }), signsWith: 0x0401, scheme: 0x0401 }), alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'PKCS #1 called PSS', script: async (w) => ({ identity: await w.identity({ key: 'rsa-2048' }), signsWith: 0x0401, scheme: 0x0804 }), alert: 'decrypt_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a scheme of another curve', script: { scheme: 0x0503 }, alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a scheme of another kind of key', script: { scheme: 0x0804 }, alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'ECDSA with SHA-1', script: { scheme: 0x0203 }, alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a scheme nobody has', script: { scheme: 0xfefe }, alert: 'illegal_parameter', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a proof without a certificate', script: { identity: undefined, ...edit('certificate', (m) => [m, writeCertificateVerify({ scheme: 0x0403, signature: new Uint8Array(70) })]) }, alert: 'certificate_required', code: 'ERR_GATEWAY_DENIED' },
]

// biome-ignore format: a fault a line
export const finishedFaults: readonly ClientFault[] = [
  { what: 'a wrong Finished', script: bend('finished', (b) => { b[4]! ^= 1; return b }), alert: 'decrypt_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'an empty Finished', script: edit('finished', () => [made(20)]), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a Finished of 31 bytes', script: bend('finished', (b) => fitted(b.slice(0, -1))), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a byte after Finished', script: bend('finished', trailing), alert: 'decode_error', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'Finished twice', script: edit('finished', (m) => [m, m]), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'no Finished, but data', script: { ...edit('finished', () => [made(99, data)]) }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'data before Finished', script: { before: (name, c) => void (name === 'finished' && c.send(data)) }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a key update before Finished', script: edit('finished', (m) => [made(24, Uint8Array.of(0)), m]), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a key update in the record of Finished', script: { pack: true, ...edit('finished', (m) => [m, made(24, Uint8Array.of(0))]) }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'half a message in the record of Finished', script: { pack: true, ...bend('finished', (b) => concat(b, fromHex('180000'))) }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'the end of early data that was none', script: edit('certificate', (m) => [made(5), m]), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a ticket', script: edit('certificate', (m) => [made(4, fromHex('00001c200000000700000100000000')), m]), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a request for a certificate', script: edit('certificate', (m) => [made(13, fromHex('000008000d000400020403')), m]), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'EncryptedExtensions', script: edit('certificate', (m) => [made(8, fromHex('0000')), m]), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a ServerHello', script: edit('certificate', (m) => [made(2, new Uint8Array(40)), m]), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a message_hash', script: edit('certificate', (m) => [made(254, new Uint8Array(32)), m]), alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'only Finished', script: { edit: (name, m) => (name === 'finished' ? [m] : name === 'client_hello' ? [m] : []) }, alert: 'unexpected_message', code: 'ERR_GATEWAY_HANDSHAKE' },
]

// biome-ignore format: a fault a line
export const resumptionFaults: readonly ClientFault[] = [
  { what: 'a wrong binder', script: resumed((ticket) => ({ ticket, corruptBinder: true })), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'the right ticket with another secret', script: resumed((ticket) => ({ ticket: { ...ticket, psk: new Uint8Array(ticket.psk.length) } })), alert: 'illegal_parameter', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a ticket made up, and no certificate', script: resumed((ticket) => ({ ticket: { ...ticket, identity: new Uint8Array(200).fill(7) }, identity: undefined })), alert: 'certificate_required', code: 'ERR_GATEWAY_DENIED' },
  { what: 'a ticket with a bit changed, and no certificate', script: resumed((ticket) => ({ ticket: { ...ticket, identity: ticket.identity.map((b, i) => (i === 40 ? b ^ 1 : b)) }, identity: undefined })), alert: 'certificate_required', code: 'ERR_GATEWAY_DENIED' },
  { what: "a ticket of another route, and no certificate", script: resumed((ticket) => ({ ticket, alpn: ['other'], identity: undefined })), alert: 'certificate_required', code: 'ERR_GATEWAY_DENIED' },
  { what: 'a ticket, and the modes left out', script: resumed((ticket) => ({ ticket, hello: (h) => extension(h, ext.psk_key_exchange_modes, () => undefined) })), alert: 'missing_extension', clear: true, code: 'ERR_GATEWAY_HANDSHAKE' },
  { what: 'a ticket that is not last', script: resumed((ticket) => ({ ticket, hello: (h) => further(h, 0xfafa, empty) })), alert: 'decode_error', clear: true, code: 'ERR_TLS_DECODE' },
]

export function resumed(script: (ticket: ScriptedClient['tickets'][number]) => ClientScript) {
  return async (world: World): Promise<ClientScript> => script(await world.ticket())
}

async function issuedByItself(w: World): Promise<ClientScript> {
  const own = await w.createAuthority({ name: 'alice' })
  const { signer } = await w.identity({ key: own.key })
  return { identity: { chain: [own.der], signer } }
}

function swapped(): ClientScript['edit'] {
  let held: Parameters<NonNullable<ClientScript['edit']>>[1] | undefined
  return (name, message) => {
    if (name === 'certificate') {
      held = message
      return []
    }
    return name === 'certificate_verify' ? [message, held!] : [message]
  }
}
