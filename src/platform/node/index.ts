// Node's door: TCP sockets for bytes, node:crypto for keys, Node's roots for trust. The only folder of the library, with
// `duplex` and `gateway`, that imports `node:` modules; nothing of workers or pages enters.
import {
  type Dialer,
  type DialerOptions,
  dialerBy,
  overTcp,
  type SpareOptions,
  upgradeVariable,
  withSpares,
} from '../../dial/index.js'
import { errorProse } from '../../error-prose.js'
import { installProse, loaded } from '../../errors-node.js'
import type { Address, Platform, WireOptions } from '../platform.js'
import { nodeCrypto } from './crypto.js'
import { mayLeaveByProxy, type Outbound, type OutboundOptions } from './outbound-face.js'
import { parseProxy } from './proxy-url.js'
import { systemRoots } from './system-roots.js'
import { dialTcp } from './wire.js'

export * from '../../index.js'
export { nodeCrypto, type Outbound, type OutboundOptions, type SpareOptions, systemRoots }

installProse(errorProse)

export interface NodePlatformOptions extends OutboundOptions {
  /** Whether the origins dialed are https, for the choice between HTTPS_PROXY and HTTP_PROXY. Default true. */
  readonly secure?: boolean
}

export interface NodeDialerOptions extends DialerOptions, OutboundOptions {
  /** Connections upgraded in advance. Default: none. */
  readonly spares?: SpareOptions
}

/** What Node gives the dialer. Throws ERR_PROXY_CONFIG for an `outbound` that is no URL of a proxy. */
export function nodePlatform(options: NodePlatformOptions = {}): Platform {
  const { outbound = 'environment' } = options
  // One that is written down is judged at once; those of the environment only when they apply.
  if (outbound !== 'environment' && outbound !== 'none') parseProxy(String(outbound), '`outbound`')
  return {
    name: 'node',
    crypto: nodeCrypto,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    dialTcp: mayLeaveByProxy(outbound, process.env) ? byOutbound(options) : dialTcp,
    systemRoots,
  }
}

/**
 * A dialer for Node. Options are checked at once (ERR_CONFIG_*, ERR_PROXY_CONFIG); nothing is dialed yet. Where neither
 * `mode` nor `override` is given, the environment's TELEPORT_TLS_ROUTING_CONN_UPGRADE decides about the origin, as it does
 * for tsh; where `outbound` is not given, HTTPS_PROXY and its like decide about the way out.
 */
export function createDialer(options: NodeDialerOptions): Dialer {
  const { outbound, outboundTrust, spares, ...rest } = options
  const override = rest.override ?? process.env[upgradeVariable]
  const platform = nodePlatform({
    ...(outbound !== undefined && { outbound }),
    ...(outboundTrust !== undefined && { outboundTrust }),
    secure: !/^http:/i.test(String(rest.origin)),
  })
  const reach = spares === undefined ? overTcp : withSpares(overTcp, spares)
  return dialerBy(reach, platform, override === undefined ? rest : { ...rest, override })
}

function byOutbound({ secure = true, ...rest }: NodePlatformOptions): NonNullable<Platform['dialTcp']> {
  return async (address: Address, options: WireOptions) => {
    const { dialOutbound } = await loaded(import('./outbound.js'))
    return dialOutbound(address, options, { ...rest, secure, env: process.env })
  }
}
