// Where x509-limbo's expectation is not followed on purpose: in the test and in what `npm run conformance` prints.

const issuance = 'a rule for issuing CAs, which changes nothing that a verifier relies on'
const hint = 'key identifiers are hints for path building; the signature decides'
const commonName = 'a rule about the common name, which is never looked at'
const caLeaf =
  'RFC 5280 allows a CA certificate as a leaf (rfc5280::ca-as-leaf expects it), and self-signed ones often are'
const suffixes = 'needs the Public Suffix List, which private names are not on'

/** Every core case whose expectation is not followed, with the reason. All of them are accepted though they should fail. */
export const deviations: Readonly<Record<string, string>> = {
  'rfc5280::aki::leaf-missing-aki': hint,
  'rfc5280::aki::intermediate-missing-aki': hint,
  'rfc5280::aki::cross-signed-root-missing-aki': hint,
  'rfc5280::ski::root-missing-ski': hint,
  'rfc5280::ski::intermediate-missing-ski': hint,
  'webpki::aki::root-with-aki-missing-keyidentifier': hint,
  'webpki::aki::root-with-aki-authoritycertissuer': hint,
  'webpki::aki::root-with-aki-authoritycertserialnumber': hint,
  'webpki::aki::root-with-aki-all-fields': hint,
  'webpki::aki::root-with-aki-ski-mismatch': hint,
  'rfc5280::nc::permitted-dns-match-noncritical':
    'contradicts webpki::nc::permitted-dns-match-noncritical; the constraint is enforced either way',
  'rfc5280::san::noncritical-with-empty-subject': `${issuance}: the name is matched, critical or not`,
  'rfc5280::root-non-critical-basic-constraints': `${issuance}: the extension is enforced, critical or not`,
  'rfc5280::serial::zero': 'RFC 5280 §4.1.2.2 asks users of certificates to handle a zero serial gracefully',
  'webpki::cn::ipv4-hex-mismatch': commonName,
  'webpki::cn::ipv4-leading-zeros-mismatch': commonName,
  'webpki::cn::ipv6-uppercase-mismatch': commonName,
  'webpki::cn::ipv6-uncompressed-mismatch': commonName,
  'webpki::cn::ipv6-non-rfc5952-mismatch': commonName,
  'webpki::cn::punycode-not-in-san': commonName,
  'webpki::cn::utf8-vs-punycode-mismatch': commonName,
  'webpki::cn::not-in-san': commonName,
  'webpki::cn::case-mismatch': commonName,
  'webpki::eku::ee-anyeku': `${issuance}: the leaf names serverAuth too, and anyExtendedKeyUsage alone is refused`,
  'webpki::eku::ee-critical-eku': `${issuance}: RFC 5280 §4.2.1.12 allows it to be critical`,
  'webpki::eku::ee-without-eku': 'contradicts rfc5280::eku::ee-without-eku',
  'webpki::eku::root-has-eku': `${issuance}: what the root restricts itself to is enforced`,
  'webpki::san::public-suffix-multi-label-wildcard-san': suffixes,
  'webpki::san::public-suffix-private-namespace-wildcard-san': suffixes,
  'webpki::san::san-critical-with-nonempty-subject': `${issuance}: the name is matched, critical or not`,
  'webpki::ca-as-leaf': caLeaf,
  'webpki::ee-basicconstraints-ca': caLeaf,
}
