// Certificate revocation lists that the caller hands in (RFC 5280 §5 and §6.3): complete lists of the issuer itself.
// Nothing is fetched. A list that is there and cannot be used fails closed; that none is there fails nothing.
import { type Bytes, equal } from '../bytes/index.js'
import { der, tags } from '../der/index.js'
import { type Certificate, readSigned, type Signed } from './certificate.js'
import { keyUsageBits, readAuthorityKeyId, readEachExtension } from './extensions.js'
import { type Name, readName } from './names.js'
import { extensionIds } from './oid.js'
import { readTime } from './time.js'

/** What lists say of a certificate; `verifies` tells whether the issuer made a signature. */
export type RevocationCheck = (
  certificate: Certificate,
  issuer: Certificate,
  now: number,
  verifies: (signed: Signed) => Promise<boolean>,
) => Promise<'revoked' | 'unknown' | { readonly unusable: string }>

export interface RevocationList {
  readonly issuer: Name
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
  readonly authorityKeyId: Bytes | undefined
  /** Content octets of the serial numbers. */
  readonly revoked: readonly Bytes[]
  readonly signed: Signed
  /** What forbids its use, or undefined. */
  readonly problem: string | undefined
}

/** Largest list that is read, in bytes. */
const MAX_CRL = 16 << 20

const reasonCode = '2.5.29.21'
const invalidityDate = '2.5.29.24'

/** One DER CertificateList. Throws ERR_CERT_CRL. */
export function parseRevocationList(encoded: Uint8Array): RevocationList {
  const [tbs, signed] = readSigned(der(new Uint8Array(encoded), 'ERR_CERT_CRL', MAX_CRL))
  // RFC 5280 §5.1.2.1: version 2, since there are extensions.
  if (tbs.small() !== 1) tbs.fail('not a version 2 list')
  tbs.sequence()
  const issuer = readName(tbs)
  const thisUpdate = readTime(tbs)
  const next = tbs.peek()
  const nextUpdate = next === tags.utcTime || next === tags.generalizedTime ? readTime(tbs) : undefined
  let problem: string | undefined
  const revoked: Bytes[] = []
  const entries = tbs.optional(tags.sequence)
  while (entries?.more) {
    const entry = entries.sequence()
    revoked.push(entry.integer())
    readTime(entry)
    if (entry.more)
      readEachExtension(entry.sequence(), (id, _value, critical) => {
        if (critical && id !== reasonCode && id !== invalidityDate)
          problem = `a critical entry extension ${id}`
      })
    entry.end()
  }
  let authorityKeyId: Bytes | undefined
  let number = false
  const extensions = tbs.optional(0xa0)
  if (extensions !== undefined)
    readEachExtension(extensions.inside(tags.sequence), (id, value, critical) => {
      if (id === extensionIds.authorityKeyIdentifier) authorityKeyId = readAuthorityKeyId(value.next())
      if (id === extensionIds.crlNumber) number = true
      // RFC 5280 §5.2: a list with a critical extension that is not processed must not be used (delta and indirect
      // lists are of that kind). §5.2.3: cRLNumber is not critical.
      if (critical) problem = `a critical extension ${id}`
    })
  tbs.end()
  // RFC 5280 §5.2.3: all lists include it.
  if (!number) problem ??= 'no cRLNumber'
  return { issuer, thisUpdate, nextUpdate, authorityKeyId, revoked, signed, problem }
}

/** Revocation by these lists (DER). Throws ERR_CERT_CRL for one that cannot be read. */
export function revocationBy(encoded: readonly Uint8Array[]): RevocationCheck {
  const lists = encoded.map(parseRevocationList)
  return async ({ serialNumber }, issuer, now, verifies) => {
    for (const list of listsOf(issuer, lists)) {
      const unusable =
        listProblem(list, issuer, now) ??
        ((await verifies(list.signed)) ? undefined : 'its signature is wrong')
      if (unusable !== undefined) return { unusable }
      if (list.revoked.some((serial) => equal(serial, serialNumber))) return 'revoked'
    }
    return 'unknown'
  }
}

/** The lists that speak for certificates of this issuer. */
function listsOf(issuer: Certificate, lists: readonly RevocationList[]): RevocationList[] {
  return lists.filter(
    ({ issuer: name, authorityKeyId: id }) =>
      name.key === issuer.subject.key &&
      (id === undefined || issuer.subjectKeyId === undefined || equal(id, issuer.subjectKeyId)),
  )
}

/** Why a list of this issuer cannot be used now, its signature apart; or undefined. */
function listProblem(list: RevocationList, issuer: Certificate, now: number): string | undefined {
  // RFC 5280 §6.3.3 (f): the issuer's key usage, if present, allows signing lists.
  if (issuer.keyUsage?.has(keyUsageBits.crlSign) === false) return 'its issuer may not sign revocation lists'
  if (now < list.thisUpdate) return 'it is not valid yet'
  // RFC 5280 §5.1.2.5: conforming lists say when the next one comes; one that does not never ages.
  if (list.nextUpdate !== undefined && now > list.nextUpdate) return 'it is out of date'
  return list.problem
}
