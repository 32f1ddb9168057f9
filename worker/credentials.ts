// Who is asking: a static bearer token, a JWT of the configured issuer (as Cloudflare Access sends it), or a ticket of
// ours. The only file that knows tokens; what they may be used for is in admission.ts.
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { JwtPolicy, Policy } from './policy.js'
import { Refusal } from './refusal.js'

/** Seconds: enough to open a WebSocket, too little for a URL in a log to be worth anything. */
export const ticketSeconds = 60

// Public-key algorithms alone: with an HMAC among them a public key would be a secret that everybody has.
const algorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']

/** Clocks of two machines differ. */
const clockTolerance = 5

/** The name of who is asking. Throws ERR_AUTH_UNCONFIGURED, ERR_TOKEN_* and ERR_KEYS_UNAVAILABLE. */
export async function authenticate(request: Request, policy: Policy): Promise<string> {
  if (policy.tokens.size === 0 && policy.jwt === undefined) throw new Refusal('ERR_AUTH_UNCONFIGURED')
  const assertion = request.headers.get('Cf-Access-Jwt-Assertion')
  if (assertion !== null && policy.jwt !== undefined) return subjectOfJwt(assertion, policy.jwt)
  const bearer = /^Bearer +([\x21-\x7e]+)$/i.exec(request.headers.get('Authorization') ?? '')?.[1]
  if (bearer === undefined) throw unauthorized('ERR_TOKEN_MISSING')
  const holder = await holderOf(bearer, policy.tokens)
  if (holder !== undefined) return holder
  if (policy.jwt === undefined) throw unauthorized('ERR_TOKEN_INVALID')
  return subjectOfJwt(bearer, policy.jwt)
}

/** A ticket is bound to who asked for it, the target and the page's origin. Throws ERR_TICKETS_OFF. */
export async function issueTicket(
  policy: Policy,
  grant: { readonly subject: string; readonly target: string; readonly origin: string },
): Promise<string> {
  return await new SignJWT({ origin: grant.origin })
    .setProtectedHeader({ alg: 'HS256', typ: ticketType })
    .setSubject(grant.subject)
    .setAudience(audienceOf(grant.target))
    .setIssuedAt()
    .setExpirationTime(`${ticketSeconds} seconds`)
    .sign(ticketKey(policy))
}

/** The subject of a ticket for this target and origin. Throws ERR_TICKETS_OFF and ERR_TOKEN_*. */
export async function redeemTicket(
  ticket: string,
  policy: Policy,
  use: { readonly target: string; readonly origin: string },
): Promise<string> {
  const key = ticketKey(policy)
  const { payload } = await jwtVerify(ticket, key, {
    algorithms: ['HS256'],
    typ: ticketType,
    audience: audienceOf(use.target),
    requiredClaims: ['sub', 'exp'],
  }).catch(refuse)
  if (payload.origin !== use.origin) throw new Refusal('ERR_TOKEN_CLAIM')
  return payload.sub ?? ''
}

const ticketType = 'underpass-ticket+jwt'

function audienceOf(target: string): string {
  return `underpass:tunnel:${target}`
}

function ticketKey({ ticketKey }: Policy): Uint8Array {
  if (ticketKey === undefined) throw new Refusal('ERR_TICKETS_OFF')
  return ticketKey
}

async function subjectOfJwt(token: string, policy: JwtPolicy): Promise<string> {
  const { payload } = await jwtVerify(token, keysOf(policy), {
    algorithms,
    issuer: policy.issuer,
    audience: policy.audience,
    // A token without an end would be valid for ever.
    requiredClaims: ['exp'],
    clockTolerance,
  }).catch(refuse)
  return nameIn(payload)
}

/** People have an e-mail address at Cloudflare Access, service tokens a common name; others a subject. */
function nameIn(payload: JWTPayload): string {
  // OpenID Connect Core §5.1: false is an address that somebody typed in, perhaps somebody else's.
  const email = String(payload.email_verified) === 'false' ? undefined : payload.email
  const name = [email, payload.common_name, payload.sub].find(
    (each): each is string => typeof each === 'string' && each !== '',
  )
  if (name === undefined) throw new Refusal('ERR_TOKEN_CLAIM', { detail: 'names nobody' })
  return name
}

// One set for the life of the isolate: it keeps keys for a while, and asks again for a new key id, but not too often.
let keys: { readonly url: string; readonly set: ReturnType<typeof createRemoteJWKSet> } | undefined

function keysOf({ jwks }: JwtPolicy): ReturnType<typeof createRemoteJWKSet> {
  if (keys?.url !== jwks) keys = { url: jwks, set: createRemoteJWKSet(new URL(jwks)) }
  return keys.set
}

/** jose's codes in ours. */
function refuse(thrown: unknown): never {
  if (thrown instanceof errors.JWTExpired) throw unauthorized('ERR_TOKEN_EXPIRED')
  if (thrown instanceof errors.JWTClaimValidationFailed)
    throw new Refusal('ERR_TOKEN_CLAIM', { detail: thrown.claim })
  const ours =
    thrown instanceof errors.JWSInvalid ||
    thrown instanceof errors.JWTInvalid ||
    thrown instanceof errors.JWSSignatureVerificationFailed ||
    thrown instanceof errors.JOSEAlgNotAllowed ||
    thrown instanceof errors.JOSENotSupported ||
    thrown instanceof errors.JWKSNoMatchingKey ||
    thrown instanceof errors.JWKSMultipleMatchingKeys
  if (ours) throw unauthorized('ERR_TOKEN_INVALID', thrown.code)
  throw new Refusal('ERR_KEYS_UNAVAILABLE', { detail: thrown instanceof Error ? thrown.name : 'unknown' })
}

/** Every token is compared in full, whichever fits: how long it takes says nothing. */
async function holderOf(bearer: string, tokens: Policy['tokens']): Promise<string | undefined> {
  const given = await digest(bearer)
  let found: string | undefined
  for (const [holder, token] of tokens) {
    if (crypto.subtle.timingSafeEqual(given, await digest(token))) found = holder
  }
  return found
}

function digest(token: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
}

function unauthorized(
  code: 'ERR_TOKEN_MISSING' | 'ERR_TOKEN_INVALID' | 'ERR_TOKEN_EXPIRED',
  detail?: string,
) {
  // RFC 9110 §11.6.1: a 401 says how to authenticate.
  return new Refusal(code, { headers: { 'WWW-Authenticate': 'Bearer' }, ...(detail && { detail }) })
}
