// Pages of other origins that the policy allows may read what the Worker answers; for all others nothing is said.
import { allowedOrigin } from './admission.js'
import type { Policy } from './policy.js'

/** The answer to a preflight. Throws ERR_ORIGIN_NOT_ALLOWED. */
export function preflight(request: Request, policy: Policy): Response {
  allowedOrigin(request, policy)
  return new Response(null, {
    status: 204,
    headers: {
      'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'Access-Control-Allow-Headers': 'Authorization, Content-Type',
      'Access-Control-Max-Age': '600',
    },
  })
}

/** The response with what lets the asking page read it, if its origin is allowed. */
export function readableBy(request: Request, response: Response, policy: Policy): Response {
  const origin = request.headers.get('Origin')
  // The WebSocket of a 101 would not survive a copy, and needs none of this.
  if (response.status === 101) return response
  response.headers.append('Vary', 'Origin')
  if (origin !== null && policy.origins.has(origin))
    response.headers.set('Access-Control-Allow-Origin', origin)
  return response
}
