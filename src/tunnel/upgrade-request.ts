// The upgrade request: one GET with exactly one `Upgrade` token (RFC 9110 §7.8, RFC 6455 §4.1). What users add to it is
// checked here, so that no option can split the request or contradict the upgrade; and here is decided what traces show.
import { failure } from '../errors.js'
import { tokenPattern, trimmed } from './http-head.js'

/** What the request asks for: the WebSocket protocol, or one of Teleport's own upgrade types. */
export type UpgradeProtocol = 'websocket' | 'alpn' | 'alpn-ping'

export interface RequestOptions {
  /** Host header: name or IP literal, with its port if it has one. */
  readonly host: string
  /** Origin-form target; default `/webapi/connectionupgrade`. */
  readonly path?: string
  readonly protocol: UpgradeProtocol
  /** The one WebSocket subprotocol offered; default `alpn-ping`. */
  readonly subprotocol?: 'alpn' | 'alpn-ping'
  /** Added as they are; their values never reach a trace. */
  readonly headers?: ReadonlyArray<readonly [string, string]>
  /** Repeat the upgrade type in X-Teleport-Upgrade, for load balancers that remove `Upgrade` (Teleport 13.3 to 18). */
  readonly teleportHeader?: boolean
}

export interface UpgradeRequest {
  /** The request head as sent, Latin-1. */
  readonly head: string
  /** The same for traces: values of custom headers and the query are replaced. */
  readonly shown: string
  /** What the peer said, without what we said to it in confidence: some servers say requests back. */
  hide(text: string): string
}

/** A function from the Sec-WebSocket-Key to the request. Throws ERR_CONFIG_INVALID at once for options that do not fit. */
export function upgradeRequest(options: RequestOptions): (key: string) => UpgradeRequest {
  const path = checkedPath(options.path ?? '/webapi/connectionupgrade')
  checkedHost(options.host)
  const custom = checkedFields(options.headers ?? [], options.teleportHeader)
  const shownPath = path.replace(/\?.*/, `?${REDACTED}`)
  const query = path.slice(shownPath.indexOf('?') + 1 || path.length)
  const hide = hiding([query, ...custom.map(([, value]) => value)])

  return (key) => {
    const own: Array<readonly [string, string]> = [['Host', options.host]]
    if (!custom.some(([name]) => /^user-agent$/i.test(name))) own.push(['User-Agent', 'underpass'])
    own.push(['Connection', 'Upgrade'], ['Upgrade', options.protocol])
    if (options.protocol === 'websocket') {
      // RFC 6455 §4.1: key, version and, of ours, exactly one subprotocol; never an extension.
      own.push(['Sec-WebSocket-Key', key], ['Sec-WebSocket-Version', '13'])
      own.push(['Sec-WebSocket-Protocol', options.subprotocol ?? 'alpn-ping'])
    }
    if (options.teleportHeader) own.push(['X-Teleport-Upgrade', options.protocol])
    const redacted = custom.map(([name]) => [name, REDACTED] as const)
    return { head: headOf(path, [...own, ...custom]), shown: headOf(shownPath, [...own, ...redacted]), hide }
  }
}

/** What stands in a trace for a value that may be a credential. */
export const REDACTED = '[redacted]'

/**
 * What a peer says without what we said to it in confidence: the values, and what in them could be a credential alone
 * (`Bearer x`, `id=x; other=y`). Short words are no secrets.
 */
export function hiding(values: readonly string[]): (text: string) => string {
  const secrets = values
    .flatMap((value) => [value, ...value.split(/[?\s;,&=]+/)])
    .filter(({ length }) => length >= 8)
    .sort((a, b) => b.length - a.length)
  return (text) => secrets.reduce((left, secret) => left.replaceAll(secret, REDACTED), text)
}

function headOf(path: string, fields: ReadonlyArray<readonly [string, string]>): string {
  return `GET ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}

const reserved =
  /^(host|upgrade|connection|proxy-connection|keep-alive|te|trailer|sec-websocket-.*|content-length|transfer-encoding|expect)$/i

/** The target, if it is one in origin form (RFC 9112 §3.2.1), without fragment. Throws ERR_CONFIG_INVALID. */
export function checkedPath(path: string): string {
  if (!/^\/[!"$-~]*$/.test(path)) throw failure('ERR_CONFIG_INVALID', 'path')
  return path
}

/** A Host header's value: name or IP literal, with or without a port. Throws ERR_CONFIG_INVALID. */
export function checkedHost(host: string): string {
  if (!/^[\w.~%:[\]-]+$/.test(host)) throw failure('ERR_CONFIG_INVALID', 'host')
  return host
}

/** Custom fields without white space around their values. Throws ERR_CONFIG_INVALID. */
export function checkedFields(
  headers: ReadonlyArray<readonly [string, string]>,
  teleportHeader = false,
): ReadonlyArray<readonly [string, string]> {
  return headers.map(([name, value], index) => {
    // A bad name may be a misplaced secret: only its position is told.
    if (!tokenPattern.test(name)) throw failure('ERR_CONFIG_INVALID', `the name of header ${index}`)
    if (reserved.test(name) || (teleportHeader && /^x-teleport-upgrade$/i.test(name)))
      throw failure('ERR_CONFIG_INVALID', `header ${name} belongs to the upgrade itself`)
    // RFC 9110 §5.5: field values are visible characters, SP, HTAB and obs-text; no CR, LF or NUL ever.
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw failure('ERR_CONFIG_INVALID', `the value of header ${name}`)
    return [name, trimmed(value)]
  })
}
