// The checks before anything is dialed, in this order: origin, rate, who, target, door, and whether it is for them. Who does
// not get in learns nothing about targets. The Origin header is what keeps other people's pages out: browsers set it.
import { authenticate, redeemTicket } from './credentials.js'
import type { Door, Policy, Target } from './policy.js'
import { Refusal } from './refusal.js'

export interface Admitted {
  readonly subject: string
  readonly target: Target
}

/** The optional binding of wrangler.toml. */
export interface RateLimiter {
  limit(request: { readonly key: string }): Promise<{ readonly success: boolean }>
}

export interface Gate {
  readonly policy: Policy
  readonly rateLimit: RateLimiter | undefined
}

/** For /tunnel: only pages ask, so an Origin is a must. Throws a Refusal. */
export async function admitPage(
  request: Request,
  gate: Gate,
  ask: { readonly target: string; readonly door: Door; readonly ticket?: string | undefined },
): Promise<Admitted & { readonly origin: string }> {
  const origin = allowedOrigin(request, gate.policy)
  if (origin === undefined) throw new Refusal('ERR_ORIGIN_MISSING')
  await withinRate(request, gate.rateLimit)
  const subject =
    ask.ticket === undefined
      ? await authenticate(request, gate.policy)
      : await redeemTicket(ask.ticket, gate.policy, { target: ask.target, origin })
  return { origin, subject, target: targetFor(subject, ask, gate.policy) }
}

/** For /agent: other clients than pages may ask; a page has to be an allowed one. Throws a Refusal. */
export async function admitClient(
  request: Request,
  gate: Gate,
  ask: { readonly target: string; readonly doors: readonly Door[] },
): Promise<Admitted & { readonly door: Door }> {
  const origin = allowedOrigin(request, gate.policy)
  // A plain cross-site GET has no Origin, but says where it is from; Access' cookie would authenticate it.
  const site = request.headers.get('Sec-Fetch-Site')
  if (origin === undefined && (site === 'cross-site' || site === 'same-site'))
    throw new Refusal('ERR_ORIGIN_NOT_ALLOWED')
  await withinRate(request, gate.rateLimit)
  const subject = await authenticate(request, gate.policy)
  const target = gate.policy.targets.get(ask.target)
  const door = ask.doors.find((each) => target?.doors.includes(each)) ?? ask.doors[0]!
  return { subject, door, target: targetFor(subject, { target: ask.target, door }, gate.policy) }
}

/** The Origin, if there is one. Throws ERR_ORIGIN_NOT_ALLOWED. */
export function allowedOrigin(request: Request, { origins }: Policy): string | undefined {
  const origin = request.headers.get('Origin')
  if (origin === null) return undefined
  if (!origins.has(origin)) throw new Refusal('ERR_ORIGIN_NOT_ALLOWED')
  return origin
}

function targetFor(
  subject: string,
  ask: { readonly target: string; readonly door: Door },
  policy: Policy,
): Target {
  const target = policy.targets.get(ask.target)
  if (target === undefined) throw new Refusal('ERR_TARGET_UNKNOWN')
  if (!target.doors.includes(ask.door)) throw new Refusal('ERR_TARGET_DOOR')
  if (target.subjects !== undefined && !target.subjects.includes(subject))
    throw new Refusal('ERR_SUBJECT_NOT_ALLOWED')
  return target
}

async function withinRate(request: Request, rateLimit: RateLimiter | undefined): Promise<void> {
  if (rateLimit === undefined) return
  const address = request.headers.get('CF-Connecting-IP') ?? 'unknown'
  const { success } = await rateLimit.limit({ key: address })
  if (!success) throw new Refusal('ERR_RATE_LIMITED', { headers: { 'Retry-After': '60' } })
}
