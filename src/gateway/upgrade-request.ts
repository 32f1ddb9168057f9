// What an HTTP request asks for, and the answers to it: the rules of `/webapi/connectionupgrade`, without any socket
// handling. RFC 9110 §7.8 (Upgrade), RFC 6455 §4.2 (WebSocket), and what Teleport's clients of all versions send.
import { IncomingMessage } from 'node:http'

/** Upgrade types in order of preference. */
export const upgradeTypes = ['websocket', 'alpn-ping', 'alpn'] as const

export type UpgradeType = (typeof upgradeTypes)[number]

/** WebSocket subprotocols in order of preference. */
export const subprotocols: readonly string[] = ['alpn-ping', 'alpn']

/**
 * The upgrade a request asks for: the best of all tokens in `Upgrade` and `X-Teleport-Upgrade`, however they are spread
 * over lines and commas. `Connection` is not looked at, because load balancers remove it and old clients never sent it.
 */
export function upgradeType(request: IncomingMessage): UpgradeType | undefined {
  // RFC 9110 §7.8: a server MUST ignore an Upgrade header field received in an HTTP/1.0 request.
  if (request.method !== 'GET' || request.httpVersion !== '1.1') return undefined
  const lines = [request.headers.upgrade, request.headers['x-teleport-upgrade']].flat()
  const tokens = lines.flatMap((line) => line?.split(',') ?? []).map((token) => token.trim().toLowerCase())
  return upgradeTypes.find((type) => tokens.includes(type))
}

/** A class of requests for node:http that count as upgrades when, and only when, `isUpgrade` says so. */
export function upgradeRequests(isUpgrade: (request: IncomingMessage) => boolean): typeof IncomingMessage {
  // node:http asks a request whether it is an upgrade after its headers are in, and by itself answers no where
  // `Connection: upgrade` is missing. The parser's own opinion, which it assigns, is dropped.
  return class extends IncomingMessage {
    get upgrade(): boolean {
      return isUpgrade(this)
    }

    set upgrade(_opinion: boolean | null) {}
  }
}

export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0]!
}

/** The head that accepts a legacy upgrade, to the byte. */
export function legacyAcceptance(type: 'alpn' | 'alpn-ping'): string {
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    `Upgrade: ${type}`,
    `X-Teleport-Upgrade: ${type}`,
    '\r\n',
  ].join('\r\n')
}

/**
 * What makes an upgrade request read differently by two readers, which is how requests are smuggled past a load balancer;
 * undefined when nothing does.
 */
export function ambiguity({ headers, rawHeaders }: IncomingMessage): string | undefined {
  const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
  const hosts = names.filter((name) => name === 'host').length
  // RFC 9112 §3.2: 400 for a request without Host, or with more than one.
  if (hosts !== 1) return 'exactly one Host header, please'
  // RFC 9110 §7.8: after the request the connection speaks another protocol; a body would have two possible ends.
  if (names.includes('transfer-encoding')) return 'an upgrade request has no Transfer-Encoding here'
  if (names.includes('content-length') && headers['content-length'] !== '0')
    return 'an upgrade request has no body here'
  return undefined
}

/** An error as Teleport's web API words it. */
export function errorBody(message: string): string {
  return `${JSON.stringify({ error: { message } })}\n`
}
