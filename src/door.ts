// What every door shows beside its own platform and `createDialer`: the words of options and results, errors,
// trust and identities. Re-exported whole by `underpass`, which adds layers for stacks of one's own, and by
// `underpass/workerd` and `underpass/browser`. Nothing is defined here.
export type { Bytes } from './bytes/index.js'
export type { CryptoKeyLike, CryptoProvider, KeyKind, SignatureAlgorithm, Signer } from './crypto/index.js'
export type {
  ConnectOptions,
  Detection,
  DetectOptions,
  Dialer,
  DialerOptions,
  HeadersInput,
  HeadersRequest,
  KeepAlive,
  Limits,
  RetryPolicy,
  Timeouts,
  Timings,
  TunnelInfo,
  Verdict,
} from './dial/index.js'
export {
  type AlertName,
  type Blame,
  CertificateError,
  ConfigError,
  DialError,
  type ErrorCode,
  FramingError,
  type Phase,
  StreamError,
  TlsError,
  TunnelError,
  UpgradeError,
} from './errors.js'
export { explain } from './explain.js'
export type { MaybePromise } from './layer.js'
export {
  type Certificate,
  dangerously,
  type Identity,
  type IdentityInput,
  loadIdentity,
  type Trust,
  type TrustInput,
  type TrustStore,
  trustStore,
  type UnverifiedTrust,
  type VerifiedChain,
} from './pki/index.js'
export type { Platform } from './platform/platform.js'
export type { ByteStream, StreamLimits, TunnelSocket } from './stream/index.js'
export type { TlsInfo, TlsLimits } from './tls/index.js'
export type { Direction, KeyLog, Span, TimedTraceEvent, Trace, TraceEvent } from './trace.js'
