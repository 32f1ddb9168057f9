// Every error of the library, and THE code table: one row a code, with whose fault it is, the TLS alert it sends, and the
// exit status; what only Node raises is in `error-rows-node.ts`, whose rooms import `errors-node.ts` instead. The sentences beside each code are in `error-prose.ts`; `docs/errors.md` is generated from both. Throw with
// `failure(code, detail)`, never with `new Error`; decide on `error.code` or `error.blame`, never on message text. Details
// never carry secrets or peer plaintext.

import type { NodeErrorCode } from './error-rows-node.js'

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
  | 'local'
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

export interface ErrorRow {
  readonly kind: Kind
  /** Where it happened, when that is not the kind's own place. */
  readonly phase?: Phase
  readonly blame: Blame
  /** The alert sent to the peer when this ends a TLS connection. */
  readonly alert?: AlertName
  /** True when the same call may succeed later, unchanged. */
  readonly retryable?: true
  /** Exit status of the command line when it is neither the kind's own nor the blame's. */
  readonly exit?: number
}

// The rows are the documentation: keep them sorted by family, one line of meaning each.
// biome-ignore format: a row a code reads as a table
const table = {
  // --- configuration and platform ---
  ERR_CONFIG_INVALID: { kind: 'config', blame: 'config' },
  ERR_CONFIG_ORIGIN: { kind: 'config', blame: 'config' },
  ERR_CONFIG_TRUST: { kind: 'config', blame: 'config' },
  ERR_CONFIG_IDENTITY: { kind: 'config', blame: 'config' },
  ERR_CONFIG_PASSPHRASE: { kind: 'config', blame: 'config' },
  ERR_CONFIG_KEY_MISMATCH: { kind: 'config', blame: 'config' },
  ERR_CONFIG_CHUNK: { kind: 'config', blame: 'config' },
  ERR_UNSUPPORTED_PLATFORM: { kind: 'config', blame: 'caller' },
  ERR_CRYPTO_UNAVAILABLE: { kind: 'config', blame: 'config' },
  ERR_CRYPTO_KEY: { kind: 'config', blame: 'caller' },
  ERR_ABORTED: { kind: 'stream', blame: 'caller', exit: 130 },
  ERR_TIMEOUT: { kind: 'stream', blame: 'network', retryable: true, exit: 7 },

  // --- dialing ---
  ERR_DIAL_REFUSED: { kind: 'dial', blame: 'network', retryable: true },
  ERR_DIAL_RESET: { kind: 'dial', blame: 'network', retryable: true },
  ERR_DIAL_FAILED: { kind: 'dial', blame: 'network', retryable: true },
  ERR_DETECT_INCONCLUSIVE: { kind: 'dial', phase: 'detect', blame: 'network', retryable: true },

  // --- connection upgrade ---
  ERR_UPGRADE_REJECTED: { kind: 'upgrade', blame: 'peer' },
  ERR_UPGRADE_REDIRECTED: { kind: 'upgrade', blame: 'peer' },
  ERR_UPGRADE_BAD_REQUEST: { kind: 'upgrade', blame: 'peer' },
  ERR_UPGRADE_FORBIDDEN: { kind: 'upgrade', blame: 'peer' },
  ERR_UPGRADE_NOT_FOUND: { kind: 'upgrade', blame: 'peer' },
  ERR_UPGRADE_VERSION: { kind: 'upgrade', blame: 'peer' },
  ERR_UPGRADE_UNAVAILABLE: { kind: 'upgrade', blame: 'peer', retryable: true },
  ERR_UPGRADE_STRIPPED: { kind: 'upgrade', blame: 'peer' },
  ERR_UPGRADE_MISMATCH: { kind: 'upgrade', blame: 'peer' },
  ERR_UPGRADE_SUBPROTOCOL: { kind: 'upgrade', blame: 'peer' },
  ERR_UPGRADE_MALFORMED: { kind: 'upgrade', blame: 'peer' },
  ERR_UPGRADE_TOO_LARGE: { kind: 'upgrade', blame: 'peer' },
  ERR_UPGRADE_EOF: { kind: 'upgrade', blame: 'network', retryable: true },

  // --- websocket framing ---
  ERR_WS_MASKED: { kind: 'framing', blame: 'peer' },
  ERR_WS_TEXT: { kind: 'framing', blame: 'peer' },
  ERR_WS_TOO_LARGE: { kind: 'framing', blame: 'peer' },
  ERR_WS_PROTOCOL: { kind: 'framing', blame: 'peer' },
  ERR_WS_GOING_AWAY: { kind: 'framing', blame: 'peer', retryable: true },
  ERR_WS_ABNORMAL: { kind: 'framing', blame: 'network', retryable: true },
  ERR_WS_UNANSWERED: { kind: 'framing', blame: 'peer', retryable: true },
  ERR_WS_SERVER_ERROR: { kind: 'framing', blame: 'peer', retryable: true },
  ERR_WS_CLOSED: { kind: 'framing', blame: 'peer' },

  // --- ping framing ---
  ERR_PING_TOO_LARGE: { kind: 'framing', blame: 'peer' },
  ERR_PING_TRUNCATED: { kind: 'framing', blame: 'network', retryable: true },
  ERR_PING_TIMEOUT: { kind: 'framing', blame: 'network', retryable: true, exit: 7 },

  // --- TLS: what we found wrong ---
  ERR_TLS_UNEXPECTED_MESSAGE: { kind: 'tls', blame: 'peer', alert: 'unexpected_message' },
  ERR_TLS_BAD_RECORD_MAC: { kind: 'tls', blame: 'network', alert: 'bad_record_mac' },
  ERR_TLS_RECORD_OVERFLOW: { kind: 'tls', blame: 'peer', alert: 'record_overflow' },
  ERR_TLS_RECORD_TYPE: { kind: 'tls', blame: 'peer', alert: 'unexpected_message' },
  ERR_TLS_NOT_TLS: { kind: 'tls', blame: 'peer', alert: 'protocol_version' },
  ERR_TLS_DECODE: { kind: 'tls', blame: 'peer', alert: 'decode_error' },
  ERR_TLS_ILLEGAL_PARAMETER: { kind: 'tls', blame: 'peer', alert: 'illegal_parameter' },
  ERR_TLS_MISSING_EXTENSION: { kind: 'tls', blame: 'peer', alert: 'missing_extension' },
  ERR_TLS_UNSUPPORTED_EXTENSION: { kind: 'tls', blame: 'peer', alert: 'unsupported_extension' },
  ERR_TLS_VERSION: { kind: 'tls', blame: 'peer', alert: 'protocol_version' },
  ERR_TLS_EXTENDED_MASTER_SECRET: { kind: 'tls', blame: 'peer', alert: 'handshake_failure' },
  ERR_TLS_SECURE_RENEGOTIATION: { kind: 'tls', blame: 'peer', alert: 'handshake_failure' },
  ERR_TLS_DOWNGRADE: { kind: 'tls', blame: 'peer', alert: 'illegal_parameter' },
  ERR_TLS_HELLO_RETRY: { kind: 'tls', blame: 'peer', alert: 'illegal_parameter' },
  ERR_TLS_FINISHED: { kind: 'tls', blame: 'peer', alert: 'decrypt_error' },
  ERR_TLS_SIGNATURE: { kind: 'tls', blame: 'peer', alert: 'decrypt_error' },
  ERR_TLS_SIGNATURE_SCHEME: { kind: 'tls', blame: 'peer', alert: 'illegal_parameter' },
  ERR_TLS_KEY_SHARE: { kind: 'tls', blame: 'peer', alert: 'illegal_parameter' },
  ERR_TLS_ALPN_UNSELECTED: { kind: 'tls', blame: 'peer', alert: 'no_application_protocol' },
  ERR_TLS_ALPN_UNOFFERED: { kind: 'tls', blame: 'peer', alert: 'illegal_parameter' },
  ERR_TLS_NO_SIGNATURE_OVERLAP: { kind: 'tls', blame: 'config', alert: 'handshake_failure' },
  ERR_TLS_SIGNER: { kind: 'tls', blame: 'caller', alert: 'internal_error' },
  ERR_TLS_LIMIT: { kind: 'tls', blame: 'peer', alert: 'unexpected_message' },
  ERR_TLS_KEY_LIMIT: { kind: 'tls', phase: 'stream', blame: 'us', alert: 'internal_error' },
  ERR_TLS_RENEGOTIATION: { kind: 'tls', phase: 'stream', blame: 'peer', alert: 'unexpected_message' },
  ERR_TLS_TRUNCATED: { kind: 'tls', phase: 'stream', blame: 'network', retryable: true },
  ERR_TLS_HANDSHAKE_EOF: { kind: 'tls', blame: 'network', retryable: true },
  ERR_TLS_CONFIG: { kind: 'tls', blame: 'config', alert: 'internal_error' },

  // --- TLS: what the peer said was wrong ---
  ERR_TLS_ALERT: { kind: 'tls', blame: 'peer' },
  ERR_TLS_ALERT_CERTIFICATE_REQUIRED: { kind: 'tls', blame: 'config' },
  ERR_TLS_ALERT_CERTIFICATE_REFUSED: { kind: 'tls', blame: 'config' },
  ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL: { kind: 'tls', blame: 'peer' },
  ERR_TLS_ALERT_HANDSHAKE_FAILURE: { kind: 'tls', blame: 'peer' },
  ERR_TLS_ALERT_PROTOCOL_VERSION: { kind: 'tls', blame: 'peer' },
  ERR_TLS_ALERT_UNRECOGNIZED_NAME: { kind: 'tls', blame: 'config' },

  // --- certificates ---
  ERR_CERT_UNTRUSTED: { kind: 'certificate', blame: 'peer', alert: 'unknown_ca' },
  ERR_CERT_EXPIRED: { kind: 'certificate', blame: 'peer', alert: 'certificate_expired' },
  ERR_CERT_NOT_YET_VALID: { kind: 'certificate', blame: 'peer', alert: 'bad_certificate' },
  ERR_CERT_NAME_MISMATCH: { kind: 'certificate', blame: 'peer', alert: 'bad_certificate' },
  ERR_CERT_CONSTRAINT: { kind: 'certificate', blame: 'peer', alert: 'bad_certificate' },
  ERR_CERT_PURPOSE: { kind: 'certificate', blame: 'peer', alert: 'unsupported_certificate' },
  ERR_CERT_SIGNATURE: { kind: 'certificate', blame: 'peer', alert: 'bad_certificate' },
  ERR_CERT_ALGORITHM: { kind: 'certificate', blame: 'peer', alert: 'unsupported_certificate' },
  ERR_CERT_ENCODING: { kind: 'certificate', blame: 'peer', alert: 'decode_error' },
  ERR_CERT_REFUSED: { kind: 'certificate', blame: 'caller', alert: 'certificate_unknown' },
  ERR_CERT_PINNED: { kind: 'certificate', blame: 'peer', alert: 'bad_certificate' },
  ERR_CERT_REVOKED: { kind: 'certificate', blame: 'peer', alert: 'certificate_revoked' },
  ERR_CERT_CRL: { kind: 'certificate', blame: 'config', alert: 'certificate_unknown' },
  ERR_CERT_BUDGET: { kind: 'certificate', blame: 'peer', alert: 'bad_certificate' },
  ERR_CERT_MISSING: { kind: 'certificate', blame: 'peer', alert: 'decode_error' },

  // --- streams ---
  ERR_STREAM_CLOSED: { kind: 'stream', blame: 'caller' },
  ERR_STREAM_RESET: { kind: 'stream', blame: 'network', retryable: true },
  ERR_STREAM_LIMIT: { kind: 'stream', blame: 'us' },

  ERR_INTERNAL: { kind: 'stream', blame: 'us', alert: 'internal_error' },
} as const

type CoreCode = keyof typeof table

export type ErrorCode = CoreCode | NodeErrorCode

// A literal table keeps the codes a union; this line keeps every row honest.
const core: Readonly<Record<CoreCode, ErrorRow>> = table
let rows: Readonly<Record<ErrorCode, ErrorRow>> = core as Readonly<Record<ErrorCode, ErrorRow>>

/** What is raised on Node alone has its rows beside this file, so that pages and Workers need not carry them. */
export function installRows(more: Readonly<Record<NodeErrorCode, ErrorRow>>): void {
  rows = { ...core, ...more }
}

/** The rows of the code table, for documentation and for tools. */
export function errorRows(): ReadonlyArray<
  ErrorRow & { readonly code: ErrorCode; readonly phase: Phase; readonly exitStatus: number }
> {
  return (Object.keys(rows) as ErrorCode[]).map((code) => ({
    code,
    phase: phaseOf(rows[code].kind),
    exitStatus: exitStatusOf(code),
    ...rows[code],
  }))
}

/** What happened and what to try, a sentence each. */
export type ErrorProse = Readonly<Record<ErrorCode, { readonly what: string; readonly hint: string }>>

let prose: ErrorProse | undefined

/** Give errors made from now on their sentences; without them a message is the code and its detail. */
export function installProse(table: ErrorProse): void {
  prose = table
}

/** What may be said beside the code. `cause` is the underlying error; `hint` replaces the table's. */
export interface FailureOptions {
  readonly cause?: unknown
  readonly hint?: string
  readonly phase?: Phase
  readonly retryable?: boolean
  /** The alert received, for ERR_TLS_ALERT*; or the one to send, where it is not the row's. */
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
  /** What to try; empty where the prose is not installed (`explain` loads it). */
  readonly hint: string
  readonly evidence: readonly string[]
  /** What was said beside the table's sentence, if anything. */
  readonly detail: string | undefined

  constructor(code: ErrorCode, detail?: string, options: FailureOptions = {}) {
    const row = rows[code]
    const what = prose?.[code].what ?? code
    super(
      detail === undefined ? what : `${what.replace(/\.$/, '')}: ${detail}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.name = `${row.kind.charAt(0).toUpperCase()}${row.kind.slice(1)}Error`
    this.code = code
    this.phase = options.phase ?? row.phase ?? phaseOf(row.kind)
    this.blame = row.blame
    this.retryable = options.retryable ?? row.retryable === true
    this.hint = options.hint ?? prose?.[code].hint ?? ''
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

/** Where errors of a kind happen. */
function phaseOf(kind: Kind): Phase {
  return kind === 'tls' || kind === 'certificate' ? 'handshake' : kind
}

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

/** What is imported lazily, as in `loaded(import('./retry.js'))`. Raises ERR_CONFIG_CHUNK when it cannot be had. */
export async function loaded<T>(part: Promise<T>): Promise<T> {
  try {
    return await part
  } catch (cause) {
    throw failure('ERR_CONFIG_CHUNK', undefined, { cause })
  }
}

/** The alert that an error sends to the peer when it ends a TLS connection. */
export function alertFor(error: TunnelError): AlertName {
  const { alert = 'internal_error' } = rows[error.code]
  // An alert other than the row's is another version's. One that was received has no row to differ from.
  return error instanceof TlsError && 'alert' in rows[error.code] ? (error.alert as AlertName) : alert
}

/** Exit status of the command line for a code: 0 is never one of them. */
export function exitStatusOf(code: ErrorCode): number {
  const { kind, blame, exit } = rows[code]
  const ofKind: Partial<Record<Kind, number>> = { upgrade: 4, certificate: 5, tls: 6 }
  return exit ?? ofKind[kind] ?? { config: 2, caller: 2, network: 3, peer: 6, us: 70 }[blame]
}
