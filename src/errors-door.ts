// `underpass/errors`: who only tells errors apart, or shows them, needs no TLS for it. The classes are those that every other
// door throws. Nothing is defined here.
export {
  type AlertName,
  type Blame,
  CertificateError,
  ConfigError,
  DialError,
  type ErrorCode,
  type ErrorProse,
  type ErrorRow,
  errorRows,
  exitStatusOf,
  FramingError,
  type Phase,
  StreamError,
  TlsError,
  TunnelError,
  UpgradeError,
} from './errors.js'
export { explain } from './explain.js'
