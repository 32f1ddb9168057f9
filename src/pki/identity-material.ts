// An identity read from whatever people have, and proof that the key belongs to the leaf. Private keys go to the crypto
// provider and nowhere else.
import { type Bytes, concat, equal, latin1 } from '../bytes/index.js'
import type {
  CryptoKeyLike,
  CryptoProvider,
  KeyKind,
  SignatureAlgorithm,
  Signer,
} from '../crypto/provider.js'
import { der, tags } from '../der/index.js'
import { asTunnelError, failure, loaded, TunnelError } from '../errors.js'
import { readSubjectKey } from './algorithms.js'
import { type Certificate, isSelfIssued } from './certificate.js'
import type { Identity, IdentityInput } from './identity.js'
import { certificatesIn } from './pem.js'
import { type PrivateKey, readPkcs8, readPrivateKey } from './private-key.js'
import { parseCertificate } from './whole.js'

/** As `loadIdentity`, for what is not an identity yet. */
export async function readIdentity(
  input: Exclude<IdentityInput, Identity>,
  crypto: CryptoProvider,
): Promise<Identity> {
  if ('pkcs12' in input) return fromPkcs12(input.pkcs12, input.passphrase ?? '', crypto)
  const { certificate, privateKey, passphrase } = input
  const chain = [certificate].flat().flatMap((item) => certificatesIn(item, 'ERR_CONFIG_IDENTITY'))
  if (chain.length === 0) throw failure('ERR_CONFIG_IDENTITY', 'no certificate in it')
  if (typeof privateKey !== 'string' && (typeof privateKey !== 'object' || privateKey === null))
    throw failure('ERR_CONFIG_IDENTITY', 'the private key is neither text, bytes, a CryptoKey nor a signer')
  const key =
    typeof privateKey === 'string' || privateKey instanceof Uint8Array
      ? await readPrivateKey(privateKey, passphrase)
      : privateKey
  return assemble(chain, key, crypto)
}

async function assemble(
  chain: readonly Bytes[],
  key: PrivateKey | CryptoKeyLike | Signer,
  crypto: CryptoProvider,
): Promise<Identity> {
  // Every certificate must parse: a broken one would only be found out by the server.
  const [leaf] = chain.map(ownCertificate)
  const signer = await signerFor(leaf!, key, crypto)
  await keyMustBelong(leaf!, signer, crypto)
  return { chain, leaf: leaf!, signer }
}

async function signerFor(
  leaf: Certificate,
  key: PrivateKey | CryptoKeyLike | Signer,
  crypto: CryptoProvider,
): Promise<Signer> {
  const kind = leaf.publicKey.key
  if ('sign' in key) return key
  if ('usages' in key && (key.type !== 'private' || !key.usages.includes('sign')))
    throw failure('ERR_CONFIG_IDENTITY', 'the CryptoKey is not a private key with the usage `sign`')
  if ('pkcs8' in key && !isOfKind(key, leaf.publicKey))
    throw failure('ERR_CONFIG_KEY_MISMATCH', `a key of kind ${key.kind}, a certificate of kind ${kind.kind}`)
  try {
    return await crypto.signer('pkcs8' in key ? key.pkcs8 : key, kind)
  } catch (error) {
    const cause = asTunnelError(error, 'ERR_CONFIG_IDENTITY')
    if (cause.code === 'ERR_CRYPTO_UNAVAILABLE') throw cause
    throw failure('ERR_CONFIG_IDENTITY', 'the crypto provider refuses the key', { cause })
  }
}

async function keyMustBelong(leaf: Certificate, signer: Signer, crypto: CryptoProvider): Promise<void> {
  const { publicKey } = leaf
  if (signer.spki !== undefined && sameKey(signer.spki, publicKey.bits)) return
  if (signer.spki !== undefined) throw failure('ERR_CONFIG_KEY_MISMATCH')
  const algorithm = probeAlgorithms(publicKey.key).find(
    (each) => crypto.canVerify(each, publicKey.key) && (signer.canSign?.(each) ?? true),
  )
  if (algorithm === undefined)
    throw failure('ERR_CRYPTO_UNAVAILABLE', `signatures of ${publicKey.key.kind} keys`)
  // The label keeps what is signed from ever being a TLS message (RFC 8446 §4.4.3 begins with spaces).
  const probe = concat(latin1('underpass key probe\0'), crypto.random(32))
  let belongs: boolean
  try {
    belongs = await crypto.verify(algorithm, publicKey, await signer.sign(algorithm, probe), probe)
  } catch (cause) {
    throw failure('ERR_CONFIG_IDENTITY', 'the signer failed', { cause })
  }
  if (!belongs) throw failure('ERR_CONFIG_KEY_MISMATCH')
}

/** The key bits decide: rsaEncryption and id-RSASSA-PSS may name the same key differently. */
function sameKey(spki: Uint8Array, bits: Uint8Array): boolean {
  try {
    return equal(readSubjectKey(der(spki)).bits, bits)
  } catch (error) {
    if (error instanceof TunnelError)
      throw failure('ERR_CONFIG_IDENTITY', "the signer's `spki` is malformed", { cause: error })
    throw error
  }
}

/** Whether a key could be the certificate's, as far as its outside tells. */
function isOfKind({ kind, curve, modulus }: PrivateKey, { key, bits }: Certificate['publicKey']): boolean {
  if (key.kind === 'ec') return kind === 'ec' && curve === key.curve
  if (key.kind === 'ed25519') return kind === 'ed25519'
  return modulus !== undefined && equal(modulus, der(bits).inside(tags.sequence).integer())
}

function probeAlgorithms(key: KeyKind): SignatureAlgorithm[] {
  switch (key.kind) {
    case 'ec':
      return [
        {
          kind: 'ecdsa',
          hash: ({ 'P-256': 'SHA-256', 'P-384': 'SHA-384', 'P-521': 'SHA-512' } as const)[key.curve],
        },
      ]
    case 'ed25519':
      return [{ kind: 'ed25519' }]
    case 'rsa':
      return (['SHA-256', 'SHA-384', 'SHA-512'] as const).flatMap((hash, i): SignatureAlgorithm[] => [
        { kind: 'rsa-pss', hash, saltLength: 32 + 16 * i },
        { kind: 'rsa-pkcs1', hash },
      ])
  }
}

async function fromPkcs12(file: Uint8Array, passphrase: string, crypto: CryptoProvider): Promise<Identity> {
  if (!(file instanceof Uint8Array)) throw failure('ERR_CONFIG_IDENTITY', 'PKCS#12 comes as bytes')
  const { openPkcs12 } = await loaded(import('./forge-credentials.js'))
  const { keys, certificates } = openPkcs12(file, passphrase)
  const [key, ...more] = keys
  if (key === undefined || more.length > 0)
    throw failure('ERR_CONFIG_IDENTITY', `${keys.length} private keys in the PKCS#12 file where one belongs`)
  const parsed = certificates.map((each) => ({ ...each, certificate: ownCertificate(each.der) }))
  const leaf =
    parsed.find(({ id }) => id !== undefined && id === key.id) ??
    parsed.find(({ certificate }) => !certificate.ca) ??
    parsed[0]
  if (leaf === undefined) throw failure('ERR_CONFIG_IDENTITY', 'no certificate in the PKCS#12 file')
  // The order of bags means nothing: the chain is what leads upward from the leaf, without the root.
  const chain = [leaf.certificate]
  for (let next: Certificate | undefined = leaf.certificate; next !== undefined; ) {
    const { issuer }: Certificate = next
    next = parsed
      .map(({ certificate }) => certificate)
      .find((c) => c.subject.key === issuer.key && !isSelfIssued(c) && !chain.includes(c))
    if (next !== undefined) chain.push(next)
  }
  return assemble(
    chain.map((certificate) => certificate.der),
    readPkcs8(key.der),
    crypto,
  )
}

function ownCertificate(bytes: Uint8Array): Certificate {
  try {
    return parseCertificate(bytes)
  } catch (cause) {
    throw failure('ERR_CONFIG_IDENTITY', 'a certificate cannot be read', { cause })
  }
}
