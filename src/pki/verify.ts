// The verdict about a peer's chain: a path to an anchor, then the name, then the pins. The only file that makes a
// `VerifiedChain`.
import { type Bytes, equal } from '../bytes/index.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { failure, loaded } from '../errors.js'
import { type Certificate, parseCertificate } from './certificate.js'
import { knownCertificate, rememberCertificates } from './known.js'
import { nameText, printable } from './names.js'
import { buildPath, defaultPathLimits, type PathLimits } from './path.js'
import { matchesServerName, presentedNames } from './server-name.js'
import type { TrustStore, UnverifiedTrust } from './trust.js'

/** What a chain must satisfy. */
export interface ChainExpectation {
  readonly trust: TrustStore | UnverifiedTrust
  /** DNS name (A-labels) or IP literal that the leaf must be for; no name is checked without it. */
  readonly serverName?: string
  /** What the peer is. */
  readonly purpose: 'server' | 'client'
  /** SHA-256 of SubjectPublicKeyInfo: one certificate of the path must have one of these keys. */
  readonly pins?: readonly Bytes[]
  /** DER revocation lists. A certificate whose issuer has none here is not checked for revocation. */
  readonly crls?: readonly Uint8Array[]
}

export interface VerifiedChain {
  readonly leaf: Certificate
  /** Leaf … anchor. When not verified: the leaf alone. */
  readonly path: readonly Certificate[]
  /** False only for `UnverifiedTrust`. */
  readonly verified: boolean
}

export interface ChainInput {
  /** DER, leaf first, the rest in any order. */
  readonly chain: readonly Uint8Array[]
  readonly expectation: ChainExpectation
  /** Milliseconds since 1970. */
  readonly now: number
  readonly crypto: CryptoProvider
  readonly limits?: Partial<PathLimits>
}

/** Throws ERR_CERT_* (see the code table), with `depth` 0 for the leaf and `subject` where one certificate is at fault. */
export async function verifyChain({
  chain,
  expectation,
  now,
  crypto,
  limits,
}: ChainInput): Promise<VerifiedChain> {
  const { trust, serverName, purpose, pins, crls } = expectation
  const bounds = { ...defaultPathLimits, ...limits }
  const [first, ...others] = chain
  if (first === undefined) throw failure('ERR_CERT_MISSING')
  if (chain.length > bounds.certificates)
    throw failure(
      'ERR_CERT_BUDGET',
      `${chain.length} certificates were sent, ${bounds.certificates} are allowed`,
    )
  const leaf = knownCertificate(first) ?? parseCertificate(first)
  const verified = trust.kind === 'anchors'
  const path = verified
    ? await buildPath({
        leaf,
        others,
        trust,
        purpose,
        revocation: crls?.length ? (await loaded(import('./crl.js'))).revocationBy(crls) : undefined,
        // RFC 5280 §4.1.2.5: validity is counted in seconds.
        now: Math.floor(now / 1000) * 1000,
        crypto,
        limits: bounds,
      })
    : [leaf]
  if (verified && serverName !== undefined) leafMustBeFor(leaf, serverName)
  if (pins !== undefined && pins.length > 0) {
    const hash = crypto.hashes['SHA-256']
    const pinned = path.some((c) => pins.some((pin) => equal(pin, hash.digest(c.publicKey.spki))))
    if (!pinned) throw failure('ERR_CERT_PINNED', undefined, { depth: 0, subject: nameText(leaf.subject) })
  }
  if (verified) rememberCertificates(path)
  return { leaf, path, verified }
}

function leafMustBeFor(leaf: Certificate, serverName: string): void {
  const presented = leaf.altNames ?? []
  // RFC 9525 §2: only subjectAltName; the common name is no identity.
  if (!matchesServerName(serverName, presented))
    throw failure(
      'ERR_CERT_NAME_MISMATCH',
      `${printable(serverName)} is not among ${presentedNames(presented)}`,
      {
        depth: 0,
        subject: nameText(leaf.subject),
      },
    )
}
