// The only room that chooses: whether, how and how often to connect. Options, verdicts and plans enter; runtime nouns and
// wire formats do not: bytes are opened by the platform and shaped by the layers.
export {
  type Finding,
  type Verdict,
  type VerdictCache,
  type VerdictCacheOptions,
  verdictCache,
} from './cache.js'
export { type ConnectOverOptions, connectOver, type InfoOfLast } from './connect-over.js'
export {
  type Detection,
  type DetectOptions,
  type Dialer,
  dialerBy,
  type TunnelInfo,
} from './dialer.js'
export { dialerOn } from './dialer-on.js'
export type {
  Compat,
  ConnectOptions,
  DialerOptions,
  HeadersInput,
  HeadersRequest,
  KeepAlive,
  Limits,
  RetryPolicy,
  Timeouts,
} from './options.js'
export { upgradeOverride, upgradeVariable } from './override.js'
export type { Mode, UpgradeMode } from './plan.js'
export type { Reach } from './reach.js'
export type { Timings } from './run.js'
export { type SpareOptions, withSpares } from './spares.js'
export { overTcp } from './tcp.js'
export { overWebSocket } from './web-socket-climb.js'
