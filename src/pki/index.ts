// Certificates: DER, X.509, path validation, trust anchors and identities. Cryptography comes in as a provider, time as a
// number; no sockets, no files, no clock, no TLS messages.

export { Der, der } from '../der/index.js'
export { allowsDigitalSignature, type Certificate, isSelfIssued } from './certificate.js'
export {
  type CertificateRequestOptions,
  type CertificateSubject,
  certificateRequest,
} from './certificate-request.js'
export { keyUsageBits } from './extensions.js'
export { type GeneralName, generalNameKinds } from './general-names.js'
export { type CertificateInput, type Identity, type IdentityInput, loadIdentity } from './identity.js'
export { type IdentityFile, parseIdentityFile } from './identity-file.js'
export { nameText, printable } from './name-text.js'
export { type Attribute, attribute, type Name } from './names.js'
export { defaultPathLimits, type PathLimits } from './path.js'
export { type PemBlock, parsePem } from './pem.js'
export { ipOctets, isDnsName, matchesServerName } from './server-name.js'
export {
  dangerously,
  type Trust,
  type TrustInput,
  type TrustStore,
  trustStore,
  type UnverifiedTrust,
} from './trust.js'
export {
  type ChainExpectation,
  type ChainInput,
  type VerifiedChain,
  verifyAny,
  verifyChain,
} from './verify.js'
export { parseCertificate } from './whole.js'
