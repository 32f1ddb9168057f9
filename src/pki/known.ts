// What has been proven before and cannot come out otherwise now: the parsed form of certificates that were on a path that
// held, and that one key verified one signature. Time, names and trust are never remembered. Content is compared byte by
// byte with what was parsed, so nothing is taken for something else; only verified paths enter, in a table of fixed size.
import { equal } from '../bytes/index.js'
import type { CryptoProvider, PublicKey } from '../crypto/provider.js'
import type { Certificate, Signed } from './certificate.js'

/** A certificate that is looked up costs a comparison, one that lost its slot to another a parse. */
const SLOTS = 64
/** Bytes; larger ones are rare, and not worth keeping. */
const MAX_LENGTH = 4096

const certificates: Array<Certificate | undefined> = []

/** The parsed form of a certificate, if it was remembered. */
export function knownCertificate(der: Uint8Array): Certificate | undefined {
  const found = certificates[slotOf(der)]
  return found !== undefined && equal(found.der, der) ? found : undefined
}

/** Remember certificates that are on a path that held. */
export function rememberCertificates(path: readonly Certificate[]): void {
  for (const certificate of path)
    if (certificate.der.length <= MAX_LENGTH) certificates[slotOf(certificate.der)] = certificate
}

/** The end of a certificate is its signature: as good as random. */
function slotOf(der: Uint8Array): number {
  return (der.at(-1) ?? 0) % SLOTS
}

/** Which key of which provider verified a signature; gone with the certificate. */
const verified = new WeakMap<Signed, { readonly key: PublicKey; readonly crypto: CryptoProvider }>()

export function isKnownSignature(signed: Signed, key: PublicKey, crypto: CryptoProvider): boolean {
  const known = verified.get(signed)
  return known !== undefined && known.key === key && known.crypto === crypto
}

export function rememberSignature(signed: Signed, key: PublicKey, crypto: CryptoProvider): void {
  verified.set(signed, { key, crypto })
}
