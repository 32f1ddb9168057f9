// The TLS client as a layer: protocol only. Bytes and providers enter; sockets, clocks and trust decisions of a platform do not.
export type { AlertName } from '../errors.js'
export type { ChannelBindingType } from './channel-binding.js'
export { prepareShares } from './hello.js'
export { type TlsLayer, tlsClient } from './layer.js'
export { memorySessionStore } from './memory-session-store.js'
export type { KeyUpdateRequest } from './messages/key-update.js'
export type {
  IdentityRequest,
  IdentitySource,
  TlsClientOptions,
  TlsInfo,
  TlsLimits,
  TlsVersion,
} from './options.js'
export type { Session, SessionStore } from './session.js'
