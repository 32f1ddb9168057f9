// Path building and RFC 5280 §6.1 validation in one walk from the leaf upward: every rule about an issuer depends only on
// what lies below it, so a candidate is judged when it is tried and the search turns back at once. Depth-first, hints
// first, with every kind of work counted: no arrangement of certificates makes it run long.
import { equal, hex } from '../bytes/index.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { type ErrorCode, failure, loaded, TunnelError } from '../errors.js'
import { keyProblem, signatureFits } from './algorithms.js'
import { type Certificate, isSelfIssued, type Signed } from './certificate.js'
import type { RevocationCheck } from './crl.js'
import { keyUsageBits } from './extensions.js'
import { verified } from './known.js'
import type { Name } from './names.js'
import { purposeIds } from './oid.js'
import { timeText } from './time.js'
import { certificateIndex, type TrustStore } from './trust.js'

/** What one validation may cost. */
export interface PathLimits {
  /** Certificates in the chain sent by the peer. */
  readonly certificates: number
  /** CA certificates between leaf and anchor; self-issued ones are not counted (as in RFC 5280 §4.2.1.9). */
  readonly intermediates: number
  /** Candidate issuers tried. */
  readonly candidates: number
  /** Signatures verified. */
  readonly signatures: number
  /** Names held against a CA's name constraints, and comparisons with them. */
  readonly comparisons: number
}

export const defaultPathLimits: PathLimits = {
  certificates: 128,
  // The web's longest are three or four; private bridges add a few.
  intermediates: 10,
  candidates: 1000,
  // The count that Go's verifier settled on, for the same kind of search.
  signatures: 100,
  comparisons: 250_000,
}

export interface PathRequest {
  readonly leaf: Certificate
  /** Everything else the peer sent, in any order. */
  readonly others: readonly Uint8Array[]
  readonly trust: TrustStore
  readonly purpose: 'server' | 'client'
  /** By the lists that were handed in; undefined where there are none. */
  readonly revocation: RevocationCheck | undefined
  /** Milliseconds, cut to whole seconds as certificates count them. */
  readonly now: number
  readonly crypto: CryptoProvider
  readonly limits: PathLimits
}

/** The path, leaf … anchor; or what is wrong with the candidate path that came nearest to an anchor. */
export async function buildPath(request: PathRequest): Promise<readonly Certificate[] | Refusal> {
  const search: Search = {
    // What has no readable subject cannot be part of a path, and hinders no other one.
    pool: certificateIndex(request.others, () => {}),
    spent: { candidates: 0, signatures: 0, comparisons: 0 },
    verdicts: new Map(),
    nearest: undefined,
    ...request,
  }
  const { leaf } = request
  const anchored = request.trust
    .find(leaf.subject)
    .some((a) => !(a instanceof TunnelError) && equal(a.der, leaf.der))
  const fault = leafProblem(search, anchored)
  if (fault !== undefined) return fault
  // An anchor that is the leaf itself is a path of one: nothing vouches for it but the caller.
  if (anchored) return [leaf]
  const path = await extend(search, [leaf])
  if (path !== undefined) return path
  const { reason } = search.nearest!
  if (reason instanceof TunnelError) throw reason
  return reason
}

interface Search extends PathRequest {
  readonly pool: Pick<TrustStore, 'find'>
  readonly spent: { candidates: number; signatures: number; comparisons: number }
  /** Signature checks done, by what was signed and with which key. */
  readonly verdicts: Map<Signed, Map<string, boolean>>
  nearest: { readonly rank: number; readonly reason: Refusal | TunnelError } | undefined
}

type Path = readonly [Certificate, ...Certificate[]]

interface Candidate {
  readonly issuer: Certificate
  readonly anchor: boolean
}

async function extend(search: Search, path: Path): Promise<Path | undefined> {
  const child = path.at(-1)!
  const candidates = candidatesFor(search, path)
  if (candidates.length === 0) {
    const refuse = refusing(child, path.length - 1)
    const untrusted = isSelfIssued(child)
      ? refuse('ERR_CERT_UNTRUSTED', 'self-signed')
      : refuse('ERR_CERT_UNTRUSTED', 'unknown issuer', child.issuer)
    note(search, path.length - 1, 0, untrusted)
  }
  for (const { issuer, anchor } of candidates) {
    spend(search, 'candidates')
    const longer: Path = [...path, issuer]
    const error =
      (issuer.nameConstraints && (await malformedConstraints(issuer))) ??
      issuerProblem(search, path, issuer, anchor) ??
      (await signatureProblem(search, path, issuer)) ??
      (await namesProblem(search, path, issuer)) ??
      (await revocationProblem(search, path, issuer))
    if (error !== undefined) {
      note(search, path.length, (anchor ? 100 : 0) + (error.code === 'ERR_CERT_SIGNATURE' ? 0 : 1), error)
      continue
    }
    if (anchor) return longer
    const found = await extend(search, longer)
    if (found !== undefined) return found
  }
  return undefined
}

function candidatesFor(search: Search, path: Path): Candidate[] {
  const child = path.at(-1)!
  const candidates: Candidate[] = []
  for (const [source, anchor] of [
    [search.trust, true],
    [search.pool, false],
  ] as const)
    for (const issuer of source.find(child.issuer)) {
      if (issuer instanceof TunnelError) note(search, path.length, anchor ? 101 : 1, issuer)
      else candidates.push({ issuer, anchor })
    }
  return (
    candidates
      // RFC 4158 §2.4.2: the same subject with the same key twice is a loop.
      .filter(
        ({ issuer }) =>
          !path.some(
            (c) => c.subject.key === issuer.subject.key && equal(c.publicKey.spki, issuer.publicKey.spki),
          ),
      )
      // RFC 5280 §4.2.1.1: key identifiers are hints; they order, and decide nothing.
      .sort((a, b) => likelihood(child, b) - likelihood(child, a))
  )
}

function likelihood({ authorityKeyId }: Certificate, { issuer, anchor }: Candidate): number {
  const known = authorityKeyId !== undefined && issuer.subjectKeyId !== undefined
  return (known ? (equal(authorityKeyId, issuer.subjectKeyId) ? 4 : 0) : 2) + (anchor ? 1 : 0)
}

/** The leaf by itself. */
function leafProblem({ leaf, now, purpose }: Search, anchored: boolean): Refusal | undefined {
  const refuse = refusing(leaf, 0)
  return (
    // RFC 5280 §4.1.2.1: without extensions nothing says what the key is for.
    (leaf.version !== 3 && !anchored ? refuse('ERR_CERT_ENCODING', 'version 1') : undefined) ??
    commonProblem(leaf, refuse, now) ??
    // RFC 5280 §4.2.1.10: name constraints are for CA certificates only.
    (leaf.nameConstraints !== undefined && !leaf.ca
      ? refuse('ERR_CERT_CONSTRAINT', 'name constraints in an end-entity certificate')
      : undefined) ??
    // RFC 5280 §4.2.1.12: anyExtendedKeyUsage may be refused; here it does not stand for the purpose itself.
    (leaf.purposes?.includes(purposeIds[purpose]) === false
      ? refuse('ERR_CERT_PURPOSE', `not for TLS ${purpose}s`)
      : undefined)
  )
}

/** What holds for every certificate of a path. */
function commonProblem(certificate: Certificate, refuse: Refuse, now: number): Refusal | undefined {
  const { notBefore, notAfter, refused, keyUsage, ca, publicKey } = certificate
  // RFC 5280 §4.2: a critical extension that is not recognised refuses the certificate.
  if (refused.length > 0) return refuse('ERR_CERT_CONSTRAINT', `extension ${refused[0]} is not supported`)
  // RFC 5280 §4.1.2.5: from notBefore through notAfter, inclusive.
  if (now < notBefore) return refuse('ERR_CERT_NOT_YET_VALID', `valid from ${timeText(notBefore)}`)
  if (now > notAfter) return refuse('ERR_CERT_EXPIRED', `valid until ${timeText(notAfter)}`)
  const weak = keyProblem(publicKey)
  if (weak !== undefined) return refuse('ERR_CERT_ALGORITHM', weak)
  // RFC 5280 §4.2.1.9: without the CA flag keyCertSign must not be asserted.
  if (!ca && keyUsage?.has(keyUsageBits.keyCertSign))
    return refuse('ERR_CERT_CONSTRAINT', 'keyCertSign without the CA flag')
  return undefined
}

/** Whether a certificate may issue what lies below it; its key has not proven anything yet. */
function issuerProblem(
  search: Search,
  path: Path,
  issuer: Certificate,
  anchor: boolean,
): Refusal | undefined {
  const refuse = refusing(issuer, path.length)
  const { version, ca, keyUsage, pathLength, purposes } = issuer
  const below = path.slice(1).filter((c) => !isSelfIssued(c)).length
  const common = commonProblem(issuer, refuse, search.now)
  if (common !== undefined) return common
  // RFC 5280 §6.1.4 (k): a CA. A version 1 certificate cannot say so; as an anchor the caller said it.
  if (!ca && !(version === 1 && anchor)) return refuse('ERR_CERT_CONSTRAINT', 'not a CA')
  // RFC 5280 §6.1.4 (n).
  if (keyUsage?.has(keyUsageBits.keyCertSign) === false)
    return refuse('ERR_CERT_CONSTRAINT', 'no keyCertSign in its key usage')
  // RFC 5280 §6.1.4 (l), (m): intermediates that are not self-issued count.
  if (pathLength !== undefined && below > pathLength)
    return refuse('ERR_CERT_CONSTRAINT', `its path length is ${pathLength}`)
  if (below + (anchor || isSelfIssued(issuer) ? 0 : 1) > search.limits.intermediates)
    return refuse('ERR_CERT_BUDGET', `more than ${search.limits.intermediates} intermediates`)
  // Extended key usage of a CA restricts what it issues, as all of the web's verifiers have it.
  if (
    purposes !== undefined &&
    !purposes.includes(purposeIds[search.purpose]) &&
    !purposes.includes(purposeIds.any)
  )
    return refuse('ERR_CERT_PURPOSE', `may not issue for TLS ${search.purpose}s`)
  return undefined
}

async function signatureProblem(
  search: Search,
  path: Path,
  issuer: Certificate,
): Promise<Refusal | undefined> {
  const child = path.at(-1)!
  const refuse = refusing(child, path.length - 1)
  if (child.signed.algorithm === undefined)
    return refuse('ERR_CERT_ALGORITHM', 'its signature algorithm is not accepted')
  // A provider may lack what is acceptable; another path may do without it.
  if (
    !search.crypto.canVerify(child.signed.algorithm, issuer.publicKey.key) &&
    signatureFits(child.signed.algorithm, issuer.publicKey)
  )
    return refuse('ERR_CRYPTO_UNAVAILABLE', `${child.signed.algorithm.kind} signatures`)
  return (await verifies(search, child.signed, issuer))
    ? undefined
    : refuse('ERR_CERT_SIGNATURE', 'not signed by its issuer', issuer.subject)
}

/** Constraints that cannot be read refuse a certificate, as anything in it does, whether they apply to something or not. */
export async function malformedConstraints({
  nameConstraints,
}: Certificate): Promise<TunnelError | undefined> {
  const { constraintsError } = await loaded(import('./constraints.js'))
  return constraintsError(nameConstraints!)
}

/** RFC 5280 §6.1.3 (b), (c), for all that lies below the issuer. */
async function namesProblem(search: Search, path: Path, issuer: Certificate): Promise<Refusal | undefined> {
  const { nameConstraints } = issuer
  if (nameConstraints === undefined) return undefined
  const { constrainedNames, constraintProblem, constraintsOf, shownName } = await loaded(
    import('./constraints.js'),
  )
  const constraints = constraintsOf(nameConstraints)
  for (const [depth, certificate] of path.entries()) {
    // Self-issued certificates are exempt unless they are the leaf.
    if (depth > 0 && isSelfIssued(certificate)) continue
    const names = constrainedNames(certificate.subject, certificate.altNames)
    const broken = constraintProblem(constraints, names, () => spend(search, 'comparisons'))
    if (broken === undefined) continue
    const refuse = refusing(certificate, depth)
    return refuse('ERR_CERT_CONSTRAINT', `${shownName(broken)} is outside the name constraints of its CA`)
  }
  return undefined
}

async function revocationProblem(
  search: Search,
  path: Path,
  issuer: Certificate,
): Promise<Refusal | undefined> {
  const child = path.at(-1)!
  const found = await search.revocation?.(child, issuer, search.now, (signed) =>
    verifies(search, signed, issuer),
  )
  if (found === 'revoked') return refusing(child, path.length - 1)('ERR_CERT_REVOKED')
  return typeof found === 'object' ? refusing(issuer, path.length)('ERR_CERT_CRL', found.unusable) : undefined
}

/** One signature, verified once. */
async function verifies(search: Search, signed: Signed, issuer: Certificate): Promise<boolean> {
  const { algorithm, signature, data } = signed
  const { publicKey } = issuer
  if (algorithm === undefined || !signatureFits(algorithm, publicKey)) return false
  const proven = verified.get(signed)
  if (proven?.[0] === publicKey && proven[1] === search.crypto) {
    spend(search, 'signatures')
    return true
  }
  const known = search.verdicts.get(signed) ?? new Map<string, boolean>()
  search.verdicts.set(signed, known)
  const key = hex(publicKey.bits)
  const before = known.get(key)
  if (before !== undefined) return before
  spend(search, 'signatures')
  const answer = search.crypto.verify(algorithm, publicKey, signature, data)
  const verdict = typeof answer === 'boolean' ? answer : await answer
  known.set(key, verdict)
  if (verdict) verified.set(signed, [publicKey, search.crypto])
  return verdict
}

function spend(search: Search, what: keyof Search['spent']): void {
  if (++search.spent[what] > search.limits[what])
    throw failure('ERR_CERT_BUDGET', `more than ${search.limits[what]} ${what}`)
}

/** Keep the error of the longest path, and of one that reached an anchor before any other. */
function note(search: Search, length: number, weight: number, reason: Refusal | TunnelError): void {
  const rank = 4 * length + weight
  if (search.nearest === undefined || rank > search.nearest.rank) search.nearest = { rank, reason }
}

type Refuse = (code: ErrorCode, detail?: string, about?: Name) => Refusal

/** Says what is wrong with a certificate of a path. */
function refusing(of: Certificate, depth: number): Refuse {
  return (code, detail, about) => ({ code, detail, depth, of, about })
}

/** Why a certificate is refused. */
export interface Refusal {
  readonly code: ErrorCode
  readonly detail?: string | undefined
  readonly depth: number
  readonly of: Certificate
  /** What the detail is about: a name that stands behind it, or the server that a leaf is not for. */
  readonly about?: Name | string | undefined
}

/** The error for it. What only makes it readable is loaded, and left out where that fails. */
export async function refused(refusal: Refusal): Promise<TunnelError> {
  const { code, detail, depth } = refusal
  try {
    const { explained } = await import('./refusal.js')
    return explained(refusal)
  } catch {
    return failure(code, detail, { depth })
  }
}
