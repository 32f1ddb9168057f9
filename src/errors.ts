// Every error of the library, and THE code table: one row a code, with whose fault it is, the TLS alert it sends, and
// what to try. `docs/errors.md` is generated from it. Throw with `failure(code, detail)`, never with `new Error`;
// decide on `error.code` or `error.blame`, never on message text. Details never carry secrets or peer plaintext.

/** Whose fault it is: `config` and `caller` are ours to mend, `peer` and `network` theirs, `us` is a bug. */
export type Blame = 'peer' | 'network' | 'config' | 'caller' | 'us'

/** Where on the way it happened. */
export type Phase =
  | 'config'
  | 'dial'
  | 'proxy'
  | 'outer-tls'
  | 'detect'
  | 'upgrade'
  | 'framing'
  | 'handshake'
  | 'stream'
  | 'gateway'

/** RFC 8446 §6: alert descriptions by their RFC names, with their wire numbers. */
export const alertNumbers = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  record_overflow: 22,
  handshake_failure: 40,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  no_renegotiation: 100,
  missing_extension: 109,
  unsupported_extension: 110,
  unrecognized_name: 112,
  bad_certificate_status_response: 113,
  unknown_psk_identity: 115,
  certificate_required: 116,
  no_application_protocol: 120,
} as const

export type AlertName = keyof typeof alertNumbers

type Kind = 'config' | 'dial' | 'upgrade' | 'framing' | 'tls' | 'certificate' | 'stream'

interface Row {
  readonly kind: Kind
  readonly phase: Phase
  readonly blame: Blame
  /** One sentence: what happened. */
  readonly what: string
  /** One sentence: what to try. */
  readonly hint: string
  /** The alert sent to the peer when this ends a TLS connection. */
  readonly alert?: AlertName
  /** True when the same call may succeed later, unchanged. */
  readonly retryable?: true
  /** Exit status of the command line when it differs from the blame's own. */
  readonly exit?: number
}

// The rows are the documentation: keep them sorted by family, one line of meaning each.
// biome-ignore format: a row a code reads as a table
const table = {
  // --- configuration and platform ---
  ERR_CONFIG_INVALID: { kind: 'config', phase: 'config', blame: 'config', what: 'An option has a value that cannot be used.', hint: 'Correct the option named in the message.' },
  ERR_CONFIG_ORIGIN: { kind: 'config', phase: 'config', blame: 'config', what: 'The origin is not an https (or http) URL.', hint: 'Give the load balancer as https://host[:port].' },
  ERR_CONFIG_TRUST: { kind: 'config', phase: 'config', blame: 'config', what: 'No usable trust anchor was given.', hint: 'Pass the PEM of the CA that signs the server in `trust`.' },
  ERR_CONFIG_IDENTITY: { kind: 'config', phase: 'config', blame: 'config', what: 'The client certificate or key cannot be read.', hint: 'Pass PEM, PKCS#8, PKCS#1 or PKCS#12; check that the file is whole and the format supported.' },
  ERR_CONFIG_PASSPHRASE: { kind: 'config', phase: 'config', blame: 'config', what: 'The private key is encrypted and the passphrase is missing or wrong.', hint: 'Pass the right `passphrase`.' },
  ERR_CONFIG_KEY_MISMATCH: { kind: 'config', phase: 'config', blame: 'config', what: 'The private key does not belong to the certificate.', hint: 'Pass the key whose public half is in the first certificate.' },
  ERR_UNSUPPORTED_PLATFORM: { kind: 'config', phase: 'config', blame: 'caller', what: 'This runtime cannot do what was asked.', hint: 'Use the entry point made for this runtime, or another mode.' },
  ERR_CRYPTO_UNAVAILABLE: { kind: 'config', phase: 'config', blame: 'config', what: 'The crypto provider lacks an algorithm that is needed.', hint: 'Serve the page over https, or pass a provider that has it.' },
  ERR_CRYPTO_KEY: { kind: 'config', phase: 'config', blame: 'caller', what: 'A key handed to the crypto provider is malformed or of the wrong kind.', hint: 'Check the key material and its algorithm.' },
  ERR_ABORTED: { kind: 'stream', phase: 'stream', blame: 'caller', what: 'The operation was aborted by its signal or by close().', hint: 'Nothing is wrong; `cause` holds the reason of the abort.', exit: 130 },
  ERR_TIMEOUT: { kind: 'stream', phase: 'stream', blame: 'network', what: 'A phase did not finish before its deadline.', hint: 'Look at `phase`; raise the matching entry of `timeouts` if the path is slow.', retryable: true, exit: 7 },

  // --- dialing ---
  ERR_DIAL_DNS: { kind: 'dial', phase: 'dial', blame: 'network', what: 'The host name could not be resolved.', hint: 'Check the name and the resolver.', retryable: true },
  ERR_DIAL_REFUSED: { kind: 'dial', phase: 'dial', blame: 'network', what: 'Nothing listens at that address and port.', hint: 'Check the port, the firewall and that the load balancer runs.', retryable: true },
  ERR_DIAL_UNREACHABLE: { kind: 'dial', phase: 'dial', blame: 'network', what: 'The address cannot be reached from here.', hint: 'Check routes, VPN and firewall.', retryable: true },
  ERR_DIAL_RESET: { kind: 'dial', phase: 'dial', blame: 'network', what: 'The connection was reset while it was being set up.', hint: 'Something between here and the server dropped it; try again, then look for a middlebox.', retryable: true },
  ERR_DIAL_FAILED: { kind: 'dial', phase: 'dial', blame: 'network', what: 'The transport could not be opened.', hint: 'See `cause` for the runtime\'s own error.', retryable: true },
  ERR_DETECT_INCONCLUSIVE: { kind: 'dial', phase: 'detect', blame: 'network', what: 'Neither a direct handshake nor a connection upgrade worked.', hint: 'Read both pieces of evidence in `evidence`; set `mode` if you know which path is right.', retryable: true },

  // --- connection upgrade ---
  ERR_UPGRADE_REJECTED: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The upgrade request was answered with something other than 101.', hint: 'The message names status and server; the load balancer or a login wall in front of it answered.', exit: 4 },
  ERR_UPGRADE_REDIRECTED: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The upgrade request was redirected: usually a login wall, or http sent to https.', hint: 'Use the address it points to, or pass the headers that the login wall wants.', exit: 4 },
  ERR_UPGRADE_BAD_REQUEST: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The upgrade request was answered 400: a strict load balancer removed the Upgrade header, or the server disliked it.', hint: 'Use `mode: \'websocket\'`; GCP and most CDNs pass only websocket.', exit: 4 },
  ERR_UPGRADE_FORBIDDEN: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The upgrade request was answered 401 or 403: a WAF, an access proxy or an Envoy without that upgrade type.', hint: 'Pass the headers it wants in `headers`, or allow the upgrade type there.', exit: 4 },
  ERR_UPGRADE_NOT_FOUND: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The upgrade request was answered 404: no upgrade endpoint there, or a server that does not know this upgrade type.', hint: 'Check `path` and the host rules of the load balancer; try another `mode`.', exit: 4 },
  ERR_UPGRADE_VERSION: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The upgrade request was answered 426, 464 or 505: HTTP versions do not fit.', hint: 'Set the load balancer\'s target group or upstream to HTTP/1.1.', exit: 4 },
  ERR_UPGRADE_UNAVAILABLE: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The upgrade request was answered 502, 503 or 504: the load balancer has no healthy server behind it.', hint: 'Check the target\'s health; try again.', retryable: true, exit: 4 },
  ERR_UPGRADE_STRIPPED: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The upgrade request was answered 2xx: something on the way removed the Upgrade header, or this is an ordinary web page.', hint: 'Pass Upgrade and Connection through the proxy (nginx: proxy_http_version 1.1 and both headers), or use `mode: \'websocket\'`.', exit: 4 },
  ERR_UPGRADE_MISMATCH: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The 101 switched to a protocol that was not asked for, or proved the wrong WebSocket key.', hint: 'A middlebox rewrites or caches the upgrade; bypass it.', exit: 4 },
  ERR_UPGRADE_SUBPROTOCOL: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The 101 chose a WebSocket subprotocol that was not offered, or none.', hint: 'The server is not an upgrade endpoint, or a relay must echo Sec-WebSocket-Protocol.', exit: 4 },
  ERR_UPGRADE_MALFORMED: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The answer to the upgrade request is not HTTP/1.1.', hint: 'Check that the port speaks HTTP and that TLS is not ended twice.', exit: 4 },
  ERR_UPGRADE_TOO_LARGE: { kind: 'upgrade', phase: 'upgrade', blame: 'peer', what: 'The head of the answer is larger than `limits.httpHead`.', hint: 'Remove what adds the headers, or raise the limit.', exit: 4 },
  ERR_UPGRADE_EOF: { kind: 'upgrade', phase: 'upgrade', blame: 'network', what: 'The connection ended before the upgrade was answered.', hint: 'The load balancer may have no healthy target, or closes custom upgrades; try `mode: \'websocket\'`.', retryable: true, exit: 4 },

  // --- websocket framing ---
  ERR_WS_MASKED: { kind: 'framing', phase: 'framing', blame: 'peer', what: 'The server sent a masked frame.', hint: 'The peer is not a WebSocket server.' },
  ERR_WS_TEXT: { kind: 'framing', phase: 'framing', blame: 'peer', what: 'A text message came where only binary ones may.', hint: 'The peer is not a tunnel; check the origin and path.' },
  ERR_WS_TOO_LARGE: { kind: 'framing', phase: 'framing', blame: 'peer', what: 'A frame claims more than `limits.frame` bytes.', hint: 'Raise the limit only if you trust the peer.' },
  ERR_WS_PROTOCOL: { kind: 'framing', phase: 'framing', blame: 'peer', what: 'A frame breaks RFC 6455: reserved bits or opcode, a bad control frame, or a wrong continuation.', hint: 'A middlebox may corrupt frames; compare with another network.' },
  ERR_WS_GOING_AWAY: { kind: 'framing', phase: 'framing', blame: 'peer', what: 'The server closed the WebSocket with 1001: it is shutting down or being replaced.', hint: 'Dial again.', retryable: true },
  ERR_WS_ABNORMAL: { kind: 'framing', phase: 'framing', blame: 'network', what: 'The WebSocket ended without a close frame (1006).', hint: 'An idle limit, a crash or a middlebox cut it; keep-alive pings help against the first.', retryable: true },
  ERR_WS_SERVER_ERROR: { kind: 'framing', phase: 'framing', blame: 'peer', what: 'The server closed the WebSocket with 1011: it failed inside.', hint: 'Read the server\'s log.', retryable: true },
  ERR_WS_CLOSED: { kind: 'framing', phase: 'framing', blame: 'peer', what: 'The server closed the WebSocket with another code, named in the message.', hint: 'Look the code up in RFC 6455 §7.4.' },

  // --- ping framing ---
  ERR_PING_TOO_LARGE: { kind: 'framing', phase: 'framing', blame: 'peer', what: 'A ping-framed packet claims more than `limits.packet` bytes.', hint: 'The peer may not speak alpn-ping at all; check the negotiated protocol.' },
  ERR_PING_TRUNCATED: { kind: 'framing', phase: 'framing', blame: 'network', what: 'The stream ended inside a ping-framed packet.', hint: 'Something on the way cut the connection.', retryable: true },
  ERR_PING_TIMEOUT: { kind: 'framing', phase: 'framing', blame: 'network', what: 'The peer has not been heard for longer than the keep-alive allows.', hint: 'The path is dead; dial again.', retryable: true, exit: 7 },

  // --- TLS: what we found wrong ---
  ERR_TLS_UNEXPECTED_MESSAGE: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'unexpected_message', what: 'A message or record came where it may not.', hint: 'The peer breaks RFC 8446, or is not a TLS server.' },
  ERR_TLS_BAD_RECORD_MAC: { kind: 'tls', phase: 'handshake', blame: 'network', alert: 'bad_record_mac', what: 'A record failed to decrypt: its bytes were changed on the way or the keys differ.', hint: 'A middlebox changes the stream (an old server that does not unmask WebSocket frames shows here too).' },
  ERR_TLS_RECORD_OVERFLOW: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'record_overflow', what: 'A record is longer than TLS allows.', hint: 'The peer is not speaking TLS, or breaks RFC 8446 §5.' },
  ERR_TLS_RECORD_TYPE: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'unexpected_message', what: 'A record has an unknown content type.', hint: 'The peer breaks RFC 8446 §5.' },
  ERR_TLS_NOT_TLS: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'protocol_version', what: 'The first bytes from the peer are not a TLS record.', hint: 'The port speaks another protocol (plain HTTP, say).' },
  ERR_TLS_DECODE: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'decode_error', what: 'A handshake message cannot be parsed.', hint: 'The peer breaks RFC 8446 §4.' },
  ERR_TLS_ILLEGAL_PARAMETER: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'illegal_parameter', what: 'A handshake field has a value that is not allowed there.', hint: 'The peer breaks RFC 8446.' },
  ERR_TLS_MISSING_EXTENSION: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'missing_extension', what: 'The peer left out an extension it must send.', hint: 'The peer breaks RFC 8446 §9.2.' },
  ERR_TLS_UNSUPPORTED_EXTENSION: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'unsupported_extension', what: 'The peer answered an extension that was not offered, or in the wrong message.', hint: 'The peer breaks RFC 8446 §4.2.' },
  ERR_TLS_VERSION: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'protocol_version', what: 'The server does not speak a TLS version that is supported here.', hint: 'Enable TLS 1.3 on the server.' },
  ERR_TLS_DOWNGRADE: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'illegal_parameter', what: 'The server marked the handshake as downgraded (RFC 8446 §4.1.3).', hint: 'Somebody between you and the server weakens TLS.' },
  ERR_TLS_HELLO_RETRY: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'illegal_parameter', what: 'The server asks for a second ClientHello that cannot be given.', hint: 'Enable X25519 or P-256 on the server.' },
  ERR_TLS_FINISHED: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'decrypt_error', what: 'The server\'s Finished does not match the handshake.', hint: 'The handshake was tampered with, or the server is broken.' },
  ERR_TLS_SIGNATURE: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'decrypt_error', what: 'The server\'s CertificateVerify signature is wrong.', hint: 'The server does not hold the key of its certificate.' },
  ERR_TLS_SIGNATURE_SCHEME: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'illegal_parameter', what: 'The server signed with a scheme that was not offered or does not fit its key.', hint: 'The peer breaks RFC 8446 §4.4.3.' },
  ERR_TLS_KEY_SHARE: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'illegal_parameter', what: 'The server\'s key share is not a valid public key of the group.', hint: 'The peer breaks RFC 8446 §4.2.8 or attacks.' },
  ERR_TLS_ALPN_UNSELECTED: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'no_application_protocol', what: 'The server selected no application protocol although one is required.', hint: 'This may be a load balancer that ended TLS, or a server without that ALPN route.' },
  ERR_TLS_ALPN_UNOFFERED: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'illegal_parameter', what: 'The server selected an application protocol that was not offered.', hint: 'This is usually a load balancer that answers http/1.1 whatever is offered.' },
  ERR_TLS_NO_SIGNATURE_OVERLAP: { kind: 'tls', phase: 'handshake', blame: 'config', alert: 'handshake_failure', what: 'The server accepts no signature scheme that the client key can make.', hint: 'Use a client key of another type (ECDSA P-256 is accepted everywhere).' },
  ERR_TLS_SIGNER: { kind: 'tls', phase: 'handshake', blame: 'caller', alert: 'internal_error', what: 'The signer callback failed or returned a wrong signature.', hint: 'See `cause`; check the key service.' },
  ERR_TLS_LIMIT: { kind: 'tls', phase: 'handshake', blame: 'peer', alert: 'unexpected_message', what: 'The peer sent more than a limit allows: handshake bytes, empty records, key updates or tickets.', hint: 'The peer floods; the limit is named in the message.' },
  ERR_TLS_KEY_LIMIT: { kind: 'tls', phase: 'stream', blame: 'us', alert: 'internal_error', what: 'A key was used for as many records as is safe and could not be updated.', hint: 'Report this.' },
  ERR_TLS_RENEGOTIATION: { kind: 'tls', phase: 'stream', blame: 'peer', alert: 'unexpected_message', what: 'The server asks for a new handshake or certificate after the handshake, which is refused.', hint: 'Ask for client certificates during the handshake (RFC 8446 §4.6.2 was not offered).' },
  ERR_TLS_TRUNCATED: { kind: 'tls', phase: 'stream', blame: 'network', what: 'The connection ended without close_notify: data may be missing.', hint: 'A proxy, an idle limit or a crash cut it; `cause` may name it. Do not trust what came as complete.', retryable: true },
  ERR_TLS_HANDSHAKE_EOF: { kind: 'tls', phase: 'handshake', blame: 'network', what: 'The connection ended inside the TLS handshake.', hint: 'The server found no route for this ALPN or server name, or something on the way cut it.', retryable: true },
  ERR_TLS_CONFIG: { kind: 'tls', phase: 'handshake', blame: 'config', alert: 'internal_error', what: 'The TLS options contradict each other.', hint: 'Correct the option named in the message.' },

  // --- TLS: what the peer said was wrong ---
  ERR_TLS_ALERT: { kind: 'tls', phase: 'handshake', blame: 'peer', what: 'The peer ended the connection with the alert in `alert`.', hint: 'The alert\'s name says why; the server\'s log says more.' },
  ERR_TLS_ALERT_CERTIFICATE_REQUIRED: { kind: 'tls', phase: 'handshake', blame: 'config', what: 'The server requires a client certificate and none was sent.', hint: 'Pass an `identity`.' },
  ERR_TLS_ALERT_CERTIFICATE_REFUSED: { kind: 'tls', phase: 'handshake', blame: 'config', what: 'The server refused the client certificate.', hint: 'Check who signed it, its expiry and its purpose; renew it.' },
  ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL: { kind: 'tls', phase: 'handshake', blame: 'peer', what: 'The server knows none of the application protocols offered (alert 120).', hint: 'Either a load balancer stands in front (use an upgrade), or the server lacks that route.' },
  ERR_TLS_ALERT_HANDSHAKE_FAILURE: { kind: 'tls', phase: 'handshake', blame: 'peer', what: 'The server found no common cipher suite, group or signature scheme (alert 40).', hint: 'Enable TLS 1.3 with AES-GCM and X25519 or P-256 on the server.' },
  ERR_TLS_ALERT_PROTOCOL_VERSION: { kind: 'tls', phase: 'handshake', blame: 'peer', what: 'The server does not speak the TLS versions offered (alert 70).', hint: 'Enable TLS 1.3 on the server.' },
  ERR_TLS_ALERT_UNRECOGNIZED_NAME: { kind: 'tls', phase: 'handshake', blame: 'config', what: 'The server does not know this server name (alert 112).', hint: 'Correct `serverName`.' },

  // --- certificates ---
  ERR_CERT_UNTRUSTED: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'unknown_ca', exit: 5, what: 'No path leads from the server\'s certificate to a trust anchor.', hint: 'Pass the CA that really signs this server; inside an upgrade it is the private one, not the web\'s.' },
  ERR_CERT_EXPIRED: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'certificate_expired', exit: 5, what: 'A certificate of the path has expired.', hint: 'Renew it; check the clock here too.' },
  ERR_CERT_NOT_YET_VALID: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'bad_certificate', exit: 5, what: 'A certificate of the path is not valid yet.', hint: 'Check the clocks.' },
  ERR_CERT_NAME_MISMATCH: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'bad_certificate', exit: 5, what: 'The certificate is for other names than the server name.', hint: 'Set `serverName` to a name in the certificate, or check where the connection ends.' },
  ERR_CERT_CONSTRAINT: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'bad_certificate', exit: 5, what: 'A certificate breaks a constraint: CA flag, path length, key usage, name constraints or an unknown critical extension.', hint: 'Have the CA issue it rightly.' },
  ERR_CERT_PURPOSE: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'unsupported_certificate', exit: 5, what: 'The certificate is not meant for this purpose (extended key usage).', hint: 'Use a server certificate here and a client certificate there.' },
  ERR_CERT_SIGNATURE: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'bad_certificate', exit: 5, what: 'A signature in the path is wrong.', hint: 'The chain is forged or damaged, or the CA has another key of the same name.' },
  ERR_CERT_ALGORITHM: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'unsupported_certificate', exit: 5, what: 'A certificate uses a key or signature algorithm that is not accepted.', hint: 'Use ECDSA P-256, P-384, Ed25519 or RSA of 2048 bits and more, with SHA-2.' },
  ERR_CERT_ENCODING: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'bad_certificate', exit: 5, what: 'A certificate is not valid DER or breaks RFC 5280.', hint: 'Have the CA issue it again.' },
  ERR_CERT_PINNED: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'bad_certificate', exit: 5, what: 'No certificate of the path has a pinned key.', hint: 'Update the pin if the key was changed on purpose.' },
  ERR_CERT_REVOKED: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'certificate_revoked', exit: 5, what: 'A certificate of the path is revoked by a given CRL.', hint: 'Get a new certificate.' },
  ERR_CERT_CRL: { kind: 'certificate', phase: 'handshake', blame: 'config', alert: 'certificate_unknown', exit: 5, what: 'A given revocation list cannot be used.', hint: 'Pass a current, complete CRL signed by the CA itself.' },
  ERR_CERT_BUDGET: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'bad_certificate', exit: 5, what: 'Validating the chain would take more work than the budget allows.', hint: 'Send a shorter chain without cross-signed loops.' },
  ERR_CERT_MISSING: { kind: 'certificate', phase: 'handshake', blame: 'peer', alert: 'decode_error', exit: 5, what: 'The server sent an empty certificate list.', hint: 'Configure a certificate on the server.' },

  // --- streams ---
  ERR_STREAM_CLOSED: { kind: 'stream', phase: 'stream', blame: 'caller', what: 'The stream was written or used after it was closed.', hint: 'Await `closed`, and write before close().' },
  ERR_STREAM_RESET: { kind: 'stream', phase: 'stream', blame: 'network', what: 'The transport was reset or failed.', hint: 'See `cause`; dial again.', retryable: true },
  ERR_STREAM_LIMIT: { kind: 'stream', phase: 'stream', blame: 'us', what: 'A buffer reached its bound.', hint: 'Report this with the trace; a layer ignored backpressure.' },

  // --- gateway ---
  ERR_GATEWAY_CONFIG: { kind: 'config', phase: 'gateway', blame: 'config', what: 'The gateway\'s configuration cannot be used.', hint: 'Correct the entry named in the message.' },
  ERR_GATEWAY_LISTEN: { kind: 'config', phase: 'gateway', blame: 'config', what: 'The gateway cannot listen at that address.', hint: 'Another process holds the port, or it needs a privilege.' },
  ERR_GATEWAY_NO_ROUTE: { kind: 'tls', phase: 'gateway', blame: 'peer', alert: 'no_application_protocol', what: 'A client asked for an ALPN and server name that no route has.', hint: 'Add the route, or correct the client.' },
  ERR_GATEWAY_DENIED: { kind: 'tls', phase: 'gateway', blame: 'peer', alert: 'access_denied', what: 'A client\'s certificate is missing or not allowed on the route.', hint: 'Issue a certificate that the route\'s policy accepts.' },
  ERR_GATEWAY_CONNECT: { kind: 'dial', phase: 'gateway', blame: 'network', what: 'The gateway could not reach the service behind a route.', hint: 'Start the service, or correct the connector\'s address.', retryable: true },
  ERR_GATEWAY_UPGRADE: { kind: 'upgrade', phase: 'gateway', blame: 'peer', what: 'A request to the gateway was no upgrade it can answer.', hint: 'Ask for the upgrade path with GET and `Upgrade: websocket`.' },
  ERR_GATEWAY_HANDSHAKE: { kind: 'tls', phase: 'gateway', blame: 'peer', alert: 'handshake_failure', what: 'The inner TLS handshake with a client failed.', hint: 'The detail is OpenSSL\'s reason; the client may not trust the gateway\'s certificate.' },
  ERR_GATEWAY_UPSTREAM: { kind: 'stream', phase: 'gateway', blame: 'network', what: 'The service behind a route cut its connection.', hint: 'Read the service\'s log.', retryable: true },
  ERR_GATEWAY_LIMIT: { kind: 'stream', phase: 'gateway', blame: 'peer', what: 'A client exceeded a limit of the gateway.', hint: 'Raise the limit named in the message if the client is honest.' },

  ERR_INTERNAL: { kind: 'stream', phase: 'stream', blame: 'us', alert: 'internal_error', what: 'A bug in Underpass.', hint: 'Report it with the trace (it holds no secrets).', exit: 70 },
} as const

export type ErrorCode = keyof typeof table

// A literal table keeps the codes a union; this line keeps every row honest.
const rows: Readonly<Record<ErrorCode, Row>> = table

/** The rows of the code table, for documentation and for tools. */
export function errorRows(): ReadonlyArray<Row & { readonly code: ErrorCode; readonly exitStatus: number }> {
  return (Object.keys(rows) as ErrorCode[]).map((code) => ({
    code,
    exitStatus: exitStatusOf(code),
    ...rows[code],
  }))
}

/** What may be said beside the code. `cause` is the underlying error; `hint` replaces the table's. */
export interface FailureOptions {
  readonly cause?: unknown
  readonly hint?: string
  readonly phase?: Phase
  readonly retryable?: boolean
  /** The alert received, for ERR_TLS_ALERT*. */
  readonly alert?: AlertName | `alert_${number}`
  /** Position in the chain, 0 for the leaf, for ERR_CERT_*. */
  readonly depth?: number
  /** Subject of the certificate at fault, RFC 4514 text, for ERR_CERT_*. */
  readonly subject?: string
  /** What was observed, in order, for ERR_DETECT_INCONCLUSIVE and ERR_UPGRADE_*. */
  readonly evidence?: readonly string[]
}

/** Base of every error thrown by this library. */
export class TunnelError extends Error {
  readonly code: ErrorCode
  readonly phase: Phase
  readonly blame: Blame
  readonly retryable: boolean
  readonly hint: string
  readonly evidence: readonly string[]
  /** What was said beside the table's sentence, if anything. */
  readonly detail: string | undefined

  constructor(code: ErrorCode, detail?: string, options: FailureOptions = {}) {
    const row = rows[code]
    super(
      detail === undefined ? row.what : `${row.what.replace(/\.$/, '')}: ${detail}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.name = new.target.name
    this.code = code
    this.phase = options.phase ?? row.phase
    this.blame = row.blame
    this.retryable = options.retryable ?? row.retryable === true
    this.hint = options.hint ?? row.hint
    this.evidence = options.evidence ?? []
    this.detail = detail
  }
}

/** Options, identities, trust or the platform cannot be used. */
export class ConfigError extends TunnelError {}
/** The transport could not be opened, or no path to the server was found. */
export class DialError extends TunnelError {}
/** The HTTP connection upgrade failed. */
export class UpgradeError extends TunnelError {}
/** WebSocket or ping framing was broken. */
export class FramingError extends TunnelError {}
/** The connection failed while in use, was aborted or ran out of time. */
export class StreamError extends TunnelError {}
/** TLS failed; `alert` is what was sent, or received for ERR_TLS_ALERT*. */
export class TlsError extends TunnelError {
  readonly alert: AlertName | `alert_${number}` | undefined

  constructor(code: ErrorCode, detail?: string, options: FailureOptions = {}) {
    super(code, detail, options)
    this.alert = options.alert ?? rows[code].alert
  }
}
/** A certificate was refused; `depth` counts from the leaf. */
export class CertificateError extends TlsError {
  readonly depth: number | undefined
  readonly subject: string | undefined

  constructor(code: ErrorCode, detail?: string, options: FailureOptions = {}) {
    super(code, detail, options)
    this.depth = options.depth
    this.subject = options.subject
  }
}

const classes = {
  config: ConfigError,
  dial: DialError,
  upgrade: UpgradeError,
  framing: FramingError,
  tls: TlsError,
  certificate: CertificateError,
  stream: StreamError,
} satisfies Record<Kind, new (code: ErrorCode, detail?: string, options?: FailureOptions) => TunnelError>

/** The error for a code, of the class its row names. `detail` is appended to the row's sentence. */
export function failure(code: ErrorCode, detail?: string, options?: FailureOptions): TunnelError {
  return new classes[rows[code].kind](code, detail, options)
}

/** Anything thrown, as one of ours: unknown errors become ERR_INTERNAL with the original as `cause`. */
export function asTunnelError(thrown: unknown, fallback: ErrorCode = 'ERR_INTERNAL'): TunnelError {
  if (thrown instanceof TunnelError) return thrown
  const detail = thrown instanceof Error ? thrown.message : undefined
  return failure(fallback, detail, { cause: thrown })
}

/** The alert that an error sends to the peer when it ends a TLS connection. */
export function alertFor(error: TunnelError): AlertName {
  return rows[error.code].alert ?? 'internal_error'
}

/** Exit status of the command line for a code: 0 is never one of them. */
export function exitStatusOf(code: ErrorCode): number {
  const row = rows[code]
  if (row.exit !== undefined) return row.exit
  if (row.kind === 'tls') return 6
  return { config: 2, caller: 2, network: 3, peer: 6, us: 70 }[row.blame]
}
