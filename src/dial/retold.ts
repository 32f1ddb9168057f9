// The same error, told with what the dialer knows besides: which TLS it was, what was seen before, a better hint. Code,
// class, alert and position in the chain stay; the original is the cause.
import type { Phase, TunnelError } from '../errors.js'
import { CertificateError, failure, TlsError } from '../errors.js'

export interface Circumstance {
  /** Put before the error's own detail. */
  readonly where?: string
  readonly phase?: Phase
  readonly hint?: string
  readonly evidence?: readonly string[]
  readonly retryable?: boolean
}

/** `error` itself when there is nothing to add. */
export function retold(error: TunnelError, circumstance: Circumstance): TunnelError {
  if (Object.keys(circumstance).length === 0) return error
  const detail = [circumstance.where, error.detail].filter((part) => part !== undefined).join(': ')
  return failure(error.code, detail === '' ? undefined : detail, {
    cause: error,
    phase: circumstance.phase ?? error.phase,
    hint: circumstance.hint ?? error.hint,
    evidence: circumstance.evidence ?? error.evidence,
    retryable: circumstance.retryable ?? error.retryable,
    ...(error instanceof TlsError && error.alert !== undefined && { alert: error.alert }),
    ...(error instanceof CertificateError && error.depth !== undefined && { depth: error.depth }),
    ...(error instanceof CertificateError && error.subject !== undefined && { subject: error.subject }),
  })
}
