// The Worker: /tunnel/<target> (blind relay), /tunnel/<target>/ticket, /agent/<target>/… (mutual TLS of its own). Routes and
// the one place where what was thrown becomes an answer; what may pass is in policy.ts and admission.ts.
import { admitClient, type Gate } from './admission.js'
import { proxy } from './agent.js'
import { bridge, ticket } from './bridge.js'
import { preflight, readableBy } from './cors.js'
import { TunnelError, tunnelFailure } from './dialing.js'
import { log } from './log.js'
import { type Policy, readPolicy } from './policy.js'
import { query } from './query.js'
import { Refusal } from './refusal.js'

export default {
  async fetch(request, env, context): Promise<Response> {
    const { pathname } = new URL(request.url)
    let policy: Policy | undefined
    try {
      policy = policyOf(env)
      const response = await route(request, pathname, { policy, rateLimit: env.RATE_LIMIT }, context)
      return readableBy(request, response, policy)
    } catch (thrown) {
      const response = await refused(request, pathname, thrown)
      return policy === undefined ? response : readableBy(request, response, policy)
    }
  },
} satisfies ExportedHandler<Env>

async function route(
  request: Request,
  pathname: string,
  gate: Gate,
  context: ExecutionContext,
): Promise<Response> {
  const [, room, name, ...rest] = pathname.split('/')
  if ((room !== 'tunnel' && room !== 'agent') || !name) throw new Refusal('ERR_ROUTE_UNKNOWN')
  if (request.method === 'OPTIONS' && request.headers.has('Access-Control-Request-Method'))
    return preflight(request, gate.policy)
  if (room === 'tunnel') {
    if (rest.length === 0) return bridge(request, name, gate)
    if (rest.join('/') === 'ticket') return ticket(request, name, gate)
    throw new Refusal('ERR_ROUTE_UNKNOWN')
  }
  const admitted = await admitClient(request, gate, { target: name, doors: ['http', 'query'] })
  if (admitted.door === 'http') return proxy(request, admitted, gate.policy.limits, context)
  if (rest.join('/') !== 'query') throw new Refusal('ERR_ROUTE_UNKNOWN')
  return query(request, admitted, gate.policy.limits)
}

// Bindings do not change in the life of an isolate.
let read: { readonly env: Env; readonly policy: Policy } | undefined

function policyOf(env: Env): Policy {
  if (read?.env !== env) read = { env, policy: readPolicy({ ...env }) }
  return read.policy
}

async function refused(request: Request, pathname: string, thrown: unknown): Promise<Response> {
  const room = `/${pathname.split('/')[1] ?? ''}`
  const route = room === '/tunnel' || room === '/agent' ? room : 'other'
  const ray = request.headers.get('CF-Ray')
  const line = { event: 'refused', route, ...(ray && { ray }) } as const
  if (thrown instanceof TunnelError) {
    const response = await tunnelFailure(thrown)
    log({ ...line, code: thrown.code, status: response.status })
    return response
  }
  const refusal =
    thrown instanceof Refusal
      ? thrown
      : new Refusal('ERR_INTERNAL', { detail: thrown instanceof Error ? thrown.name : typeof thrown })
  const { code, status, options } = refusal
  log({ ...line, code, status, ...(options.detail && { detail: options.detail }) })
  return refusal.response()
}
