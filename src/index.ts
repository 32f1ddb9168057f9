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
export { type WebCryptoSource, webcrypto } from './crypto/index.js'
export {
  type Compat,
  type ConnectOverOptions,
  connectOver,
  dialerOn,
  type Finding,
  type InfoOfLast,
  type Mode,
  type UpgradeMode,
  upgradeOverride,
  upgradeVariable,
  type VerdictCache,
  type VerdictCacheOptions,
  verdictCache,
} from './dial/index.js'
export * from './door.js'
export { errorRows, exitStatusOf } from './errors.js'
export type { Layer, Sink } from './layer.js'
export { type ChainExpectation, parseCertificate } from './pki/index.js'
export type { Address, WebSocketWire, WireOptions } from './platform/platform.js'
export type { Wire, WireEvents } from './stream/index.js'
export {
  type ChannelBindingType,
  memorySessionStore,
  type Session,
  type SessionStore,
  type TlsClientOptions,
  type TlsLayer,
  tlsClient,
} from './tls/index.js'
export {
  pingFraming,
  type UpgradeInfo,
  type UpgradeOptions,
  upgrade,
  webSocket,
} from './tunnel/index.js'
