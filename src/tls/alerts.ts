// Alerts by name and number, and what a received one means to our user. RFC 8446 §6.
import type { Bytes } from '../bytes/index.js'
import { type AlertName, alertNumbers, type ErrorCode, failure, type TunnelError } from '../errors.js'

export const WARNING = 1
export const FATAL = 2

export type ReceivedAlertName = AlertName | `alert_${number}`

export interface ReceivedAlert {
  readonly name: ReceivedAlertName
  readonly level: number
}

/** An alert's two bytes. RFC 8446 §6: closure alerts are warnings, all others fatal. */
export function writeAlert(name: AlertName): Bytes {
  const closing = name === 'close_notify' || name === 'user_canceled'
  return new Uint8Array([closing ? WARNING : FATAL, alertNumbers[name]])
}

export function readAlert(fragment: Uint8Array): ReceivedAlert {
  // RFC 8446 §5.1: an alert MUST NOT be fragmented, and a record holds exactly one.
  if (fragment.length !== 2) throw failure('ERR_TLS_DECODE', `an alert of ${fragment.length} bytes`)
  const [level, number] = fragment as unknown as [number, number]
  if (level !== WARNING && level !== FATAL) throw failure('ERR_TLS_ILLEGAL_PARAMETER', `alert level ${level}`)
  const names = Object.keys(alertNumbers) as AlertName[]
  return { name: names.find((name) => alertNumbers[name] === number) ?? `alert_${number}`, level }
}

/** What the server knows of our certificate, which decides what its complaint about certificates means. */
export type ClientCertificateState = 'not requested' | 'requested' | 'sent'

/** The error for an alert that ends the connection. */
export function alertError(name: ReceivedAlertName, certificate: ClientCertificateState): TunnelError {
  return failure(codeOf(name, certificate), name, { alert: name })
}

function codeOf(name: ReceivedAlertName, certificate: ClientCertificateState): ErrorCode {
  switch (name) {
    case 'certificate_required':
      return 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED'
    case 'no_application_protocol':
      return 'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL'
    // RFC 5246 §7.4.6: before certificate_required existed, this was what a server said that got none.
    case 'handshake_failure':
      return certificate === 'requested'
        ? 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED'
        : 'ERR_TLS_ALERT_HANDSHAKE_FAILURE'
    case 'protocol_version':
      return 'ERR_TLS_ALERT_PROTOCOL_VERSION'
    case 'unrecognized_name':
      return 'ERR_TLS_ALERT_UNRECOGNIZED_NAME'
    // Servers before certificate_required existed say bad_certificate for an empty list.
    case 'bad_certificate':
      if (certificate === 'requested') return 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED'
      break
    case 'unsupported_certificate':
    case 'certificate_revoked':
    case 'certificate_expired':
    case 'certificate_unknown':
    case 'unknown_ca':
    case 'access_denied':
      break
    default:
      return 'ERR_TLS_ALERT'
  }
  return certificate === 'sent' ? 'ERR_TLS_ALERT_CERTIFICATE_REFUSED' : 'ERR_TLS_ALERT'
}
