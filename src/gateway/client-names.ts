// What a verified client certificate says: names, key and dates, read once for each certificate. Whether it is verified, and
// still valid, is asked of every connection elsewhere; what it says cannot change. In a table of fixed size.
import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

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

export interface ClientCertificate {
  readonly names: ClientNames
  readonly subject: string
  readonly serialNumber: string
  /** SHA-256 of the certificate, in hexadecimal with colons. */
  readonly fingerprint: string
  /** Milliseconds since 1970; NaN where OpenSSL's text is no date. */
  readonly notAfter: number
  /** DER. */
  readonly der: Buffer
}

/** Clients that come again and again are few, or come through few proxies. */
const MAX_KNOWN = 256

/** By fingerprint; the one that was read first leaves first. */
const known = new Map<string, ClientCertificate>()

/** Of a connection whose client was authorized. */
export function clientCertificate(secure: TLSSocket): ClientCertificate | undefined {
  const certificate = secure.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  const { fingerprint256: fingerprint } = certificate
  const before = known.get(fingerprint)
  if (before !== undefined) return before
  const read = readCertificate(secure, certificate, fingerprint)
  known.set(fingerprint, read)
  for (const oldest of known.keys()) {
    if (known.size <= MAX_KNOWN) break
    known.delete(oldest)
  }
  return read
}

function readCertificate(
  secure: TLSSocket,
  certificate: X509Certificate,
  fingerprint: string,
): ClientCertificate {
  const subject = secure.getPeerCertificate(false).subject as Partial<Record<string, string | string[]>>
  return {
    names: {
      commonName: single(subject?.CN),
      organization: several(subject?.O),
      organizationalUnit: several(subject?.OU),
      ...alternativeNames(certificate.subjectAltName ?? ''),
      spki: keyHash(certificate),
    },
    subject: certificate.subject,
    serialNumber: certificate.serialNumber,
    fingerprint,
    notAfter: Date.parse(certificate.validTo),
    der: certificate.raw,
  }
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
