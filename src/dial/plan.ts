// Which ways are tried, in what order, and which failures let the next one have its turn. Every way is a fresh
// connection and, for upgrades, a fresh request with exactly one Upgrade token. Pure decisions: nothing is dialed here.
import type { ErrorCode, TunnelError } from '../errors.js'
import { failure, UpgradeError } from '../errors.js'
import type { UpgradeOptions } from '../tunnel/index.js'
import { retold } from './retold.js'

/** One way to the server: TLS straight through, or an upgrade by its token. */
export type Mode = 'direct' | 'websocket' | 'alpn' | 'alpn-ping'
export type UpgradeMode = Exclude<Mode, 'direct'>

export const modes: readonly Mode[] = ['direct', 'websocket', 'alpn', 'alpn-ping']

/** Either find out (the first connection tells), or try what was said. */
export type Plan =
  | { readonly kind: 'detect'; readonly upgrades: readonly UpgradeMode[] }
  | {
      readonly kind: 'fixed'
      readonly attempts: readonly Mode[]
      /** The evidence, in a sentence. */
      readonly because: string
      /** Nobody listed these attempts: a later one is made only where it can help. */
      readonly automatic: boolean
    }

/**
 * The upgrades made when nobody said which. WebSocket passes every load balancer that passes any; servers before
 * Teleport 15.1 know only the older token, where pings are part of the framing.
 */
export const automaticUpgrades: readonly UpgradeMode[] = ['websocket', 'alpn-ping']

/** What the plan depends on. */
export interface Circumstances {
  readonly mode: 'auto' | readonly Mode[]
  /** What the override says about this origin; only asked where no mode was given. */
  readonly override: boolean | undefined
  /** The origin has an outer TLS. */
  readonly secure: boolean
  /** That TLS is the runtime's, and shows no ALPN. */
  readonly blind: boolean
}

/** How to go about it where raw TCP exists, so that ALPN can be seen. Throws ERR_CONFIG_INVALID for direct over http. */
export function planFor(given: Circumstances): Plan {
  if (given.mode !== 'auto') return listed(given.mode, given)
  if (!given.secure)
    return automatic(automaticUpgrades, 'the origin is plain http: there is no outer TLS to ask')
  if (given.override === true) return automatic(automaticUpgrades, 'the override says: upgrade')
  if (given.override === false) return automatic(['direct'], 'the override says: no upgrade')
  if (given.blind)
    return automatic(automaticUpgrades, 'the TLS of this runtime shows no ALPN: always upgrade')
  return { kind: 'detect', upgrades: automaticUpgrades }
}

function automatic(attempts: readonly Mode[], because: string): Plan {
  return { kind: 'fixed', attempts, because, automatic: true }
}

function listed(attempts: readonly Mode[], { secure }: Circumstances): Plan {
  requireSecureForDirect({ mode: attempts, origin: { secure } })
  return { kind: 'fixed', attempts, because: `mode ${attempts.join(', ')} was asked for`, automatic: false }
}

/** Throws ERR_CONFIG_INVALID for what has no meaning: directly, without TLS. */
export function requireSecureForDirect(given: {
  readonly mode: 'auto' | readonly Mode[]
  readonly origin: { readonly secure: boolean }
}): void {
  if (!given.origin.secure && given.mode.includes('direct'))
    throw failure('ERR_CONFIG_INVALID', "`mode` 'direct' needs an https origin")
}

/** Whether a failed attempt leaves the next one worth making. Certificates, inner TLS and aborts never do. */
export function movesOn(error: TunnelError, attempted: Mode, automatically: boolean): boolean {
  if (attempted === 'direct') return contradictsDirect(error) || isInconclusive(error)
  if (!(error instanceof UpgradeError)) return false
  return !automatically || dependOnToken.has(error.code)
}

// What a server that knows only the older token answers to a WebSocket. A login wall, a WAF or a dead backend answers
// every token alike.
const dependOnToken: ReadonlySet<ErrorCode> = new Set([
  'ERR_UPGRADE_REJECTED',
  'ERR_UPGRADE_BAD_REQUEST',
  'ERR_UPGRADE_NOT_FOUND',
  'ERR_UPGRADE_STRIPPED',
  'ERR_UPGRADE_MISMATCH',
])

/** The peer's TLS says that it is not the server itself. */
export function contradictsDirect(error: TunnelError): boolean {
  return (
    error.code === 'ERR_TLS_ALPN_UNSELECTED' ||
    error.code === 'ERR_TLS_ALPN_UNOFFERED' ||
    error.code === 'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL'
  )
}

const inconclusive: ReadonlySet<ErrorCode> = new Set([
  'ERR_TLS_HANDSHAKE_EOF',
  'ERR_TLS_TRUNCATED',
  'ERR_STREAM_RESET',
  'ERR_DIAL_RESET',
  'ERR_TLS_ALERT',
  'ERR_TLS_ALERT_HANDSHAKE_FAILURE',
  'ERR_TLS_ALERT_PROTOCOL_VERSION',
  'ERR_TLS_ALERT_UNRECOGNIZED_NAME',
])

/** The first handshake ended in a way that both a load balancer and a broken path would show. */
export function isInconclusive(error: TunnelError): boolean {
  // A connect timeout is the network's; a silent handshake may be a middlebox that dislikes the protocol's name.
  if (error.code === 'ERR_TIMEOUT') return error.phase === 'outer-tls' || error.phase === 'handshake'
  return inconclusive.has(error.code)
}

/**
 * The error for a plan whose attempts were all refused: the WebSocket's if there was one, since that is what load
 * balancers pass, otherwise the first; with everything that was seen.
 */
export function refusalOf(
  failures: ReadonlyArray<{ readonly mode: Mode; readonly error: TunnelError }>,
): TunnelError {
  const told = failures.find(({ mode }) => mode === 'websocket') ?? failures[0]
  if (told === undefined) return failure('ERR_INTERNAL', 'a plan without attempts')
  if (failures.length === 1) return told.error
  return retold(told.error, {
    retryable: failures.some(({ error }) => error.retryable),
    evidence: failures.flatMap(({ mode, error }) => [`${mode}: ${error.message}`, ...error.evidence]),
  })
}

/** What a mode asks of the upgrade layer. Always with pings where the caller may choose (they harm nobody). */
export function upgradeTokens(mode: UpgradeMode): Pick<UpgradeOptions, 'protocol' | 'subprotocol'> {
  return mode === 'websocket' ? { protocol: 'websocket', subprotocol: 'alpn-ping' } : { protocol: mode }
}
