// Who may pass, once TLS has proved the certificate: rules over the subject and the subject alternative names. Chain,
// validity and purpose are OpenSSL's business, in `handshake.ts`; nothing here looks at bytes that were not verified.
import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { failure } from '../errors-node.js'
import type { ClientFacts } from './events.js'
import type { ClientRule, Match } from './options.js'

/** The names in a certificate that rules may look at. */
export interface ClientNames {
  readonly commonName: string | undefined
  readonly organization: readonly string[]
  readonly organizationalUnit: readonly string[]
  readonly dns: readonly string[]
  readonly uri: readonly string[]
  readonly email: readonly string[]
  readonly ip: readonly string[]
  /** SHA-256 of the SubjectPublicKeyInfo, base64. */
  readonly spki: string
}

/** What a checked policy asks beyond the chain. */
export interface Admittance {
  readonly allow: readonly ClientRule[] | undefined
  /** As `normalPin` writes them. */
  readonly pins: readonly string[] | undefined
}

/** The facts of an admitted client; throws ERR_GATEWAY_DENIED. `now` is milliseconds since 1970. */
export function admitClient(secure: TLSSocket, { allow, pins }: Admittance, now: number): ClientFacts {
  const certificate = secure.getPeerX509Certificate()
  if (!secure.authorized || certificate === undefined) {
    throw failure('ERR_GATEWAY_DENIED', 'the client showed no verified certificate')
  }
  // A resumed session vouches for a chain verified earlier, perhaps before it expired.
  const notAfter = Date.parse(certificate.validTo)
  if (!(now <= notAfter)) throw failure('ERR_GATEWAY_DENIED', 'the certificate has expired')
  const subject = secure.getPeerCertificate(false).subject as Partial<Record<string, string | string[]>>
  const names: ClientNames = {
    commonName: single(subject?.CN),
    organization: several(subject?.O),
    organizationalUnit: several(subject?.OU),
    ...alternativeNames(certificate.subjectAltName ?? ''),
    spki: keyHash(certificate),
  }
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
    fingerprint: certificate.fingerprint256,
    notAfter,
    dns: names.dns,
    uri: names.uri,
    spki: names.spki,
    certificate: certificate.raw,
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

/** Node's text of the extension: `DNS:a, URI:"quoted where the value could be mistaken for syntax"`. */
export function alternativeNames(text: string): Pick<ClientNames, 'dns' | 'uri' | 'email' | 'ip'> {
  const names = { dns: [] as string[], uri: [] as string[], email: [] as string[], ip: [] as string[] }
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/gy
  for (let found = entry.exec(text); found !== null && found[0] !== ''; found = entry.exec(text)) {
    const raw = found[2]!
    const value = raw.startsWith('"') ? (JSON.parse(raw) as string) : raw
    if (found[1] === 'DNS') names.dns.push(value)
    else if (found[1] === 'URI') names.uri.push(value)
    else if (found[1] === 'email') names.email.push(value)
    else if (found[1] === 'IP Address') names.ip.push(value)
  }
  return names
}

function matches(wanted: Match, value: string | undefined): boolean {
  if (value === undefined) return false
  if (typeof wanted === 'string') return value === wanted
  // Whole values only; and a fresh pattern, so that a `g` flag carries no state from client to client.
  return new RegExp(`^(?:${wanted.source})$`, wanted.flags.replace(/[gym]/g, '')).test(value)
}

function keyHash(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('base64')
}

function several(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : [value].flat()
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
