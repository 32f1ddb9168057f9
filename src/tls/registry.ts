// The numbers of TLS and their RFC names: RFC 8446 §4, §5.1, Appendix B, and the IANA registries it set up. Data only;
// who may use which value where is decided in the rooms that read messages.
import type { CurveName, KeyKind, SignatureAlgorithm } from '../crypto/provider.js'

/** RFC 8446 §5.1. */
export const contentType = {
  change_cipher_spec: 20,
  alert: 21,
  handshake: 22,
  application_data: 23,
} as const

/** RFC 8446 §4, RFC 5246 §7.4. */
export const handshakeType = {
  hello_request: 0,
  client_hello: 1,
  server_hello: 2,
  new_session_ticket: 4,
  encrypted_extensions: 8,
  certificate: 11,
  server_key_exchange: 12,
  certificate_request: 13,
  server_hello_done: 14,
  certificate_verify: 15,
  client_key_exchange: 16,
  finished: 20,
  key_update: 24,
  message_hash: 254,
  /** TLS 1.2: no handshake message, but it comes in their order. No byte holds it, so no peer can send it as one. */
  change_cipher_spec: 256,
} as const

export type HandshakeName = keyof typeof handshakeType

/** RFC 8446 §4.2, and what we meet beside it. */
export const extensionType = {
  server_name: 0,
  status_request: 5,
  supported_groups: 10,
  ec_point_formats: 11,
  signature_algorithms: 13,
  application_layer_protocol_negotiation: 16,
  signed_certificate_timestamp: 18,
  extended_master_secret: 23,
  record_size_limit: 28,
  session_ticket: 35,
  pre_shared_key: 41,
  early_data: 42,
  supported_versions: 43,
  cookie: 44,
  psk_key_exchange_modes: 45,
  certificate_authorities: 47,
  signature_algorithms_cert: 50,
  key_share: 51,
  renegotiation_info: 0xff01,
} as const

export const TLS12 = 0x0303
export const TLS13 = 0x0304

/** RFC 8446 §5.1: content of a record, in bytes. */
export const MAX_PLAINTEXT: number = 2 ** 14
/** RFC 8446 §5.2: protected content of a record, in bytes. */
export const MAX_CIPHERTEXT: number = MAX_PLAINTEXT + 256

/** The name of `value` in one of the tables above, or `unknown_<value>`. */
export function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  for (const name in table) if (table[name] === value) return name
  return `unknown_${value}`
}

export interface SignatureScheme {
  readonly id: number
  readonly name: string
  readonly algorithm: SignatureAlgorithm
  /** RFC 8446 §4.2.3: the RSASSA-PKCS1-v1_5 schemes are for certificates, and for TLS 1.2. */
  readonly handshake: boolean
  /** Whether a key can make it: RFC 8446 §4.2.3 binds ECDSA schemes to a curve and PSS schemes to a key OID. */
  fits(key: KeyKind): boolean
}

/** RFC 8446 §4.4.3: whether the holder of a key may sign a TLS 1.3 handshake so. */
export function schemeFits({ handshake, fits }: SignatureScheme, key: KeyKind): boolean {
  return handshake && fits(key)
}

/** RFC 8446 §4.2.3, in preference order. */
export const signatureSchemes: readonly SignatureScheme[] = [
  ecdsa(0x0403, 'secp256r1', 'P-256', 256),
  ecdsa(0x0503, 'secp384r1', 'P-384', 384),
  {
    id: 0x0807,
    name: 'ed25519',
    algorithm: { kind: 'ed25519' },
    handshake: true,
    fits: (key) => key.kind === 'ed25519',
  },
  pss(0x0804, 'rsae', 256),
  pss(0x0805, 'rsae', 384),
  pss(0x0806, 'rsae', 512),
  pss(0x0809, 'pss', 256),
  pss(0x080a, 'pss', 384),
  pss(0x080b, 'pss', 512),
  ecdsa(0x0603, 'secp521r1', 'P-521', 512),
  pkcs1(0x0401, 256),
  pkcs1(0x0501, 384),
  pkcs1(0x0601, 512),
]

/** Bits of a SHA-2 digest. */
type Sha2 = 256 | 384 | 512

function ecdsa(id: number, group: string, curve: CurveName, sha: Sha2): SignatureScheme {
  return {
    id,
    name: `ecdsa_${group}_sha${sha}`,
    algorithm: { kind: 'ecdsa', hash: `SHA-${sha}` },
    handshake: true,
    fits: (key) => key.kind === 'ec' && key.curve === curve,
  }
}

/** `oid`: under which the key is in its certificate, rsaEncryption or id-RSASSA-PSS. */
function pss(id: number, oid: 'rsae' | 'pss', sha: Sha2): SignatureScheme {
  return {
    id,
    name: `rsa_pss_${oid}_sha${sha}`,
    algorithm: { kind: 'rsa-pss', hash: `SHA-${sha}`, saltLength: sha / 8 },
    handshake: true,
    // RFC 8017 §9.1.1: the encoded message must hold digest, salt and two bytes.
    fits: (key) => key.kind === 'rsa' && key.pss === (oid === 'pss') && key.bits >= 2 * sha + 16 + 1,
  }
}

function pkcs1(id: number, sha: Sha2): SignatureScheme {
  return {
    id,
    name: `rsa_pkcs1_sha${sha}`,
    algorithm: { kind: 'rsa-pkcs1', hash: `SHA-${sha}` },
    handshake: false,
    fits: (key) => key.kind === 'rsa' && !key.pss,
  }
}
