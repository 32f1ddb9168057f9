// The client certificates the runner hands over, and the choice among several as BoringSSL's own shim makes it: the first
// whose key can sign something the server accepts, and whose issuer it names where the credential insists.
import { readFileSync } from 'node:fs'
import { equal } from '../../src/bytes/index.js'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import { failure } from '../../src/errors.js'
import { type Identity, loadIdentity, parseCertificate } from '../../src/pki/index.js'
import type { IdentityRequest, IdentitySource } from '../../src/tls/options.js'
import { type SignatureScheme, signatureSchemes } from '../../src/tls/registry.js'
import { type CredentialFlags, type Settings, Unimplemented } from './flags.js'

/** What the application says when it refuses; `cause` of the library's error. */
export class ApplicationRefusal extends Error {}

export interface Credentials {
  readonly source: IdentitySource | undefined
  /** Position of the credential chosen, -1 for the default one. */
  chosen(): number | undefined
}

interface Candidate {
  readonly index: number
  readonly identity: Identity
  readonly flags: CredentialFlags
}

export async function loadCredentials(settings: Settings, crypto: CryptoProvider): Promise<Credentials> {
  const { credentials, defaultCredential, failCertCallback, expectSelectedCredential } = settings
  const candidates: Candidate[] = []
  for (const [index, flags] of credentials.entries())
    candidates.push({ index, flags, identity: await load(flags, crypto) })
  if (defaultCredential.certFile !== undefined)
    candidates.push({ index: -1, flags: defaultCredential, identity: await load(defaultCredential, crypto) })

  let chosen: number | undefined
  const [first] = candidates
  const plain = credentials.length === 0 && !failCertCallback && expectSelectedCredential === undefined
  // One certificate and no more questions: the library's own choice of scheme is what is tested.
  if (plain) return { source: first?.identity, chosen: () => first?.index }
  return {
    source(request) {
      if (failCertCallback) throw new ApplicationRefusal('CERT_CB_ERROR')
      const candidate = choose(candidates, request)
      chosen = candidate?.index
      return candidate?.identity
    },
    chosen: () => chosen,
  }
}

function choose(candidates: readonly Candidate[], request: IdentityRequest): Candidate | undefined {
  const signing = candidates.filter(({ identity }) => canAnswer(identity, request))
  // With nothing that fits, the library says why: the first is handed to it all the same.
  if (signing.length === 0) return candidates[0]
  const match = signing.find(({ flags, identity }) => !flags.mustMatchIssuer || issued(identity, request))
  if (match === undefined) throw failure('ERR_TLS_NO_SIGNATURE_OVERLAP', 'no credential of these issuers')
  return match
}

function canAnswer({ signer }: Identity, request: IdentityRequest): boolean {
  return signatureSchemes.some(
    (scheme) =>
      request.signatureSchemes.includes(scheme.name) &&
      scheme.fits(signer.key) &&
      signer.canSign?.(scheme.algorithm) !== false,
  )
}

/** RFC 8446 §4.4.2.3: some certificate of the chain is issued by one of the authorities named. */
function issued({ chain }: Identity, { authorities }: IdentityRequest): boolean {
  return chain.some((der) => authorities.some((name) => equal(name, parseCertificate(der).issuer.der)))
}

async function load(flags: CredentialFlags, crypto: CryptoProvider): Promise<Identity> {
  const { certFile, keyFile, signingPrefs } = flags
  const identity = await loadIdentity(
    { certificate: readFileSync(certFile!, 'utf8'), privateKey: readFileSync(keyFile!, 'utf8') },
    crypto,
  )
  if (signingPrefs.length === 0) return identity
  const allowed = knownSchemes(signingPrefs, '-signing-prefs')
  const { signer } = identity
  return {
    ...identity,
    signer: {
      ...signer,
      canSign: (algorithm) =>
        allowed.some(
          (scheme) =>
            JSON.stringify(scheme.algorithm) === JSON.stringify(algorithm) && scheme.fits(signer.key),
        ),
      sign: (algorithm, data) => signer.sign(algorithm, data),
    },
  }
}

/** The schemes with these ids, in this order. Raises `Unimplemented` when none is known. */
export function knownSchemes(ids: readonly number[], flag: string): readonly SignatureScheme[] {
  const known = ids.flatMap((id) => signatureSchemes.filter((scheme) => scheme.id === id))
  if (known.length === 0)
    throw new Unimplemented(`${flag} ${ids.join(' ')}: SHA-1, MD5 and unknown signatures`)
  return known
}
