// From an answer that is not 101 to the error that says who answered and what to try, and how heads look in traces. Loaded
// when there is a refusal, or somebody watches. Peer text enters evidence only, printable and cut; it is never decided upon.
import { fromLatin1 } from '../bytes/index.js'
import { type ErrorCode, failure, type TunnelError } from '../errors.js'
import { fieldValues, printable, type ResponseHead, serverOf } from './http-head.js'
import { REDACTED } from './upgrade-request.js'

export { hiding } from './upgrade-request.js'

/** `body` is what of the body happened to arrive with the head; `hide` takes out what must not be said again. */
export function refusal(head: ResponseHead, body: Uint8Array, hide: (text: string) => string): TunnelError {
  const code = codeFor(head.status)
  const server = serverOf(head)
  const detail = [`status ${head.status}`]
  if (server !== undefined) detail.push(`from ${server}`)
  if (code === 'ERR_UPGRADE_REDIRECTED') detail.push(`to ${locationHost(head)}`)
  return failure(code, hide(detail.join(' ')), { evidence: evidenceOf(head, body, hide) })
}

/** The head for traces: values that may be credentials are replaced, and so is the query of Location. */
export function shownHead(head: ResponseHead): string {
  const lines = head.fields.map(([name, value]) => {
    const lower = name.toLowerCase()
    if (lower === 'location')
      return `${name}: ${value.replace(/\/\/[^/?#]*@/, '//').replace(/[?#].*/, `?${REDACTED}`)}`
    return `${name}: ${secretName.test(lower) ? REDACTED : value}`
  })
  return `${[head.statusLine, ...lines].join('\r\n')}\r\n\r\n`
}

const secretName = /cookie|auth|token|secret|session|jwt|oidc|api-?key|^proxy-/

const codes: Readonly<Record<number, ErrorCode>> = {
  400: 'ERR_UPGRADE_BAD_REQUEST',
  401: 'ERR_UPGRADE_FORBIDDEN',
  403: 'ERR_UPGRADE_FORBIDDEN',
  404: 'ERR_UPGRADE_NOT_FOUND',
  426: 'ERR_UPGRADE_VERSION',
  464: 'ERR_UPGRADE_VERSION',
  505: 'ERR_UPGRADE_VERSION',
  502: 'ERR_UPGRADE_UNAVAILABLE',
  503: 'ERR_UPGRADE_UNAVAILABLE',
  504: 'ERR_UPGRADE_UNAVAILABLE',
}

function codeFor(status: number): ErrorCode {
  if (status < 300) return 'ERR_UPGRADE_STRIPPED'
  if (status < 400) return 'ERR_UPGRADE_REDIRECTED'
  return codes[status] ?? 'ERR_UPGRADE_REJECTED'
}

/** The host only: paths and queries of login walls carry state and tokens. */
function locationHost(head: ResponseHead): string {
  const location = fieldValues(head, 'location')[0]
  if (location === undefined) return 'nowhere'
  const authority = /^(?:https?:)?\/\/([^/?#\\]*)/i.exec(location)?.[1]
  if (authority === undefined) return 'the same host'
  const host = authority.slice(authority.lastIndexOf('@') + 1, 255)
  return /^[\w.:[\]-]+$/.test(host) ? host : 'an unreadable host'
}

function evidenceOf(head: ResponseHead, body: Uint8Array, hide: (text: string) => string): string[] {
  const evidence = [printable(hide(head.statusLine), 200)]
  for (const [name, value] of head.fields) {
    const lower = name.toLowerCase()
    if (evidence.length < 12 && /^(server|via|cf-ray|x-amzn?-.+)$/.test(lower) && !secretName.test(lower))
      evidence.push(`${printable(lower, 64)}: ${printable(hide(value), 200)}`)
  }
  // Hidden before it is cut: half a secret is one too.
  const start = printable(hide(fromLatin1(body.subarray(0, 4096))), 1024)
  if (start !== '') evidence.push(`body: ${start}`)
  return evidence
}
