// Who may pass, once TLS has proved the certificate: rules over the subject and the subject alternative names. Chain,
// validity and purpose are OpenSSL's business, in `handshake.ts`; nothing here looks at bytes that were not verified.
import type { TLSSocket } from 'node:tls'
import { failure } from '../errors-node.js'
import { type ClientNames, clientCertificate } from './client-names.js'
import type { ClientFacts } from './events.js'
import type { ClientRule, Match } from './options.js'

/** What a checked policy asks beyond the chain. */
export interface Admittance {
  readonly allow: readonly ClientRule[] | undefined
  /** As `normalPin` writes them. */
  readonly pins: readonly string[] | undefined
}

/** The facts of an admitted client; throws ERR_GATEWAY_DENIED. `now` is milliseconds since 1970. */
export function admitClient(secure: TLSSocket, { allow, pins }: Admittance, now: number): ClientFacts {
  const certificate = secure.authorized ? clientCertificate(secure) : undefined
  if (certificate === undefined)
    throw failure('ERR_GATEWAY_DENIED', 'the client showed no verified certificate')
  const { names, notAfter } = certificate
  // A resumed session vouches for a chain verified earlier, perhaps before it expired.
  if (!(now <= notAfter)) throw failure('ERR_GATEWAY_DENIED', 'the certificate has expired')
  if (pins !== undefined && !pins.includes(names.spki)) {
    throw failure('ERR_GATEWAY_DENIED', "the client's key is none of the route's pins")
  }
  if (allow !== undefined && !allow.some((rule) => holds(rule, names))) {
    throw failure('ERR_GATEWAY_DENIED', 'the certificate is of a client that the route does not allow')
  }
  return {
    subject: certificate.subject,
    commonName: names.commonName,
    serialNumber: certificate.serialNumber,
    fingerprint: certificate.fingerprint,
    notAfter,
    dns: [...names.dns],
    uri: [...names.uri],
    spki: names.spki,
    certificate: Buffer.from(certificate.der),
  }
}

/** Whether every field of the rule holds. A rule that asks nothing admits nobody. */
export function holds(rule: ClientRule, names: ClientNames): boolean {
  const asked: boolean[] = []
  if (rule.commonName !== undefined) asked.push(matches(rule.commonName, names.commonName))
  if (rule.organization !== undefined) {
    asked.push(names.organization.some((name) => matches(rule.organization!, name)))
  }
  if (rule.organizationalUnit !== undefined) {
    asked.push(names.organizationalUnit.some((name) => matches(rule.organizationalUnit!, name)))
  }
  if (rule.dns !== undefined) asked.push(names.dns.some((name) => matches(rule.dns!, name)))
  if (rule.uri !== undefined) asked.push(names.uri.some((name) => matches(rule.uri!, name)))
  if (rule.email !== undefined) asked.push(names.email.some((name) => matches(rule.email!, name)))
  if (rule.ip !== undefined) asked.push(names.ip.some((name) => matches(rule.ip!, name)))
  if (rule.spki !== undefined) asked.push(normalPin(rule.spki) === names.spki)
  return asked.length > 0 && asked.every(Boolean)
}

/** A SHA-256 as base64, from `sha256/<base64>`, base64 or hexadecimal; undefined for anything else. */
export function normalPin(text: string): string | undefined {
  const bare = text.replace(/^sha256\//, '')
  const hex = bare.replaceAll(':', '')
  if (/^[0-9a-f]{64}$/i.test(hex)) return Buffer.from(hex, 'hex').toString('base64')
  return /^[A-Za-z0-9+/]{43}=$/.test(bare) ? bare : undefined
}

function matches(wanted: Match, value: string | undefined): boolean {
  if (value === undefined) return false
  if (typeof wanted === 'string') return value === wanted
  // Whole values only; and a fresh pattern, so that a `g` flag carries no state from client to client.
  return new RegExp(`^(?:${wanted.source})$`, wanted.flags.replace(/[gym]/g, '')).test(value)
}
