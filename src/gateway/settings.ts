// What stays as it is until the gateway closes: doors, times and bounds, checked before anything listens. Routes and
// certificates, which a reload replaces, are in `config.ts`. Every complaint is an ERR_GATEWAY_CONFIG naming the key.
import { count, numbers, onlyKeys, port, reject } from './checks.js'
import { type ForwardedRule, forwardedRule } from './forwarded.js'
import {
  defaultLimits,
  defaultPath,
  defaultPingInterval,
  defaultTimeouts,
  type ForwardedPolicy,
  type GatewayLimits,
  type GatewayOptions,
  type GatewayTimeouts,
} from './options.js'

export interface ListenSettings {
  readonly host: string
  readonly port: number
}

/** What stays as it is until the gateway closes. */
export interface Settings {
  readonly upgrade:
    | (ListenSettings & {
        readonly path: string
        readonly forwarded: ForwardedRule | undefined
        readonly console: boolean | string
      })
    | undefined
  readonly direct: ListenSettings | undefined
  readonly pingInterval: number
  readonly timeouts: GatewayTimeouts
  readonly limits: GatewayLimits
}

/** Throws ERR_GATEWAY_CONFIG. */
export function checkSettings(options: GatewayOptions): Settings {
  const known = [
    'listen',
    'identity',
    'identities',
    'routes',
    'pingInterval',
    'timeouts',
    'limits',
    'refuse',
    'onEvent',
  ]
  onlyKeys('options', options, known)
  onlyKeys('listen', options.listen, ['upgrade', 'direct'])
  const { upgrade, direct } = options.listen
  if (upgrade === undefined && direct === undefined)
    reject('listen', 'name at least one of upgrade and direct')
  if (upgrade !== undefined)
    onlyKeys('listen.upgrade', upgrade, ['host', 'port', 'path', 'forwardedFor', 'console'])
  if (direct !== undefined) onlyKeys('listen.direct', direct, ['host', 'port'])
  const path = upgrade?.path ?? defaultPath
  if (!/^\/[^\s?#]*$/.test(path)) reject('listen.upgrade.path', 'an absolute path without query')
  for (const name of ['onEvent', 'refuse'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') reject(name, 'a function')
  }
  if (!['boolean', 'string', 'undefined'].includes(typeof upgrade?.console)) {
    reject('listen.upgrade.console', 'true, false, or a folder')
  }
  return {
    upgrade: upgrade && {
      ...listenSettings('listen.upgrade', upgrade),
      path,
      forwarded: checkForwarded('listen.upgrade.forwardedFor', upgrade.forwardedFor),
      console: upgrade.console ?? false,
    },
    direct: direct && listenSettings('listen.direct', direct),
    pingInterval: count('pingInterval', options.pingInterval ?? defaultPingInterval, 1),
    timeouts: numbers('timeouts', options.timeouts, defaultTimeouts, ['idle', 'halfClosed']),
    limits: numbers('limits', options.limits, defaultLimits, []),
  }
}

function checkForwarded(
  key: string,
  policy: boolean | ForwardedPolicy | undefined,
): ForwardedRule | undefined {
  if (policy === undefined || policy === false) return undefined
  if (policy === true) return forwardedRule(true)
  onlyKeys(key, policy, ['header', 'hops', 'trusted'])
  if (!['x-forwarded-for', 'forwarded', undefined].includes(policy.header)) {
    reject(`${key}.header`, '"x-forwarded-for" or "forwarded"')
  }
  if ((policy.hops === undefined) === (policy.trusted === undefined)) reject(key, 'either hops or trusted')
  if (policy.hops !== undefined) count(`${key}.hops`, policy.hops, 1, 32)
  if (policy.trusted !== undefined && (!Array.isArray(policy.trusted) || policy.trusted.length === 0)) {
    reject(`${key}.trusted`, 'addresses or CIDR blocks')
  }
  try {
    return forwardedRule(policy)
  } catch (cause) {
    reject(`${key}.trusted`, (cause as Error).message, cause)
  }
}

function listenSettings(key: string, listen: { host?: string; port: number }): ListenSettings {
  if (listen.host !== undefined && typeof listen.host !== 'string')
    reject(`${key}.host`, 'a host name or address')
  return { host: listen.host ?? '127.0.0.1', port: port(`${key}.port`, listen.port, 0) }
}
