// What Underpass does not do by decision, as the runner's flags show it: such a test is answered "unimplemented", with the
// flag and the reason. What is only not built yet does not belong here.

const earlyData = '0-RTT is never offered'
const ech = 'Encrypted Client Hello is not offered'
const rawPublicKeys = 'raw public keys (RFC 7250) are not offered'
const status = 'OCSP staples and SCTs are not asked for'
const psk = 'external pre-shared keys are not offered'
const renegotiation = 'renegotiation is always refused'
const falseStart = 'application data is never sent before the server is proven (no False Start)'
const npn = 'NPN is not offered, ALPN is'
const pake = 'password-authenticated key exchange is not offered'

/** By flag, without `-on-initial-` and its like. */
export const outOfScope: Readonly<Record<string, string>> = {
  '-server': 'there is no server side',
  '-dtls': 'DTLS is not TLS over a stream',
  '-quic': 'QUIC brings its own records',

  '-enable-early-data': earlyData,
  '-early-write-after-message': earlyData,
  '-expect-accept-early-data': earlyData,
  '-expect-reject-early-data': earlyData,
  '-expect-no-offer-early-data': earlyData,
  '-expect-ticket-supports-early-data': earlyData,
  '-ech-config-list': ech,
  '-enable-ech-grease': ech,
  '-expect-ech-accept': ech,
  '-expect-ech-name-override': ech,
  '-expect-ech-retry-configs': ech,
  '-expect-no-ech-retry-configs': ech,
  '-accepted-peer-cert-types': rawPublicKeys,
  '-available-client-cert-types': rawPublicKeys,
  '-expect-peer-certificate-type': rawPublicKeys,
  '-expect-peer-rpk-sha256': rawPublicKeys,
  '-new-rpk-credential': rawPublicKeys,
  '-enable-ocsp-stapling': status,
  '-enable-signed-cert-timestamps': status,
  '-expect-ocsp-response': status,
  '-expect-signed-cert-timestamps': status,
  '-fail-ocsp-callback': status,
  '-ocsp-response': status,
  '-signed-cert-timestamps': status,
  '-use-ocsp-callback': status,
  '-expect-no-peer-cert': psk,
  '-new-psk-credential': psk,
  '-psk': psk,
  '-psk-identity': psk,
  '-use-exporter-between-reads': renegotiation,
  '-allow-false-start-without-alpn': falseStart,
  '-select-empty-next-proto': npn,
  '-select-next-proto': npn,
  '-new-spake2plusv1-credential': pake,

  '-allow-unknown-alpn-protos': 'a protocol that was not offered is always refused',
  '-application-settings': 'ALPS is not offered',
  '-delegated-credential': 'delegated credentials are not offered',
  '-enable-channel-id': 'Channel ID is not offered',
  '-expect-resumable-across-names': 'a session is only ever resumed for the name it was made for',
  '-install-cert-compression-algs': 'certificate compression is not offered',
  '-new-delegated-credential': 'delegated credentials are not offered',
  '-permute-extensions': 'extensions are sent in one order',
  '-send-alert': 'an application cannot choose an alert',
  '-send-channel-id': 'Channel ID is not offered',
  '-srtp-profiles': 'SRTP belongs to DTLS',
  '-tls-unique': 'tls-unique is unsound without TLS 1.3; tls-exporter takes its place',
}
