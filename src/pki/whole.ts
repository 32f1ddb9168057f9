// A certificate read to the last byte by itself, name constraints included, which a path reads only when it meets some.
import { type Certificate, readCertificate } from './certificate.js'
import { constraintsOf } from './name-constraints.js'

/** One DER certificate. Throws ERR_CERT_ENCODING, and ERR_CERT_ALGORITHM for a public key of an unknown kind. */
export function parseCertificate(encoded: Uint8Array): Certificate {
  const certificate = readCertificate(encoded)
  if (certificate.nameConstraints !== undefined) constraintsOf(certificate.nameConstraints)
  return certificate
}
