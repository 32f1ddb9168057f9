// What an HTTP request asks for, and the answers to it: the rules of `/webapi/connectionupgrade`, without any socket
// handling. RFC 9110 §7.8 (Upgrade), RFC 6455 §4.2 (WebSocket), and what Teleport's clients of all versions send.
import { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

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

/** The last entry of X-Forwarded-For: the one the load balancer in front of us wrote. */
export function forwardedAddress(request: IncomingMessage): string | undefined {
  const value = [request.headers['x-forwarded-for']].flat().at(-1)?.split(',').at(-1)?.trim() ?? ''
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(value)?.[1]
  const withPort = /^([\d.]+):\d+$/.exec(value)?.[1]
  const address = bracketed ?? withPort ?? value
  return isIP(address) === 0 ? undefined : address
}

/** An error as Teleport's web API words it. */
export function errorBody(message: string): string {
  return `${JSON.stringify({ error: { message } })}\n`
}
