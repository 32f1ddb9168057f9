// The three proofs without which no application data flows: the chain leads to somebody trusted, the peer holds the
// leaf's key, and the handshake was not touched. Each is minted in one function of this file and nowhere else; what
// opens traffic demands all of them. RFC 8446 §4.4.
import { type Bytes, equalConstantTime } from '../bytes/index.js'
import type { Hash } from '../crypto/provider.js'
import { failure } from '../errors.js'
import { type Certificate, type VerifiedChain, verifyChain } from '../pki/index.js'
import { type CertificateVerify, signedContent } from './messages/certificate-verify.js'
import type { TlsConfig } from './options.js'
import type { SignatureScheme } from './registry.js'
import type { Resumption } from './resumption.js'
import { finishedMac } from './schedule.js'

declare const proven: unique symbol

export interface Proof<What extends 'chain' | 'signature' | 'finished'> {
  readonly [proven]: What
}

export interface Proofs {
  readonly chain: Proof<'chain'>
  readonly signature: Proof<'signature'>
  readonly finished: Proof<'finished'>
}

/** Raises the ERR_CERT_* of the first expectation when the chain satisfies none. */
export async function proveChain(
  config: TlsConfig,
  chain: readonly Bytes[],
  alpn: string | undefined,
): Promise<VerifiedChain & Proof<'chain'>> {
  const { crypto } = config
  let first: unknown
  for (const expectation of config.expect({ alpn })) {
    try {
      const peer = await verifyChain({ chain, expectation, now: config.now(), crypto })
      return peer as VerifiedChain & Proof<'chain'>
    } catch (error) {
      first ??= error
    }
  }
  throw first ?? failure('ERR_TLS_CONFIG', '`expect` gave no expectation')
}

/** RFC 8446 §4.4.3. */
export async function proveSignature(
  config: TlsConfig,
  { publicKey }: Certificate,
  { scheme: id, signature }: CertificateVerify,
  transcriptHash: Uint8Array,
): Promise<{ readonly scheme: SignatureScheme } & Proof<'signature'>> {
  // The algorithm MUST be one offered, fit the key, and not be RSASSA-PKCS1-v1_5.
  const scheme = config.schemes.find((offered) => offered.id === id)
  if (scheme === undefined || !scheme.handshake || !scheme.fits(publicKey.key))
    throw failure('ERR_TLS_SIGNATURE_SCHEME', scheme?.name ?? `0x${id.toString(16)}`)
  const content = signedContent('server', transcriptHash)
  // A wrong signature MUST end the handshake with decrypt_error.
  if (!(await config.crypto.verify(scheme.algorithm, publicKey, signature, content)))
    throw failure('ERR_TLS_SIGNATURE', scheme.name)
  return { scheme } as { scheme: SignatureScheme } & Proof<'signature'>
}

/**
 * A pre-shared key stands for the signature: nobody else has it but who signed in the handshake it comes from, and the
 * Finished that is still to be proven shows that this peer does. RFC 8446 §2.2.
 */
export function inheritSignature(resumption: Resumption): Proof<'signature'> {
  return resumption as unknown as Proof<'signature'>
}

/** RFC 8446 §4.4.4. */
export function proveFinished(
  hash: Hash,
  serverSecret: Uint8Array,
  transcriptHash: Uint8Array,
  verifyData: Uint8Array,
): Proof<'finished'> {
  // A wrong Finished MUST end the handshake with decrypt_error.
  if (!equalConstantTime(finishedMac(hash, serverSecret, transcriptHash), verifyData))
    throw failure('ERR_TLS_FINISHED')
  return {} as Proof<'finished'>
}
