// Routes and certificates as written, checked whole and turned into what the gateway runs on. Every complaint is an
// ERR_GATEWAY_CONFIG that names the exact key. Unknown keys are complaints too: a mistyped `allow` would let everybody in.
import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { onlyKeys, port, reject } from './checks.js'
import type {
  ClientPolicy,
  ClientRule,
  Connector,
  GatewayIdentity,
  IdentityHeader,
  Reloadable,
  Route,
} from './options.js'
import { type Admittance, normalPin } from './policy.js'
import type { Routable } from './routes.js'

const knownHeaders: readonly IdentityHeader[] = [
  'x-forwarded-for',
  'forwarded',
  'x-forwarded-client-cert',
  'client-cert',
]

// The whole certificate is a kilobyte in every request: only where somebody reads it.
const defaultIdentityHeaders: readonly IdentityHeader[] = knownHeaders.slice(0, 3)

const ruleFields: readonly string[] = [
  ...['commonName', 'organization', 'organizationalUnit'],
  ...['dns', 'uri', 'email', 'ip', 'spki'],
]

/** A route, checked. */
export interface RouteSettings extends Routable {
  readonly name: string
  readonly connect: ConnectorSettings
  /** Every byte of TLS goes to the service; there is no policy then. */
  readonly forward: boolean
  /** Undefined: anyone, without a certificate. */
  readonly client: (Admittance & { readonly trust: readonly string[] }) | undefined
}

/** Where a route's bytes go, checked. */
export interface ConnectorSettings {
  readonly to: { readonly host: string; readonly port: number } | { readonly path: string }
  readonly proxyProtocol: boolean
  readonly http:
    | { readonly identityHeaders: readonly IdentityHeader[]; readonly host: string | undefined }
    | undefined
}

/** Certificates and routes: what a reload replaces as one. */
export interface RouteConfig {
  readonly identity: GatewayIdentity
  readonly identities: ReadonlyMap<string, GatewayIdentity>
  readonly routes: readonly RouteSettings[]
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
  onlyKeys(key, route, ['name', 'alpn', 'ping', 'serverName', 'connect', 'tls', 'client'])
  if (typeof route.name !== 'string' || route.name === '') reject(`${key}.name`, 'a name')
  const names = [route.alpn].flat()
  if (names.length === 0 || !names.every(isAlpnName)) {
    reject(`${key}.alpn`, 'ALPN names of 1 to 255 printable ASCII characters')
  }
  const alpn = new Set(names)
  if (route.ping === true) {
    // A name with a star answers its twins anyway.
    for (const name of names) if (!/(-ping|\*)$/.test(name)) alpn.add(`${name}-ping`)
    if ([...alpn].some((name) => name.length > 255)) reject(`${key}.alpn`, 'no room for -ping in 255 bytes')
  }
  if (!['end', 'forward', undefined].includes(route.tls)) reject(`${key}.tls`, '"end" or "forward"')
  const forward = route.tls === 'forward'
  const connect = checkConnector(`${key}.connect`, route.connect)
  if (forward && connect.http !== undefined)
    reject(`${key}.connect.http`, 'not with tls = "forward": nothing is read')
  const speaksH2 = [...alpn].some((name) => ['h2', 'h2*', '*'].includes(name))
  if (connect.http !== undefined && speaksH2) reject(`${key}.alpn`, 'the HTTP connector speaks HTTP/1.1 only')
  return {
    name: route.name,
    forward,
    alpn: [...alpn],
    serverNames:
      route.serverName === undefined
        ? undefined
        : [route.serverName].flat().map((name) => serverNamePattern(`${key}.serverName`, name)),
    connect,
    client: forward
      ? checkLeftToService(`${key}.client`, route.client)
      : checkClient(`${key}.client`, route.client),
  }
}

function checkConnector(key: string, connect: Connector): ConnectorSettings {
  onlyKeys(key, connect, ['host', 'port', 'path', 'proxyProtocol', 'http'])
  if (!['v2', undefined].includes(connect.proxyProtocol)) reject(`${key}.proxyProtocol`, '"v2"')
  if (connect.proxyProtocol !== undefined && connect.http !== undefined && connect.http !== false)
    reject(`${key}.proxyProtocol`, 'not with http, whose headers say the same')
  const how = {
    proxyProtocol: connect.proxyProtocol === 'v2',
    http: checkHttp(`${key}.http`, connect.http),
  }
  if ('path' in connect) {
    if ('port' in connect || 'host' in connect) reject(key, 'either a port or the path of a socket')
    if (typeof connect.path !== 'string' || connect.path === '') reject(`${key}.path`, 'the path of a socket')
    return { to: { path: connect.path }, ...how }
  }
  return { to: { host: connect.host ?? '127.0.0.1', port: port(`${key}.port`, connect.port, 1) }, ...how }
}

function checkHttp(key: string, http: Connector['http']): ConnectorSettings['http'] {
  if (http === undefined || http === false) return undefined
  if (http === true) return { identityHeaders: defaultIdentityHeaders, host: undefined }
  onlyKeys(key, http, ['identityHeaders', 'host'])
  const { identityHeaders = defaultIdentityHeaders, host } = http
  const known = Array.isArray(identityHeaders) && identityHeaders.every((name) => knownHeaders.includes(name))
  if (!known) reject(`${key}.identityHeaders`, `some of ${knownHeaders.join(', ')}`)
  if (host !== undefined && !/^[\w.:[\]-]+$/.test(host))
    reject(`${key}.host`, 'a host, with a port or without')
  return { identityHeaders, host }
}

function checkLeftToService(key: string, client: Route['client']): undefined {
  if (client !== 'left-to-the-service') {
    reject(key, '"left-to-the-service": where TLS is forwarded, the gateway sees no certificate')
  }
}

function checkClient(key: string, client: Route['client']): RouteSettings['client'] {
  if (client === 'anyone-without-a-certificate') return undefined
  if (client === 'left-to-the-service') reject(key, 'only with tls = "forward"')
  onlyKeys(key, client, ['trust', 'allow', 'pins'])
  return {
    trust: checkTrust(`${key}.trust`, client.trust),
    allow: checkRules(`${key}.allow`, client.allow),
    pins: checkPins(`${key}.pins`, client.pins),
  }
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
    onlyKeys(`${key}[${i}]`, rule, ruleFields)
    const asked = Object.entries(rule).filter(([, match]) => match !== undefined)
    if (asked.length === 0) reject(`${key}[${i}]`, 'a rule must ask for something')
    for (const [field, match] of asked) {
      if (!(match instanceof RegExp) && (typeof match !== 'string' || match === '')) {
        reject(`${key}[${i}].${field}`, 'text or a regular expression')
      }
      if (field === 'spki') checkPins(`${key}[${i}].spki`, [match as string])
    }
  }
  return allow
}

function checkPins(key: string, pins: readonly string[] | undefined): readonly string[] | undefined {
  if (pins === undefined) return undefined
  if (!Array.isArray(pins) || pins.length === 0) reject(key, 'at least one SHA-256')
  return pins.map(
    (pin) =>
      (typeof pin === 'string' ? normalPin(pin) : undefined) ??
      reject(key, 'SHA-256 in base64 or hexadecimal'),
  )
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
  if (
    typeof name !== 'string' ||
    !/^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*(\.|\.\*)?$/i.test(name) ||
    stars(name) > 1
  ) {
    reject(key, 'a host name, *.suffix, or prefix.*')
  }
  return name.toLowerCase().replace(/\.$/, '')
}

function stars(text: string): number {
  return text.split('*').length - 1
}

function isAlpnName(name: unknown): name is string {
  return typeof name === 'string' && /^[\x21-\x7e]{1,255}$/.test(name)
}

export { checkSettings, type ListenSettings, type Settings } from './settings.js'
