// What may pass, read from the environment and checked whole before anything else is done. Deny by default: a list that
// is missing is empty, an entry that cannot be understood stops everything, and no value means "all" or "without limit".
// No request enters here.
import { Refusal } from './refusal.js'

/** Ways to a target: blind relay, HTTP agent, database query. */
export type Door = 'tunnel' | 'http' | 'query'

export interface Target {
  readonly name: string
  /** The load balancer: scheme, host, port. */
  readonly origin: string
  /** Of the upgrade endpoint. */
  readonly path: string
  readonly doors: readonly Door[]
  /** Sent with the upgrade request: what the load balancer wants to see. */
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly relay: 'counted' | 'native'
  /** Who may; undefined means whoever authenticated. */
  readonly subjects: readonly string[] | undefined
  /** Present when `doors` has http or query. */
  readonly agent: Agent | undefined
}

/** What the Worker needs to be the client of a tunnel itself. */
export interface Agent {
  /** How the Worker itself reaches the origin; the blind relay always fetches. */
  readonly transport: 'auto' | 'tcp' | 'fetch'
  /** PEM: who signs the origin. Undefined: whom the platform trusts. */
  readonly originTrust: string | undefined
  readonly serverName: string
  readonly alpn: string
  /** PEM, all three. */
  readonly trust: string
  readonly certificate: string
  readonly privateKey: string
  readonly database: { readonly user: string; readonly database: string } | undefined
}

export interface JwtPolicy {
  readonly issuer: string
  readonly audience: string
  readonly jwks: string
}

export interface Limits {
  /** Bytes of one tunnel, each way. */
  readonly tunnelBytes: number
  /** Life of one tunnel. */
  readonly tunnelSeconds: number
  /** Without a message either way. */
  readonly idleSeconds: number
  /** Bytes accepted for a side that does not take them, where the runtime tells. */
  readonly backlogBytes: number
  /** From the request to the target's 101; for the agent to the end of the inner handshake. */
  readonly dialSeconds: number
  /** From the inner handshake to the head of the answer, and between two pieces of its body. */
  readonly responseSeconds: number
  /** Body of one request to the agent. */
  readonly requestBytes: number
  /** What a query may bring over the wire. */
  readonly queryBytes: number
}

export interface Policy {
  readonly origins: ReadonlySet<string>
  /** Holder -> token. */
  readonly tokens: ReadonlyMap<string, string>
  readonly jwt: JwtPolicy | undefined
  readonly ticketKey: Uint8Array | undefined
  readonly targets: ReadonlyMap<string, Target>
  readonly limits: Limits
}

const MiB = 1024 * 1024

export const defaultLimits: Limits = {
  tunnelBytes: 1024 * MiB,
  tunnelSeconds: 8 * 3600,
  // Pings of the server do not reach a Worker: silence here is silence of the application.
  idleSeconds: 900,
  // A quarter of an isolate's memory.
  backlogBytes: 32 * MiB,
  dialSeconds: 15,
  responseSeconds: 60,
  requestBytes: 100 * MiB,
  queryBytes: 8 * MiB,
}

type Environment = Readonly<Record<string, unknown>>
type Entry = Readonly<Record<string, unknown>>

/** Throws ERR_POLICY_INVALID; `detail` names the entry, never its value. */
export function readPolicy(environment: Environment): Policy {
  const targets = Object.entries(object(environment.TARGETS, 'TARGETS')).map(([name, entry]) =>
    readTarget(name, entry, environment),
  )
  return {
    origins: new Set(strings(environment.ALLOWED_ORIGINS, 'ALLOWED_ORIGINS').map(readOrigin)),
    tokens: new Map(Object.entries(object(environment.TOKENS, 'TOKENS')).map(readToken)),
    jwt: readJwt(object(environment.JWT, 'JWT')),
    ticketKey: readTicketKey(environment.TICKET_KEY),
    targets: new Map(targets.map((target) => [target.name, target])),
    limits: readLimits(object(environment.LIMITS, 'LIMITS')),
  }
}

function readOrigin(text: string): string {
  // Exactly what a browser sends: no pattern, no path, not "null", not "*".
  if (!URL.canParse(text) || new URL(text).origin !== text || !/^https?:/.test(text))
    throw invalid(`ALLOWED_ORIGINS: "${text.slice(0, 80)}" is not an origin`)
  return text
}

const leastToken = 20

function readToken([holder, token]: [string, unknown]): [string, string] {
  if (typeof token !== 'string' || token.length < leastToken)
    // The wrong way round the name is the secret: it is not told.
    throw invalid(`TOKENS holds one of fewer than ${leastToken} characters`)
  return [holder, token]
}

function readJwt(entry: Entry): JwtPolicy | undefined {
  if (Object.keys(entry).length === 0) return undefined
  knownKeys(entry, ['issuer', 'audience', 'jwks'], 'JWT')
  const issuer = text(entry.issuer, 'JWT.issuer')
  const audience = text(entry.audience, 'JWT.audience')
  // Where Cloudflare Access publishes its keys.
  const jwks =
    entry.jwks === undefined
      ? `${issuer.replace(/\/$/, '')}/cdn-cgi/access/certs`
      : text(entry.jwks, 'JWT.jwks')
  secureUrl(jwks, 'JWT.jwks')
  return { issuer, audience, jwks }
}

const leastTicketKey = 32

function readTicketKey(value: unknown): Policy['ticketKey'] {
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string' || value.length < leastTicketKey)
    throw invalid(`TICKET_KEY has fewer than ${leastTicketKey} characters`)
  return new TextEncoder().encode(value)
}

function readLimits(entry: Entry): Limits {
  knownKeys(entry, Object.keys(defaultLimits), 'LIMITS')
  for (const [name, value] of Object.entries(entry)) {
    // A timer takes 31 bits of milliseconds.
    const most = name.endsWith('Seconds') ? 2_147_483 : Number.MAX_SAFE_INTEGER
    if (typeof value !== 'number' || !(value > 0 && value <= most))
      throw invalid(`LIMITS.${name} is not a number above 0`)
  }
  return { ...defaultLimits, ...entry }
}

const targetKeys = [
  'origin',
  'path',
  'doors',
  'headers',
  'relay',
  'subjects',
  'transport',
  'originTrust',
  'serverName',
  'alpn',
  'trust',
  'certificate',
  'privateKey',
  'database',
]

function readTarget(name: string, value: unknown, environment: Environment): Target {
  const at = `TARGETS.${name}`
  // What a path segment can say as it is; a name is never a pattern or an address.
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name)) throw invalid(`${at}: names are of a-z, 0-9, - and _`)
  const entry = object(value, at)
  knownKeys(entry, targetKeys, at)
  const doors = strings(entry.doors, `${at}.doors`).map((door) => readDoor(door, at))
  if (doors.includes('http') && doors.includes('query'))
    throw invalid(`${at}.doors: http and query are different services`)
  const relay = entry.relay ?? 'counted'
  if (relay !== 'counted' && relay !== 'native') throw invalid(`${at}.relay`)
  const path = entry.path === undefined ? '/webapi/connectionupgrade' : text(entry.path, `${at}.path`)
  if (!/^\/[!"$-~]*$/.test(path)) throw invalid(`${at}.path`)
  return {
    name,
    origin: secureUrl(text(entry.origin, `${at}.origin`), `${at}.origin`, true),
    path,
    doors,
    headers: readHeaders(entry.headers, at, environment),
    relay,
    subjects: entry.subjects === undefined ? undefined : strings(entry.subjects, `${at}.subjects`),
    agent: doors.some((door) => door !== 'tunnel') ? readAgent(entry, at, doors, environment) : undefined,
  }
}

function readDoor(door: string, at: string): Door {
  if (door === 'tunnel' || door === 'http' || door === 'query') return door
  throw invalid(`${at}.doors: "${door.slice(0, 20)}"`)
}

function readAgent(entry: Entry, at: string, doors: readonly Door[], environment: Environment): Agent {
  const pem = (key: string): string => secret(entry[key], `${at}.${key}`, environment)
  // What reaches every origin, Cloudflare's own addresses too, and keeps the platform's protections.
  const transport = entry.transport ?? 'fetch'
  if (transport !== 'auto' && transport !== 'tcp' && transport !== 'fetch') throw invalid(`${at}.transport`)
  // fetch() verifies by the platform's roots alone: an authority of one's own would look obeyed and not be.
  if (entry.originTrust !== undefined && transport !== 'tcp')
    throw invalid(`${at}.originTrust needs the transport "tcp"`)
  return {
    transport,
    originTrust: entry.originTrust === undefined ? undefined : pem('originTrust'),
    serverName: text(entry.serverName, `${at}.serverName`),
    alpn: text(entry.alpn, `${at}.alpn`),
    trust: pem('trust'),
    certificate: pem('certificate'),
    privateKey: pem('privateKey'),
    database: doors.includes('query') ? readDatabase(entry.database, `${at}.database`) : undefined,
  }
}

function readDatabase(value: unknown, at: string): NonNullable<Agent['database']> {
  const entry = object(value, at)
  return { user: text(entry.user, `${at}.user`), database: text(entry.database, `${at}.database`) }
}

// What belongs to the upgrade itself, or names another host than the origin.
const reservedHeaders =
  /^(host|connection|upgrade|content-length|transfer-encoding|te|trailer|origin|sec-websocket-.*)$/i

function readHeaders(value: unknown, at: string, environment: Environment): Target['headers'] {
  if (value === undefined) return []
  const place = `${at}.headers`
  return Object.entries(object(secret(value, place, environment), place)).map(([name, content]) => {
    // RFC 9110 §5.5, §5.6.2. A bad name may be a misplaced secret: it is not told.
    const good = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && !reservedHeaders.test(name)
    if (!good || typeof content !== 'string' || !/^[\t\x20-\x7e]*$/.test(content))
      throw invalid(`${place}: a header that cannot be sent`)
    return [name, content] as const
  })
}

/** The secret whose name the entry says. */
function secret(value: unknown, at: string, environment: Environment): string {
  const name = text(value, at)
  const content = Object.hasOwn(environment, name) ? environment[name] : undefined
  if (typeof content !== 'string' || content === '')
    throw invalid(`${at}: there is no secret of the name it says`)
  return content
}

/** An https URL, or http on this machine alone: whatever is sent there would else be sent in clear. */
function secureUrl(value: string, at: string, originOnly = false): string {
  if (!URL.canParse(value)) throw invalid(`${at} is not a URL`)
  const url = new URL(value)
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback))
    throw invalid(`${at} is not an https URL`)
  if (url.hostname.includes('*') || url.username !== '' || url.password !== '') throw invalid(at)
  if (originOnly && (url.pathname !== '/' || url.search !== '' || url.hash !== ''))
    throw invalid(`${at} has more than scheme, host and port`)
  return originOnly ? url.origin : url.href
}

/** A table of wrangler.toml, or a secret with JSON in it; missing and '' are empty. */
function object(value: unknown, at: string): Entry {
  const parsed = typeof value === 'string' ? parseJson(value, at) : (value ?? {})
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw invalid(`${at} is not a table`)
  return parsed as Entry
}

/** A list of wrangler.toml, or words with spaces between. */
function strings(value: unknown, at: string): string[] {
  const parsed = typeof value === 'string' ? value.split(/\s+/).filter((word) => word !== '') : (value ?? [])
  if (!Array.isArray(parsed) || parsed.some((each) => typeof each !== 'string' || each === ''))
    throw invalid(`${at} is not a list of strings`)
  return parsed as string[]
}

function parseJson(value: string, at: string): unknown {
  if (value.trim() === '') return {}
  try {
    return JSON.parse(value)
  } catch {
    throw invalid(`${at} is not JSON`)
  }
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '') throw invalid(`${at} is missing`)
  return value
}

function knownKeys(entry: Entry, known: readonly string[], at: string): void {
  const unknown = Object.keys(entry).find((key) => !known.includes(key))
  // A misspelled restriction would else be none.
  if (unknown !== undefined) throw invalid(`${at} has no "${unknown.slice(0, 40)}"`)
}

function invalid(detail: string): Refusal {
  return new Refusal('ERR_POLICY_INVALID', { detail })
}
