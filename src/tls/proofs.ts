// The three proofs without which no application data flows: the chain leads to somebody trusted, the peer holds the
// leaf's key, and the handshake was not touched. Each is minted in one function of this file and nowhere else; what
// opens traffic demands all of them. RFC 8446 §4.4.
import { type Bytes, equalConstantTime } from '../bytes/index.js'
import { failure, TunnelError } from '../errors.js'
import {
  allowsDigitalSignature,
  type Certificate,
  type ChainExpectation,
  type VerifiedChain,
  verifyAny,
} from '../pki/index.js'
import { type CertificateVerify, signedContent } from './messages/certificate-verify.js'
import type { TlsConfig } from './options.js'
import { type SignatureScheme, schemeFits } from './registry.js'
import { schemeFits12 } from './registry12.js'
import type { Resumption } from './resumption.js'
import type { Resumption12 } from './resumption12.js'

declare const proven: unique symbol

export interface Proof<What extends 'chain' | 'signature' | 'finished'> {
  readonly [proven]: What
}

export interface Proofs {
  readonly chain: Proof<'chain'>
  readonly signature: Proof<'signature'>
  readonly finished: Proof<'finished'>
}

/** Raises ERR_CERT_REFUSED when `expect` fails, and the ERR_CERT_* of the first expectation when the chain satisfies none. */
export async function proveChain(
  config: TlsConfig,
  chain: readonly Bytes[],
  alpn: string | undefined,
): Promise<VerifiedChain & Proof<'chain'>> {
  const { crypto } = config
  const [first, ...others] = expectations(config, alpn)
  if (first === undefined) throw failure('ERR_TLS_CONFIG', '`expect` gave no expectation')
  const peer = await verifyAny({ chain, now: config.now(), crypto }, [first, ...others])
  return peer as VerifiedChain & Proof<'chain'>
}

function expectations(config: TlsConfig, alpn: string | undefined): readonly ChainExpectation[] {
  try {
    return config.expect({ alpn })
  } catch (cause) {
    throw cause instanceof TunnelError ? cause : failure('ERR_CERT_REFUSED', undefined, { cause })
  }
}

/** RFC 8446 §4.4.3. */
export async function proveSignature(
  config: TlsConfig,
  certificate: Certificate,
  verify: CertificateVerify,
  transcriptHash: Uint8Array,
): Promise<SignatureProof> {
  // The algorithm MUST fit the key, and not be RSASSA-PKCS1-v1_5.
  return signed(config, certificate, verify, signedContent('server', transcriptHash), schemeFits)
}

/** RFC 5246 §7.4.3, of a ServerKeyExchange: `content` are both randoms and the parameters. */
export async function proveSignature12(
  config: TlsConfig,
  certificate: Certificate,
  exchange: CertificateVerify,
  content: Uint8Array,
): Promise<SignatureProof> {
  return signed(config, certificate, exchange, content, schemeFits12)
}

type SignatureProof = { readonly scheme: SignatureScheme } & Proof<'signature'>

async function signed(
  { schemes, crypto }: TlsConfig,
  certificate: Certificate,
  { scheme: id, signature }: CertificateVerify,
  content: Uint8Array,
  fits: typeof schemeFits,
): Promise<SignatureProof> {
  // RFC 8446 §4.4.2.2, RFC 5246 §7.4.2: where the leaf has a keyUsage, it MUST allow digital signatures.
  if (!allowsDigitalSignature(certificate))
    throw failure('ERR_CERT_PURPOSE', 'no digitalSignature in its key usage', { depth: 0 })
  // RFC 8446 §4.4.3, RFC 5246 §7.4.3: it MUST be one offered, and fit the key.
  const scheme = schemes.find((offered) => offered.id === id)
  if (scheme === undefined || !fits(scheme, certificate.publicKey.key))
    throw failure('ERR_TLS_SIGNATURE_SCHEME', scheme?.name ?? `0x${id.toString(16)}`)
  // RFC 8446 §4.4.3, RFC 5246 §7.2.2: a wrong signature MUST end the handshake with decrypt_error.
  if (!(await crypto.verify(scheme.algorithm, certificate.publicKey, signature, content)))
    throw failure('ERR_TLS_SIGNATURE', scheme.name)
  return { scheme } as SignatureProof
}

/**
 * A pre-shared key stands for the signature: nobody else has it but who signed in the handshake it comes from, and the
 * Finished that is still to be proven shows that this peer does. RFC 8446 §2.2.
 */
export function inheritSignature(resumption: Resumption | Resumption12): Proof<'signature'> {
  return resumption as unknown as Proof<'signature'>
}

/** RFC 8446 §4.4.4, RFC 5246 §7.4.9: `expected` is the verify_data made here. */
export function proveFinished(expected: Uint8Array, received: Uint8Array): Proof<'finished'> {
  // RFC 8446 §4.4.4, RFC 5246 §7.2.2: a wrong Finished MUST end the handshake with decrypt_error.
  if (!equalConstantTime(expected, received)) throw failure('ERR_TLS_FINISHED')
  return {} as Proof<'finished'>
}
