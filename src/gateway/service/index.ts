// The gateway as a program: what `underpass serve` runs. Loads pino, prom-client and smol-toml, which the library's own
// entry never does.

export { type LoadedConfig, loadConfig, type ServiceSettings } from '../file/load.js'
export { gatewaySchema } from '../file/schema.js'
export { type GatewayService, startService } from './service.js'
