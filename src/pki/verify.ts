// The verdict about a peer's chain: a path to an anchor, then the name, then the pins. The only file that makes a
// `VerifiedChain`.
import { type Bytes, equal } from '../bytes/index.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { failure, loaded } from '../errors.js'
import { type Certificate, readCertificate } from './certificate.js'
import { knownCertificate, rememberCertificates } from './known.js'
import {
  buildPath,
  defaultPathLimits,
  malformedConstraints,
  type PathLimits,
  type Refusal,
  refused,
} from './path.js'
import { matchesServerName } from './server-name.js'
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

export interface ChainInput extends Chain {
  readonly expectation: ChainExpectation
}

interface Chain {
  /** DER, leaf first, the rest in any order. */
  readonly chain: readonly Uint8Array[]
  /** Milliseconds since 1970. */
  readonly now: number
  readonly crypto: CryptoProvider
  readonly limits?: Partial<PathLimits>
}

/** Throws ERR_CERT_* (see the code table), with `depth` 0 for the leaf and `subject` where one certificate is at fault. */
export function verifyChain(input: ChainInput): Promise<VerifiedChain> {
  return verifyAny(input, [input.expectation])
}

/** The verdict by the first of some expectations that the chain satisfies. When it satisfies none, throws the first one's error. */
export async function verifyAny(
  input: Chain,
  expectations: readonly [ChainExpectation, ...ChainExpectation[]],
): Promise<VerifiedChain> {
  // To say why one refused it is only worth its while when no other one takes it.
  let why: (() => unknown) | undefined
  for (const expectation of expectations) {
    try {
      const verdict = await judge(input, expectation)
      if ('verified' in verdict) return verdict
      why ??= () => refused(verdict)
    } catch (error) {
      why ??= () => error
    }
  }
  throw await why!()
}

async function judge(
  { chain, now, crypto, limits }: Chain,
  expectation: ChainExpectation,
): Promise<VerifiedChain | Refusal> {
  const { trust, serverName, purpose, pins, crls } = expectation
  // A clock that is no number is before nothing and after nothing: every certificate would be in its time.
  if (!Number.isFinite(now)) throw failure('ERR_CONFIG_INVALID', '`now`')
  const bounds = { ...defaultPathLimits, ...limits }
  const [first, ...others] = chain
  if (first === undefined) throw failure('ERR_CERT_MISSING')
  if (chain.length > bounds.certificates)
    throw failure('ERR_CERT_BUDGET', `more than ${bounds.certificates} certificates`)
  const leaf = knownCertificate(first) ?? readCertificate(first)
  const malformed = leaf.nameConstraints && (await malformedConstraints(leaf))
  if (malformed !== undefined) throw malformed
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
  if ('code' in path) return path
  // RFC 9525 §2: only subjectAltName; the common name is no identity.
  if (verified && serverName !== undefined && !matchesServerName(serverName, leaf.altNames ?? []))
    return { code: 'ERR_CERT_NAME_MISMATCH', depth: 0, of: leaf, about: serverName }
  if (pins !== undefined && pins.length > 0) {
    const hash = crypto.hashes['SHA-256']
    const pinned = path.some((c) => pins.some((pin) => equal(pin, hash.digest(c.publicKey.spki))))
    if (!pinned) return { code: 'ERR_CERT_PINNED', depth: 0, of: leaf }
  }
  if (verified) rememberCertificates(path)
  return { leaf, path, verified }
}
