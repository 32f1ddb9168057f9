// Node's door: TCP sockets for bytes, node:crypto for keys, Node's roots for trust. The only folder of the library, with
// `duplex` and `gateway`, that imports `node:` modules; nothing of workers or pages enters.
import { type Dialer, type DialerOptions, dialerBy, overTcp, upgradeVariable } from '../../dial/index.js'
import { errorProse } from '../../error-prose.js'
import { installProse } from '../../errors.js'
import type { Platform } from '../platform.js'
import { nodeCrypto } from './crypto.js'
import { systemRoots } from './system-roots.js'
import { dialTcp } from './wire.js'

export * from '../../index.js'
export { nodeCrypto, systemRoots }

installProse(errorProse)

/** What Node gives the dialer. */
export function nodePlatform(): Platform {
  return {
    name: 'node',
    crypto: nodeCrypto,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    dialTcp,
    systemRoots,
  }
}

/**
 * A dialer for Node. Options are checked at once (ERR_CONFIG_*); nothing is dialed yet. Where neither `mode` nor
 * `override` is given, the environment's TELEPORT_TLS_ROUTING_CONN_UPGRADE decides about the origin, as it does for tsh.
 */
export function createDialer(options: DialerOptions): Dialer {
  const override = options.override ?? process.env[upgradeVariable]
  return dialerBy(overTcp, nodePlatform(), override === undefined ? options : { ...options, override })
}
