// The gateway to put in front of a plain TCP service (Node only): connection upgrades and inner TLS in, clear bytes out.
// It stands on node:tls and `ws` and knows errors and bytes of this library, never its TLS, tunnel or dial rooms: the
// two ends check each other. ERR_GATEWAY_* codes are in `errors.ts`.

export type {
  ClientFacts,
  Door,
  Framing,
  GatewayEvent,
  GatewayStats,
  RouteStats,
} from './events.js'
export type {
  ClientPolicy,
  ClientRule,
  Connector,
  DirectListener,
  GatewayIdentity,
  GatewayLimits,
  GatewayOptions,
  GatewayTimeouts,
  Match,
  Reloadable,
  Route,
  UpgradeListener,
} from './options.js'
export { type CloseOptions, createGateway, type Gateway, type GatewayAddress } from './server.js'
