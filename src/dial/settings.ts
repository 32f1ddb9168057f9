// Options, checked and made complete: every refusal is an ERR_CONFIG_* that names the option. What leaves here is trusted
// by the rest of the room. What a header, a host or a path may hold is for the upgrade layer to say.
import type { TunnelError } from '../errors.js'
import { failure } from '../errors.js'
import { type Trust, type TrustStore, trustStore, type UnverifiedTrust } from '../pki/index.js'
import type { Address } from '../platform/platform.js'
import type { SessionStore } from '../tls/index.js'
import type { KeyLog, Trace } from '../trace.js'
import {
  defaultKeepAlive,
  defaultLimits,
  defaultPath,
  defaultRetry,
  defaultTimeouts,
  maxRetries,
} from './defaults.js'
import type {
  Compat,
  ConnectOptions,
  DialerOptions,
  HeadersInput,
  KeepAlive,
  Limits,
  RetryPolicy,
  Timeouts,
} from './options.js'
import type { Mode } from './plan.js'
import { modes } from './plan.js'

/** The outer endpoint, taken apart. */
export interface Origin {
  /** `https://host[:port]`: key of the verdict cache. */
  readonly key: string
  readonly secure: boolean
  readonly address: Address
  /** Default Host header. */
  readonly authority: string
}

/** Options of one connect(), checked and complete. */
export interface Settings {
  readonly origin: Origin
  readonly originTrust: Trust | undefined
  readonly trust: Trust
  readonly identity: DialerOptions['identity']
  readonly serverName: string
  readonly alpn: readonly string[]
  readonly mode: 'auto' | readonly Mode[]
  /** True when `mode` was said, so that no override counts. */
  readonly modeGiven: boolean
  readonly override: string | undefined
  readonly headers: DialerOptions['headers']
  readonly host: string
  readonly path: string
  readonly keepAlive: false | KeepAlive
  readonly timeouts: Timeouts
  readonly limits: Limits
  readonly compat: readonly Compat[]
  readonly retry: RetryPolicy
  readonly trace: Trace | undefined
  readonly keylog: KeyLog | undefined
  readonly session: SessionStore | undefined
}

/** Checks a dialer's options; what only a connect() may lack (`alpn`) is left open. */
export function settingsOf(options: DialerOptions): Settings {
  refuseForeignWords(options)
  const origin = originOf(options.origin)
  if (options.trust === undefined || options.trust === null) {
    throw failure('ERR_CONFIG_TRUST', '`trust` is missing; it names who signs the inner server')
  }
  return {
    origin,
    originTrust: options.originTrust,
    trust: options.trust,
    identity: options.identity,
    serverName: serverNameOf(options.serverName) ?? origin.address.host,
    alpn: alpnOf(options.alpn ?? []),
    mode: modeOf(options.mode ?? 'auto'),
    modeGiven: options.mode !== undefined,
    override: options.override,
    headers:
      options.headers === undefined || typeof options.headers === 'function'
        ? options.headers
        : headerList(options.headers),
    host: options.host ?? origin.authority,
    path: options.path ?? defaultPath,
    keepAlive: keepAliveOf(options.keepAlive),
    timeouts: timeoutsOf(options.timeouts, defaultTimeouts),
    limits: limitsOf(options.limits),
    compat: compatOf(options.compat ?? []),
    retry: retryOf(options.retry),
    trace: functionOf('trace', options.trace),
    keylog: functionOf('keylog', options.keylog),
    session: options.session,
  }
}

/** The dialer's settings as one connect() changes them. */
export function settingsFor(base: Settings, options: ConnectOptions): Settings {
  const { alpn, serverName, identity, mode, timeouts, trace } = options
  if ([alpn, serverName, identity, mode, timeouts, trace].every((given) => given === undefined)) return base
  return Object.assign({}, base, {
    alpn: alpn === undefined ? base.alpn : alpnOf(alpn),
    serverName: serverNameOf(serverName) ?? base.serverName,
    identity: identity ?? base.identity,
    mode: mode === undefined ? base.mode : modeOf(mode),
    modeGiven: base.modeGiven || mode !== undefined,
    timeouts: timeoutsOf(timeouts, base.timeouts),
    trace: functionOf('trace', trace) ?? base.trace,
  })
}

/** The anchors of an option. Throws ERR_CONFIG_TRUST. */
export function storeOf(option: string, trust: Trust): TrustStore | UnverifiedTrust {
  if (typeof trust === 'object' && 'kind' in trust && trust.kind === 'unverified') return trust
  try {
    return trustStore(trust as Exclude<Trust, UnverifiedTrust>)
  } catch (cause) {
    throw failure('ERR_CONFIG_TRUST', `\`${option}\` holds no usable certificate`, { cause })
  }
}

function invalid(option: string, why: string, cause?: unknown): TunnelError {
  return failure('ERR_CONFIG_INVALID', `\`${option}\` ${why}`, cause === undefined ? {} : { cause })
}

// Names that people bring from node:tls, with what they are called here. Ignoring them could leave somebody trusting
// or showing less than they think.
const foreign: Readonly<Record<string, string>> = {
  ca: '`trust` and `originTrust`',
  cert: '`identity`',
  key: '`identity`',
  pfx: '`identity`',
  servername: '`serverName`',
  ALPNProtocols: '`alpn`',
  rejectUnauthorized: '`trust: dangerously.anyCertificate(reason)`',
  checkServerIdentity: '`serverName`',
}

function refuseForeignWords(options: DialerOptions): void {
  if (typeof options !== 'object' || options === null) throw invalid('options', 'must be an object')
  for (const name of Object.keys(options)) {
    const ours = Object.hasOwn(foreign, name) ? foreign[name] : undefined
    if (ours !== undefined) throw invalid(name, `is not an option; it is said with ${ours}`)
  }
}

function originOf(given: string | URL): Origin {
  let url: URL
  try {
    url = new URL(given)
  } catch (cause) {
    throw failure('ERR_CONFIG_ORIGIN', '`origin` is not a URL', { cause })
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw failure('ERR_CONFIG_ORIGIN', `\`origin\` has the scheme ${url.protocol}`)
  }
  if (url.username !== '' || url.password !== '') {
    throw failure('ERR_CONFIG_ORIGIN', '`origin` holds credentials; pass them in `headers`')
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw failure('ERR_CONFIG_ORIGIN', '`origin` has a path; pass it in `path`')
  }
  const secure = url.protocol === 'https:'
  return {
    key: url.origin,
    secure,
    address: {
      // WHATWG URLs keep the brackets of IPv6 literals; sockets and certificates do not know them.
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    },
    authority: url.host,
  }
}

function serverNameOf(name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  if (typeof name !== 'string' || name === '' || /[\s/]/.test(name)) {
    throw invalid('serverName', 'must be a DNS name or an IP address')
  }
  return name
}

/** Deduplicated, names ending in `-ping` first: they are chosen by their order, and the caller wants them if named. */
function alpnOf(names: readonly string[]): readonly string[] {
  if (!Array.isArray(names)) throw invalid('alpn', 'must be an array of protocol names')
  const distinct = [...new Set(names)]
  for (const name of distinct) {
    // RFC 7301 §3.1: ProtocolName is opaque<1..2^8-1>; a code unit is a byte here.
    if (typeof name !== 'string' || !/^[\0-\xff]{1,255}$/.test(name)) {
      throw invalid('alpn', 'has a name that is not 1 to 255 bytes')
    }
  }
  return [
    ...distinct.filter((name) => name.endsWith('-ping')),
    ...distinct.filter((name) => !name.endsWith('-ping')),
  ]
}

function modeOf(mode: 'auto' | Mode | readonly Mode[]): 'auto' | readonly Mode[] {
  if (mode === 'auto') return 'auto'
  const list = typeof mode === 'string' ? [mode] : mode
  if (!Array.isArray(list) || list.length === 0) throw invalid('mode', 'is an empty list')
  for (const entry of list) {
    if (!modes.includes(entry))
      throw invalid('mode', `must be 'auto', ${modes.join(', ')}, or a list of these`)
  }
  return [...new Set(list)]
}

/** Headers as pairs; what may be in them is for the upgrade layer to say. */
export function headerList(input: HeadersInput): ReadonlyArray<readonly [string, string]> {
  if (typeof input !== 'object' || input === null) throw invalid('headers', 'must be pairs or an object')
  const pairs = Symbol.iterator in input ? [...input] : Object.entries(input)
  for (const pair of pairs) {
    if (typeof pair?.[0] !== 'string' || typeof pair[1] !== 'string') {
      throw invalid('headers', 'must hold names and values that are strings')
    }
  }
  return pairs
}

function keepAliveOf(given: DialerOptions['keepAlive']): false | KeepAlive {
  if (given === false) return false
  const interval = milliseconds('keepAlive.interval', given?.interval ?? defaultKeepAlive.interval)
  if (interval === 0)
    throw invalid('keepAlive.interval', 'must be more than 0; `keepAlive: false` turns pings off')
  const timeout = milliseconds(
    'keepAlive.timeout',
    given?.timeout ?? Math.max(defaultKeepAlive.timeout, 3 * interval),
  )
  if (timeout !== 0 && timeout <= interval)
    throw invalid('keepAlive.timeout', 'must be longer than the interval')
  return { interval, timeout }
}

function timeoutsOf(given: Partial<Timeouts> | undefined, base: Timeouts): Timeouts {
  if (given === undefined) return base
  const pick = (name: keyof Timeouts) => milliseconds(`timeouts.${name}`, given[name] ?? base[name])
  return {
    connect: pick('connect'),
    upgrade: pick('upgrade'),
    handshake: pick('handshake'),
    idle: pick('idle'),
    linger: given.linger === Number.POSITIVE_INFINITY ? longest : pick('linger'),
  }
}

function limitsOf(given: Limits = defaultLimits): Limits {
  for (const name of ['httpHead', 'frame', 'packet'] as const) {
    const value = given[name]
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      throw invalid(`limits.${name}`, 'must be a positive whole number of bytes')
    }
  }
  return given
}

function compatOf(given: readonly Compat[]): readonly Compat[] {
  for (const word of given) {
    if (word !== 'zero-mask' && word !== 'teleport-header') {
      throw invalid('compat', "knows 'zero-mask' and 'teleport-header' only")
    }
  }
  return given
}

function retryOf(given: Partial<RetryPolicy> = {}): RetryPolicy {
  const retries = given.retries ?? defaultRetry.retries
  if (!Number.isInteger(retries) || retries < 0 || retries > maxRetries) {
    throw invalid('retry.retries', `must be a whole number from 0 to ${maxRetries}`)
  }
  return {
    retries,
    delay: milliseconds('retry.delay', given.delay ?? defaultRetry.delay),
    // Without a limit the pauses go on doubling: it is not the pause that is none.
    maxDelay:
      given.maxDelay === Number.POSITIVE_INFINITY
        ? longest
        : milliseconds('retry.maxDelay', given.maxDelay ?? defaultRetry.maxDelay),
  }
}

// A timer takes a signed 32-bit count of milliseconds and fires at once beyond it.
export const longest: number = 2 ** 31 - 1

function milliseconds(option: string, value: number): number {
  if (value === Number.POSITIVE_INFINITY) return 0
  if (typeof value !== 'number' || !(value >= 0) || value > longest) {
    throw invalid(option, 'must be milliseconds from 0 (no limit) to 2147483647')
  }
  return value
}

function functionOf<F>(option: string, value: F | undefined): F | undefined {
  if (value !== undefined && typeof value !== 'function') throw invalid(option, 'must be a function')
  return value
}
