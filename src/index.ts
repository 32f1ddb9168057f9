// The portable door: everything that needs no runtime of its own. Entry points for runtimes (`underpass/node`,
// `/workerd`, `/browser`) re-export it and add `createDialer`. No import from a platform folder may enter here.
//
//              underpass/node          underpass/workerd        underpass/browser      adapters: the only rooms
//             net · tls · node:crypto  cloudflare:sockets       WebSocket(Stream)      with runtime nouns
//                     │                 fetch(Upgrade)              │
//                     └───────────────────┬─────────────────────────┘
//                                ByteStream {readable, writable}
//                                         │
//   wire ─► [outer TLS] ─► upgrade ─► websocket | ping | raw ─► inner TLS 1.3/1.2 ─► [ping] ─► application
//                                         │
//                              stream/drive  (backpressure, half-close, abort)
//                                         │
//                       TunnelSocket {readable, writable, opened, closed, close(), info}
//                                         │
//     Duplex (pg, postgres, mysql2, ioredis, ssh2, undici) · local proxy · gateway · CLI · Worker · console
export type { Bytes } from './bytes/index.js'
export { type WebCryptoSource, webcrypto } from './crypto/index.js'
export type { CryptoKeyLike, CryptoProvider, KeyKind, SignatureAlgorithm, Signer } from './crypto/provider.js'
export {
  type Compat,
  type ConnectOptions,
  type ConnectOverOptions,
  connectOver,
  type Detection,
  type DetectOptions,
  type Dialer,
  type DialerOptions,
  dialerOn,
  type Finding,
  type HeadersInput,
  type HeadersRequest,
  type InfoOfLast,
  type KeepAlive,
  type Limits,
  type Mode,
  type RetryPolicy,
  type Timeouts,
  type Timings,
  type TunnelInfo,
  type UpgradeMode,
  upgradeOverride,
  upgradeVariable,
  type Verdict,
  type VerdictCache,
  type VerdictCacheOptions,
  verdictCache,
} from './dial/index.js'
export {
  type AlertName,
  type Blame,
  CertificateError,
  ConfigError,
  DialError,
  type ErrorCode,
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
export type { Layer, MaybePromise, Sink } from './layer.js'
export {
  type Certificate,
  type ChainExpectation,
  dangerously,
  type Identity,
  type IdentityInput,
  loadIdentity,
  parseCertificate,
  type Trust,
  type TrustInput,
  type TrustStore,
  trustStore,
  type UnverifiedTrust,
  type VerifiedChain,
} from './pki/index.js'
export type { Address, Platform, WebSocketWire, WireOptions } from './platform/platform.js'
export type { ByteStream, StreamLimits, TunnelSocket, Wire, WireEvents } from './stream/index.js'
export {
  type ChannelBindingType,
  memorySessionStore,
  type Session,
  type SessionStore,
  type TlsClientOptions,
  type TlsInfo,
  type TlsLayer,
  type TlsLimits,
  tlsClient,
} from './tls/index.js'
export type { Direction, KeyLog, Span, TimedTraceEvent, Trace, TraceEvent } from './trace.js'
export {
  pingFraming,
  type UpgradeInfo,
  type UpgradeOptions,
  upgrade,
  webSocket,
} from './tunnel/index.js'
