// Our half of mutual TLS: Certificate and CertificateVerify when the server asked for them, an empty Certificate when we
// have none to show. The caller has authenticated the server before it gets here. RFC 8446 §4.4.2, §4.4.3.
import type { Bytes } from '../bytes/index.js'
import type { Signer } from '../crypto/provider.js'
import { signerCan } from '../crypto/signatures.js'
import { failure, TunnelError } from '../errors.js'
import type { Identity } from '../pki/index.js'
import { writeCertificate } from './messages/certificate.js'
import { type CertificateRequest, readCertificateRequest } from './messages/certificate-request.js'
import { signedContent, writeCertificateVerify } from './messages/certificate-verify.js'
import type { WrittenMessage } from './messages/message.js'
import type { TlsConfig } from './options.js'
import { type SignatureScheme, schemeFits, signatureSchemes } from './registry.js'
import type { Transcript } from './transcript.js'

export { readCertificateRequest }

/** What of a CertificateRequest decides the choice. */
export type CertificateDemand = Pick<CertificateRequest, 'signatureSchemes' | 'authorities'>

/** What we show, in the transcript already, and not sent. */
export interface Presented {
  readonly identity: Identity | undefined
  readonly messages: readonly WrittenMessage[]
}

/**
 * Whether to sign while it is still being verified who asks. Nothing leaves before that is known; but a signer of somebody
 * else's may ask its user, and who chooses by a function may show something.
 */
export function mayPresentEarly({ identity, crypto }: TlsConfig): boolean {
  return typeof identity === 'object' && crypto.vouchesFor?.(identity.signer) === true
}

/** Raises ERR_TLS_NO_SIGNATURE_OVERLAP and ERR_TLS_SIGNER. */
export async function presentCertificate(
  config: TlsConfig,
  alpn: string | undefined,
  request: CertificateRequest,
  transcript: Transcript,
): Promise<Presented> {
  const messages: WrittenMessage[] = []
  const add = (message: WrittenMessage): void => {
    messages.push(message)
    transcript.add(message)
  }
  const identity =
    typeof config.identity === 'function' ? await chooseIdentity(config, alpn, request) : config.identity
  // RFC 8446 §4.4.2: a client without a certificate MUST send an empty Certificate, and no CertificateVerify.
  add(writeCertificate(identity?.chain ?? []))
  if (identity !== undefined) {
    const scheme = chooseScheme(identity.signer, request.signatureSchemes, schemeFits)
    const signature = await signOwn(config, identity, scheme, signedContent('client', transcript.digest()))
    add(writeCertificateVerify({ scheme: scheme.id, signature }))
  }
  return { identity, messages }
}

/** RFC 8446 §4.4.3, RFC 5246 §7.4.8: a signature of ours, for a CertificateVerify. */
export async function signOwn(
  { crypto }: TlsConfig,
  { signer, leaf: { publicKey } }: Identity,
  scheme: SignatureScheme,
  content: Uint8Array,
): Promise<Uint8Array> {
  const signature = await sign(signer, scheme, content)
  // A faulty or foreign signer is better found here than by the server, whose alert would not say which it was.
  if (
    !crypto.vouchesFor?.(signer) &&
    crypto.canVerify(scheme.algorithm, publicKey.key) &&
    !(await crypto.verify(scheme.algorithm, publicKey, signature, content))
  )
    throw failure('ERR_TLS_SIGNER', 'its signature does not verify under the certificate')
  return signature
}

/** How sessions remember whom they show. */
export function fingerprint({ crypto }: TlsConfig, identity: Identity | undefined): Bytes | undefined {
  return identity && crypto.hashes['SHA-256'].digest(identity.leaf.der)
}

export async function chooseIdentity(
  { identity, sni }: TlsConfig,
  alpn: string | undefined,
  { authorities, signatureSchemes: accepted }: CertificateDemand,
): Promise<Identity | undefined> {
  if (typeof identity !== 'function') return identity
  const names = signatureSchemes.filter(({ id }) => accepted.includes(id)).map(({ name }) => name)
  try {
    return await identity({ alpn, serverName: sni, authorities, signatureSchemes: names })
  } catch (cause) {
    throw cause instanceof TunnelError ? cause : failure('ERR_TLS_SIGNER', 'identity callback', { cause })
  }
}

/** RFC 8446 §4.4.3, RFC 5246 §7.4.8: a scheme the server accepts and the key can make, of the key's own curve if it may be. */
export function chooseScheme(
  signer: Signer,
  accepted: readonly number[],
  fits: typeof schemeFits,
): SignatureScheme {
  const usable = signatureSchemes.filter(
    (scheme) =>
      fits(scheme, signer.key) && signerCan(signer, scheme.algorithm) && accepted.includes(scheme.id),
  )
  const scheme = usable.find((candidate) => candidate.fits(signer.key)) ?? usable[0]
  if (scheme === undefined) throw failure('ERR_TLS_NO_SIGNATURE_OVERLAP', `key of kind ${signer.key.kind}`)
  return scheme
}

async function sign(signer: Signer, scheme: SignatureScheme, content: Uint8Array): Promise<Uint8Array> {
  try {
    const signature = await signer.sign(scheme.algorithm, content)
    if (signature instanceof Uint8Array) return signature
    throw new TypeError('a signature is a Uint8Array')
  } catch (cause) {
    throw failure('ERR_TLS_SIGNER', scheme.name, { cause })
  }
}
