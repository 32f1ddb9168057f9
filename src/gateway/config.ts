// Options as written, checked whole before anything listens, and turned into what the gateway runs on. Every complaint
// is an ERR_GATEWAY_CONFIG that names the exact key. Unknown keys are complaints too: a mistyped `allow` would let
// everybody in.
import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { failure } from '../errors.js'
import {
  type ClientPolicy,
  type ClientRule,
  type Connector,
  defaultLimits,
  defaultPath,
  defaultPingInterval,
  defaultTimeouts,
  type GatewayIdentity,
  type GatewayLimits,
  type GatewayOptions,
  type GatewayTimeouts,
  type Reloadable,
  type Route,
} from './options.js'
import type { Routable } from './routes.js'

/** A route, checked. */
export interface RouteSettings extends Routable {
  readonly name: string
  readonly connect: Connector
  /** Undefined: anyone, without a certificate. */
  readonly client:
    | { readonly trust: readonly string[]; readonly allow: readonly ClientRule[] | undefined }
    | undefined
}

/** Certificates and routes: what a reload replaces as one. */
export interface RouteConfig {
  readonly identity: GatewayIdentity
  readonly identities: ReadonlyMap<string, GatewayIdentity>
  readonly routes: readonly RouteSettings[]
}

export interface ListenSettings {
  readonly host: string
  readonly port: number
}

/** What stays as it is until the gateway closes. */
export interface Settings {
  readonly upgrade: (ListenSettings & { readonly path: string; readonly forwardedFor: boolean }) | undefined
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
    'onEvent',
  ]
  onlyKeys('options', options, known)
  onlyKeys('listen', options.listen, ['upgrade', 'direct'])
  const { upgrade, direct } = options.listen
  if (upgrade === undefined && direct === undefined)
    reject('listen', 'name at least one of upgrade and direct')
  if (upgrade !== undefined) onlyKeys('listen.upgrade', upgrade, ['host', 'port', 'path', 'forwardedFor'])
  if (direct !== undefined) onlyKeys('listen.direct', direct, ['host', 'port'])
  const path = upgrade?.path ?? defaultPath
  if (!/^\/[^\s?#]*$/.test(path)) reject('listen.upgrade.path', 'an absolute path without query')
  if (options.onEvent !== undefined && typeof options.onEvent !== 'function') reject('onEvent', 'a function')
  return {
    upgrade: upgrade && {
      ...listenSettings('listen.upgrade', upgrade),
      path,
      forwardedFor: upgrade.forwardedFor === true,
    },
    direct: direct && listenSettings('listen.direct', direct),
    pingInterval: count('pingInterval', options.pingInterval ?? defaultPingInterval, 1),
    timeouts: numbers('timeouts', options.timeouts, defaultTimeouts, ['idle', 'halfClosed']),
    limits: numbers('limits', options.limits, defaultLimits, []),
  }
}

/** Throws ERR_GATEWAY_CONFIG. */
export function checkRoutes(options: Reloadable): RouteConfig {
  checkIdentity('identity', options.identity)
  const identities = new Map<string, GatewayIdentity>()
  for (const [name, identity] of Object.entries(options.identities ?? {})) {
    checkIdentity(`identities[${JSON.stringify(name)}]`, identity)
    identities.set(serverNamePattern(`identities[${JSON.stringify(name)}]`, name), identity)
  }
  if (!Array.isArray(options.routes) || options.routes.length === 0) reject('routes', 'at least one route')
  const routes = options.routes.map((route, i) => checkRoute(`routes[${i}]`, route))
  checkDisjoint(routes)
  return { identity: options.identity, identities, routes }
}

function checkRoute(key: string, route: Route): RouteSettings {
  onlyKeys(key, route, ['name', 'alpn', 'ping', 'serverName', 'connect', 'client'])
  if (typeof route.name !== 'string' || route.name === '') reject(`${key}.name`, 'a name')
  const names = [route.alpn].flat()
  if (names.length === 0 || !names.every(isAlpnName)) {
    reject(`${key}.alpn`, 'ALPN names of 1 to 255 printable ASCII characters')
  }
  const alpn = new Set(names)
  if (route.ping === true) {
    for (const name of names) if (!name.endsWith('-ping')) alpn.add(`${name}-ping`)
    if ([...alpn].some((name) => name.length > 255)) reject(`${key}.alpn`, 'no room for -ping in 255 bytes')
  }
  return {
    name: route.name,
    alpn: [...alpn],
    serverNames:
      route.serverName === undefined
        ? undefined
        : [route.serverName].flat().map((name) => serverNamePattern(`${key}.serverName`, name)),
    connect: checkConnector(`${key}.connect`, route.connect),
    client: checkClient(`${key}.client`, route.client),
  }
}

function checkConnector(key: string, connect: Connector): Connector {
  onlyKeys(key, connect, ['host', 'port', 'path'])
  if ('path' in connect) {
    if ('port' in connect || 'host' in connect) reject(key, 'either a port or the path of a socket')
    if (typeof connect.path !== 'string' || connect.path === '') reject(`${key}.path`, 'the path of a socket')
    return { path: connect.path }
  }
  return { host: connect.host ?? '127.0.0.1', port: port(`${key}.port`, connect.port, 1) }
}

function checkClient(key: string, client: Route['client']): RouteSettings['client'] {
  if (client === 'anyone-without-a-certificate') return undefined
  onlyKeys(key, client, ['trust', 'allow'])
  return { trust: checkTrust(`${key}.trust`, client.trust), allow: checkRules(`${key}.allow`, client.allow) }
}

// An empty `ca` would make node:tls fall back on the system's roots: every public CA would vouch for clients.
function checkTrust(key: string, trust: ClientPolicy['trust']): readonly string[] {
  const texts = [trust].flat()
  if (!texts.every((text) => typeof text === 'string')) reject(key, 'PEM text')
  const certificates = texts.flatMap(
    (text) => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [],
  )
  if (certificates.length === 0) reject(key, 'at least one CERTIFICATE in PEM')
  for (const certificate of certificates) {
    try {
      new X509Certificate(certificate)
    } catch (cause) {
      reject(key, 'a certificate that cannot be read', cause)
    }
  }
  return certificates
}

function checkRules(key: string, allow: ClientPolicy['allow']): readonly ClientRule[] | undefined {
  if (allow === undefined) return undefined
  if (!Array.isArray(allow) || allow.length === 0) reject(key, 'at least one rule')
  for (const [i, rule] of allow.entries()) {
    onlyKeys(`${key}[${i}]`, rule, ['commonName', 'dns', 'uri', 'email'])
    const asked = Object.entries(rule).filter(([, match]) => match !== undefined)
    if (asked.length === 0) reject(`${key}[${i}]`, 'a rule must ask for something')
    for (const [field, match] of asked) {
      if (!(match instanceof RegExp) && (typeof match !== 'string' || match === '')) {
        reject(`${key}[${i}].${field}`, 'text or a regular expression')
      }
    }
  }
  return allow
}

function checkIdentity(key: string, identity: GatewayIdentity): void {
  onlyKeys(key, identity, ['certificate', 'privateKey', 'passphrase'])
  for (const field of ['certificate', 'privateKey'] as const) {
    if (typeof identity[field] !== 'string' || identity[field] === '') reject(`${key}.${field}`, 'PEM text')
  }
  try {
    const { certificate: cert, privateKey, passphrase } = identity
    createSecureContext({ cert, key: privateKey, ...(passphrase === undefined ? {} : { passphrase }) })
  } catch (cause) {
    reject(key, 'certificate and key cannot be read, or do not belong together', cause)
  }
}

// Two routes for one protocol and name: which one wins must not depend on their order.
function checkDisjoint(routes: readonly RouteSettings[]): void {
  const taken = new Map<string, string>()
  const names = new Set<string>()
  for (const [i, route] of routes.entries()) {
    if (names.has(route.name)) reject(`routes[${i}].name`, `${JSON.stringify(route.name)} is taken`)
    names.add(route.name)
    for (const alpn of route.alpn) {
      for (const serverName of route.serverNames ?? ['(any)']) {
        const other = taken.get(`${alpn} ${serverName}`)
        if (other !== undefined)
          reject(`routes[${i}].alpn`, `${alpn} is route ${JSON.stringify(other)}'s there`)
        taken.set(`${alpn} ${serverName}`, route.name)
      }
    }
  }
}

function serverNamePattern(key: string, name: unknown): string {
  if (typeof name !== 'string' || !/^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i.test(name)) {
    reject(key, 'a host name, or *.suffix')
  }
  return name.toLowerCase().replace(/\.$/, '')
}

function isAlpnName(name: unknown): name is string {
  return typeof name === 'string' && /^[\x21-\x7e]{1,255}$/.test(name)
}

function listenSettings(key: string, listen: { host?: string; port: number }): ListenSettings {
  if (listen.host !== undefined && typeof listen.host !== 'string')
    reject(`${key}.host`, 'a host name or address')
  return { host: listen.host ?? '127.0.0.1', port: port(`${key}.port`, listen.port, 0) }
}

function port(key: string, value: unknown, least: number): number {
  return count(key, value, least, 65_535)
}

function numbers<T extends object>(
  key: string,
  given: Partial<T> | undefined,
  defaults: T,
  mayBeOff: ReadonlyArray<keyof T>,
): T {
  if (given === undefined) return defaults
  onlyKeys(key, given, Object.keys(defaults))
  const checked: Record<string, number> = {}
  for (const [name, standard] of Object.entries(defaults)) {
    const value = given[name as keyof T] ?? standard
    checked[name] = count(`${key}.${name}`, value, mayBeOff.includes(name as keyof T) ? 0 : 1)
  }
  return checked as T
}

function count(key: string, value: unknown, least: number, most: number = 2 ** 31 - 1): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    reject(key, `a whole number from ${least} to ${most}`)
  }
  return value as number
}

function onlyKeys(key: string, value: unknown, known: readonly string[]): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) reject(key, 'an object')
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) {
      reject(key === 'options' ? name : `${key}.${name}`, `unknown; there are ${known.join(', ')}`)
    }
  }
}

function reject(key: string, wanted: string, cause?: unknown): never {
  throw failure('ERR_GATEWAY_CONFIG', `${key}: ${wanted}`, { cause })
}
