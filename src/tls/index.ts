// The TLS client as a layer: protocol only. Bytes and providers enter; sockets, clocks and trust decisions of a platform do not.
export type { AlertName } from '../errors.js'
export { tlsClient } from './layer.js'
export type {
  IdentityRequest,
  IdentitySource,
  TlsClientOptions,
  TlsInfo,
  TlsLimits,
} from './options.js'
export type { Session } from './session.js'
