// Which requests a local web server may serve with somebody's identity behind it. A page that another site made a name of
// this machine for (DNS rebinding) shows by its Host; a page that just posts here from elsewhere shows by its Origin.
import type { IncomingHttpHeaders } from 'node:http'
import { failure } from '../../errors-node.js'

const ofThisMachine: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

export interface Admitted {
  /** The Host used, where it is not one of this machine's own. */
  readonly seenAs: string | undefined
}

/** Throws ERR_LOCAL_REQUEST for a Host that is none, ERR_LOCAL_DENIED for a Host or an Origin that may not. */
export function admitRequest(
  headers: IncomingHttpHeaders,
  target: string,
  allowed: ReadonlySet<string>,
): Admitted {
  // RFC 9112 §3.2.2: in absolute-form the target's authority counts, and Host does not.
  const authority = /^https?:\/\//i.test(target) ? authorityOf(target) : headers.host
  const host = authority === undefined ? undefined : hostOf(authority)
  if (authority === undefined || host === undefined)
    throw failure('ERR_LOCAL_REQUEST', 'a request without a Host')
  if (!ofThisMachine.has(host) && !allowed.has(host)) throw denied(`the Host ${JSON.stringify(host)}`)
  const { origin } = headers
  if (origin !== undefined) {
    const from = originHost(origin)
    if (from === undefined || (!ofThisMachine.has(from) && !allowed.has(from)))
      throw denied(`a page of ${JSON.stringify(origin)}`)
  } else if (headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate') {
    throw denied('a page of another site')
  }
  return { seenAs: ofThisMachine.has(host) ? undefined : authority }
}

/** Names as they are compared: lower case, without a port and the root's dot. */
export function hostOf(authority: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(authority)
  return match?.[1]?.toLowerCase().replace(/\.$/, '')
}

function authorityOf(target: string): string | undefined {
  return URL.canParse(target) ? new URL(target).host : undefined
}

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? hostOf(new URL(origin).host) : undefined
}

function denied(what: string): Error {
  return failure('ERR_LOCAL_DENIED', what, {
    hint: 'Use 127.0.0.1 or localhost, or allow the name with --allow-host.',
  })
}
