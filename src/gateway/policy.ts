// Who may pass, once TLS has proved the certificate: rules over the subject and the subject alternative names. Chain,
// validity and purpose are OpenSSL's business, in `handshake.ts`; nothing here looks at bytes that were not verified.
import type { TLSSocket } from 'node:tls'
import { failure } from '../errors.js'
import type { ClientFacts } from './events.js'
import type { ClientRule, Match } from './options.js'

/** The names in a certificate that rules may look at. */
export interface ClientNames {
  readonly commonName: string | undefined
  readonly dns: readonly string[]
  readonly uri: readonly string[]
  readonly email: readonly string[]
}

/** The facts of an admitted client; throws ERR_GATEWAY_DENIED. `now` is milliseconds since 1970. */
export function admitClient(
  secure: TLSSocket,
  rules: readonly ClientRule[] | undefined,
  now: number,
): ClientFacts {
  const certificate = secure.getPeerX509Certificate()
  if (!secure.authorized || certificate === undefined) {
    throw failure('ERR_GATEWAY_DENIED', 'the client showed no verified certificate')
  }
  // A resumed session vouches for a chain verified earlier, perhaps before it expired.
  const notAfter = Date.parse(certificate.validTo)
  if (!(now <= notAfter)) throw failure('ERR_GATEWAY_DENIED', 'the certificate has expired')
  const names: ClientNames = {
    commonName: single(secure.getPeerCertificate(false).subject?.CN),
    ...alternativeNames(certificate.subjectAltName ?? ''),
  }
  if (rules !== undefined && !rules.some((rule) => holds(rule, names))) {
    throw failure('ERR_GATEWAY_DENIED', 'the certificate is of a client that the route does not allow')
  }
  return {
    subject: certificate.subject,
    commonName: names.commonName,
    serialNumber: certificate.serialNumber,
    fingerprint: certificate.fingerprint256,
    notAfter,
  }
}

/** Whether every field of the rule holds. A rule that asks nothing admits nobody. */
export function holds(rule: ClientRule, names: ClientNames): boolean {
  const asked: boolean[] = []
  if (rule.commonName !== undefined) asked.push(matches(rule.commonName, names.commonName))
  if (rule.dns !== undefined) asked.push(names.dns.some((name) => matches(rule.dns!, name)))
  if (rule.uri !== undefined) asked.push(names.uri.some((name) => matches(rule.uri!, name)))
  if (rule.email !== undefined) asked.push(names.email.some((name) => matches(rule.email!, name)))
  return asked.length > 0 && asked.every(Boolean)
}

/** Node's text of the extension: `DNS:a, URI:"quoted where the value could be mistaken for syntax"`. */
export function alternativeNames(text: string): Omit<ClientNames, 'commonName'> {
  const names = { dns: [] as string[], uri: [] as string[], email: [] as string[] }
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/gy
  for (let found = entry.exec(text); found !== null && found[0] !== ''; found = entry.exec(text)) {
    const raw = found[2]!
    const value = raw.startsWith('"') ? (JSON.parse(raw) as string) : raw
    if (found[1] === 'DNS') names.dns.push(value)
    else if (found[1] === 'URI') names.uri.push(value)
    else if (found[1] === 'email') names.email.push(value)
  }
  return names
}

function matches(wanted: Match, value: string | undefined): boolean {
  if (value === undefined) return false
  if (typeof wanted === 'string') return value === wanted
  // Whole values only; and a fresh pattern, so that a `g` flag carries no state from client to client.
  return new RegExp(`^(?:${wanted.source})$`, wanted.flags.replace(/[gym]/g, '')).test(value)
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
