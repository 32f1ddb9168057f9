// What the runner wants us to have seen, checked against what the library tells its users: `TlsInfo`, the trace, and what
// the callbacks were given.
import { readFileSync } from 'node:fs'
import { equal, hex } from '../../src/bytes/index.js'
import type { Group } from '../../src/crypto/provider.js'
import { parsePem } from '../../src/pki/index.js'
import { readCertificate } from '../../src/tls/messages/certificate.js'
import { readCertificateRequest } from '../../src/tls/messages/certificate-request.js'
import { readCertificateRequest12 } from '../../src/tls/messages/certificate-request12.js'
import { readCertificate12 } from '../../src/tls/messages/certificate12.js'
import type { HandshakeMessage } from '../../src/tls/messages/message.js'
import type { TlsInfo } from '../../src/tls/options.js'
import { handshakeType, signatureSchemes, TLS12, TLS13 } from '../../src/tls/registry.js'
import type { TraceEvent } from '../../src/trace.js'
import type { Credentials } from './credentials.js'
import type { Settings } from './flags.js'

/** An `-expect-…` flag did not hold. */
export class Unexpected extends Error {}

export interface Seen {
  readonly info: TlsInfo
  readonly trace: readonly TraceEvent[]
  readonly credentials: Credentials
  readonly groups: readonly Group[]
  /** Whether a session was offered on this connection. */
  readonly resuming: boolean
}

/** What holds once the handshake is over. Raises `Unexpected`. */
export function checkHandshake(
  settings: Settings,
  { info, trace, credentials, groups, resuming }: Seen,
): void {
  const { suite } = info
  const schemeId = signatureSchemes.find(({ name }) => name === info.signature)?.id
  same('-expect-alpn', settings.expectAlpn, info.alpn)
  same('-expect-version', settings.expectVersion, info.version === 'TLSv1.3' ? TLS13 : TLS12)
  same('-expect-curve-id', settings.expectCurve, groups.find(({ name }) => name === info.group)?.id)
  same('-expect-peer-signature-algorithm', settings.expectSignature, schemeId)
  same('-expect-cipher', settings.expectCipher, suiteIds[suite])
  same('-expect-hrr', settings.expectRetry, sent(trace, 'client_hello').length > 1)
  same('-expect-selected-credential', settings.expectSelectedCredential, credentials.chosen())
  if (settings.expectVerifyResult) same('-expect-verify-result', !settings.verifyFail, info.peer.verified)
  if (resuming) same('resumption', !settings.expectSessionMiss, info.resumed)
  checkPeerChain(settings, info, trace)
  checkRequest(settings, info, trace)
}

/** What holds when the connection is over: RFC 8446 §4.6.1 tickets come after the handshake. */
export function checkSessions(settings: Settings, info: TlsInfo, received: number): void {
  if (settings.noTicket || settings.shimShutsDown) return
  const wanted =
    !settings.expectNoSession && (info.version === 'TLSv1.3' || !info.resumed || settings.expectTicketRenewal)
  same('a new session', wanted, received > 0)
}

function checkPeerChain(
  { expectPeerCertFile }: Settings,
  { version }: TlsInfo,
  trace: readonly TraceEvent[],
): void {
  if (expectPeerCertFile === undefined) return
  const wanted = parsePem(readFileSync(expectPeerCertFile, 'utf8')).map(({ der }) => der)
  const [bytes] = received(trace, 'certificate')
  const chain = bytes === undefined ? [] : chainOf({ type: handshakeType.certificate, bytes }, version)
  if (chain.length !== wanted.length || !chain.every((der, i) => equal(der, wanted[i]!)))
    throw new Unexpected('-expect-peer-cert-file')
}

function chainOf(message: HandshakeMessage, version: TlsInfo['version']): readonly Uint8Array[] {
  return version === 'TLSv1.3' ? readCertificate(message).value.chain : readCertificate12(message).value
}

function checkRequest(settings: Settings, { version }: TlsInfo, trace: readonly TraceEvent[]): void {
  const { expectClientCaList, expectPeerVerifyPrefs, expectCertificateTypes } = settings
  if (
    expectClientCaList === undefined &&
    expectPeerVerifyPrefs.length === 0 &&
    expectCertificateTypes === undefined
  )
    return
  const [bytes] = received(trace, 'certificate_request')
  if (bytes === undefined) throw new Unexpected('no CertificateRequest')
  const message = { type: handshakeType.certificate_request, bytes }
  const { value } =
    version === 'TLSv1.3' ? readCertificateRequest(message) : readCertificateRequest12(message)
  if ('types' in value)
    same('-expect-certificate-types', expectCertificateTypes, Buffer.from(value.types).toString('base64'))
  if (expectClientCaList !== undefined) {
    const names = value.authorities.length === 0 ? '<EMPTY>' : value.authorities.map(hex).join(',')
    same('-expect-client-ca-list', expectClientCaList, names)
  }
  if (expectPeerVerifyPrefs.length > 0)
    same('-expect-peer-verify-pref', String(expectPeerVerifyPrefs), String(value.signatureSchemes))
}

function same<T>(what: string, wanted: T | undefined, got: T | undefined): void {
  if (wanted !== undefined && wanted !== got) throw new Unexpected(`${what}: ${wanted} wanted, ${got} seen`)
}

function sent(trace: readonly TraceEvent[], name: string): Uint8Array[] {
  return messages(trace, 'sent', name)
}

function received(trace: readonly TraceEvent[], name: string): Uint8Array[] {
  return messages(trace, 'received', name)
}

function messages(trace: readonly TraceEvent[], direction: 'sent' | 'received', name: string): Uint8Array[] {
  return trace.flatMap((event) =>
    event.type === 'message' && event.direction === direction && event.name === name ? [event.bytes] : [],
  )
}

/** IANA names to ids, for `TlsInfo.suite`. */
const suiteIds: Readonly<Record<string, number>> = {
  TLS_AES_128_GCM_SHA256: 0x1301,
  TLS_AES_256_GCM_SHA384: 0x1302,
  TLS_CHACHA20_POLY1305_SHA256: 0x1303,
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 0xc02b,
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 0xc02c,
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 0xc02f,
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 0xc030,
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca8,
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca9,
}
