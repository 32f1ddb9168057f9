// A certificate and a TLS connection in words and in JSON: what `detect`, `doctor` and `inspect` show of them.
import { type Certificate, type GeneralName, generalNameKinds, nameText, printable } from '../pki/index.js'
import type { TlsInfo } from '../tls/index.js'
import { flag, record, type Schema, text, texts } from './schemas.js'

export interface CertificateFacts {
  readonly subject: string
  readonly issuer: string
  /** DNS names and addresses it is for. */
  readonly names: readonly string[]
  /** ISO 8601. */
  readonly notBefore: string
  readonly notAfter: string
  /** Issued by itself. */
  readonly selfSigned: boolean
}

export interface TlsFacts {
  readonly version: string
  readonly suite: string
  readonly group: string
  readonly alpn?: string
  readonly serverName?: string
  readonly clientCertificate: boolean
  readonly resumed: boolean
  /** Whether a trust anchor vouches for the chain. */
  readonly verified: boolean
  readonly certificate: CertificateFacts
}

export function certificateFacts(certificate: Certificate): CertificateFacts {
  const { subject, issuer, notBefore, notAfter, altNames = [] } = certificate
  return {
    subject: nameText(subject),
    issuer: nameText(issuer),
    names: altNames.flatMap(nameOf),
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
    selfSigned: subject.key === issuer.key,
  }
}

function nameOf({ kind, text: name, bytes }: GeneralName): string[] {
  if (kind === generalNameKinds.dns) return [printable(name)]
  if (kind !== generalNameKinds.ip) return []
  if (bytes.length === 4) return [bytes.join('.')]
  const groups = Array.from({ length: 8 }, (_, index) => (bytes[2 * index]! << 8) | bytes[2 * index + 1]!)
  return [groups.map((group) => group.toString(16)).join(':')]
}

export function tlsFacts(info: TlsInfo): TlsFacts {
  const { version, suite, group, alpn, serverName, clientCertificate, resumed, peer } = info
  return {
    version,
    suite,
    group,
    ...(alpn !== undefined && { alpn }),
    ...(serverName !== undefined && { serverName }),
    clientCertificate,
    resumed,
    verified: peer.verified,
    certificate: certificateFacts(peer.leaf),
  }
}

export const certificateFactsSchema: Schema = record({
  subject: text,
  issuer: text,
  names: texts,
  notBefore: text,
  notAfter: text,
  selfSigned: flag,
})

export const tlsFactsSchema: Schema = record(
  {
    version: text,
    suite: text,
    group: text,
    clientCertificate: flag,
    resumed: flag,
    verified: flag,
    certificate: certificateFactsSchema,
  },
  { alpn: text, serverName: text },
)
