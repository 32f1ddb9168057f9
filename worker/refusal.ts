// Every way the Worker says no: a stable code, the HTTP status it comes with, a sentence and what to try. Codes are for
// programs, sentences for people; neither carries a secret, an address or text of the other side.

type Row = readonly [status: number, message: string, hint: string]

const table = {
  ERR_ROUTE_UNKNOWN: [404, 'Nothing is served here.', 'Paths are /tunnel/<target> and /agent/<target>/…'],
  ERR_METHOD: [405, 'This method is not served here.', 'The Allow header names the methods.'],
  ERR_POLICY_INVALID: [
    500,
    'The configuration of the Worker cannot be used.',
    'The log names the entry; until it is mended nothing passes.',
  ],
  ERR_ORIGIN_MISSING: [
    403,
    'The request carries no Origin header.',
    'Tunnels are for pages; other clients have to send an allowed Origin themselves.',
  ],
  ERR_ORIGIN_NOT_ALLOWED: [
    403,
    'This origin is not allowed.',
    'List it in ALLOWED_ORIGINS, exactly as browsers send it.',
  ],
  ERR_RATE_LIMITED: [429, 'Too many requests from this address.', 'Wait for a minute.'],
  ERR_AUTH_UNCONFIGURED: [
    403,
    'No way to authenticate is configured, so nobody may pass.',
    'Set the secret TOKENS, or JWT with issuer and audience.',
  ],
  ERR_TOKEN_MISSING: [
    401,
    'The request carries no token.',
    'Send Authorization: Bearer, come through Cloudflare Access, or ask for a ticket first.',
  ],
  ERR_TOKEN_INVALID: [
    401,
    'The token is not valid.',
    'Check that it is whole and from the configured issuer.',
  ],
  ERR_TOKEN_EXPIRED: [401, 'The token has expired.', 'Get a new one.'],
  ERR_TOKEN_CLAIM: [
    403,
    'The token was issued for something else.',
    'Compare its issuer, audience and times with the JWT entry.',
  ],
  ERR_KEYS_UNAVAILABLE: [
    503,
    'The keys of the token issuer could not be fetched.',
    'Try again; check `jwks` of the JWT entry.',
  ],
  ERR_TICKETS_OFF: [
    403,
    'Tickets are not configured.',
    'Set the secret TICKET_KEY (32 random characters or more).',
  ],
  ERR_TARGET_UNKNOWN: [404, 'There is no such target.', 'Add it to TARGETS.'],
  ERR_TARGET_DOOR: [403, 'The target is not served this way.', 'Add the door to `doors` of the target.'],
  ERR_SUBJECT_NOT_ALLOWED: [
    403,
    'This target is not for you.',
    'Add the subject to `subjects` of the target.',
  ],
  ERR_UPGRADE_EXPECTED: [426, 'Only a WebSocket opens a tunnel.', 'Send Upgrade: websocket.'],
  ERR_SUBPROTOCOL: [
    400,
    'No known WebSocket subprotocol is offered.',
    'Offer alpn-ping (or alpn) as the subprotocol.',
  ],
  ERR_UPSTREAM_UNREACHABLE: [
    502,
    'The target could not be reached.',
    'Check that its origin is up and its certificate is one this Worker trusts.',
  ],
  ERR_UPSTREAM_TIMEOUT: [504, 'The target did not answer in time.', 'Check that its origin is up.'],
  ERR_UPSTREAM_REFUSED: [
    502,
    'The target refused the connection upgrade.',
    'Check its path, and the headers that its load balancer wants.',
  ],
  ERR_UPSTREAM_SUBPROTOCOL: [
    502,
    'The target chose another subprotocol than was offered.',
    'Something in between answers for it: look at its path.',
  ],
  ERR_AGENT_UPGRADE: [501, 'The agent carries no upgrades.', 'Use /tunnel for streams.'],
  ERR_AGENT_REQUEST_BODY: [
    413,
    'The request body is larger than allowed.',
    'Send less, or raise LIMITS.requestBytes.',
  ],
  ERR_AGENT_CLIENT_GONE: [400, 'The client broke off.', 'Nobody is there to read this.'],
  ERR_AGENT_TIMEOUT: [504, 'The service did not answer in time.', 'Raise LIMITS.responseSeconds.'],
  ERR_AGENT_RESPONSE_HEAD: [502, 'The service answered with more head than is read.', 'Heads end at 64 KiB.'],
  ERR_AGENT_RESPONSE: [
    502,
    'The service did not answer as HTTP/1.1 demands.',
    'Check that an HTTP/1.1 service is behind the target.',
  ],
  ERR_QUERY_REQUEST: [
    400,
    'The request is not a query.',
    'POST JSON: {"sql": "select $1::int", "values": [1]}',
  ],
  ERR_QUERY_FAILED: [422, 'The database refused the query.', 'See `sqlstate`.'],
  ERR_QUERY_RESULT: [502, 'The result is larger than allowed.', 'Ask for less, or raise LIMITS.queryBytes.'],
  ERR_QUERY_TIMEOUT: [504, 'The database did not answer in time.', 'Raise LIMITS.responseSeconds.'],
  ERR_INTERNAL: [500, 'The Worker failed.', 'The log says where.'],
} as const satisfies Record<string, Row>

export type RefusalCode = keyof typeof table

/** All codes, for the tests. */
export const refusalCodes: readonly RefusalCode[] = Object.keys(table) as RefusalCode[]

export interface RefusalOptions {
  /** For the log only. */
  readonly detail?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Further members of `error` in the body. */
  readonly facts?: Readonly<Record<string, string | number>>
}

export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode
  readonly options: RefusalOptions

  constructor(code: RefusalCode, options: RefusalOptions = {}) {
    super(table[code][1])
    this.code = code
    this.options = options
  }

  get status(): number {
    return table[this.code][0]
  }

  response(): Response {
    const [status, message, hint] = table[this.code]
    return errorResponse(
      status,
      { code: this.code, message, hint, ...this.options.facts },
      this.options.headers,
    )
  }
}

/** `{"error": {…}}` that no cache keeps. */
export function errorResponse(
  status: number,
  error: Readonly<Record<string, string | number | undefined>>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(
    { error },
    {
      status,
      headers: { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', ...headers },
    },
  )
}
