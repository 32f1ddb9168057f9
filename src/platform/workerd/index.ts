// The worker's door: WebSockets by fetch() for bytes, WebCrypto for keys. The only folder that knows the nouns of
// workerd; nothing of Node or of pages enters. What fetch() opens shows no ALPN: it upgrades always.
// What is exported is what a worker can use; layers for stacks of one's own are in `underpass`.
import { webcrypto } from '../../crypto/webcrypto.js'
import { type Dialer, type DialerOptions, dialerBy, overWebSocket } from '../../dial/index.js'
import type { Platform } from '../platform.js'
import { dialWebSocket } from './web-socket.js'

export type { Bytes } from '../../bytes/index.js'
export type {
  CryptoKeyLike,
  CryptoProvider,
  KeyKind,
  SignatureAlgorithm,
  Signer,
} from '../../crypto/index.js'
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
} from '../../dial/index.js'
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
} from '../../errors.js'
export { explain } from '../../explain.js'
export type { MaybePromise } from '../../layer.js'
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
} from '../../pki/index.js'
export type { ByteStream, StreamLimits, TunnelSocket } from '../../stream/index.js'
export type { TlsInfo, TlsLimits } from '../../tls/index.js'
export type { Direction, KeyLog, Span, TimedTraceEvent, Trace, TraceEvent } from '../../trace.js'
export type { Platform }

/** What a worker gives the dialer. */
export function workerdPlatform(): Platform {
  return {
    name: 'workerd',
    crypto: webcrypto(crypto),
    now: () => Date.now(),
    monotonic: () => performance.now(),
    dialWebSocket,
  }
}

/** A dialer for this worker; make one per request, since sockets may not outlive the request that opened them. */
export function createDialer(options: DialerOptions): Dialer {
  return dialerBy(overWebSocket, workerdPlatform(), options)
}
