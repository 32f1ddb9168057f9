// What a client may get wrong in its upgrade request, a rule broken a line: the text, the status it gets, the code that is told.
// docs/hardening.md shows them as a table.
import type { ErrorCode } from '../../../src/errors-node.js'

export interface HttpFault {
  readonly what: string
  readonly text: string
  /** None: the connection is closed without an answer. */
  readonly status?: number
  readonly code: ErrorCode
}

const path = '/webapi/connectionupgrade'
const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='

/** A request of these lines. */
function lines(...list: readonly string[]): string {
  return `${list.join('\r\n')}\r\n\r\n`
}

/** An upgrade with these headers. */
function upgrade(...headers: readonly string[]): string {
  return lines(`GET ${path} HTTP/1.1`, 'Host: gateway.test', ...headers)
}

function webSocket(...headers: readonly string[]): string {
  return upgrade('Connection: Upgrade', 'Upgrade: websocket', ...headers)
}

const alpn = ['Connection: Upgrade', 'Upgrade: alpn'] as const
const version = 'Sec-WebSocket-Version: 13'
const protocol = 'Sec-WebSocket-Protocol: alpn-ping'
const upgradeCode = 'ERR_GATEWAY_UPGRADE'

// biome-ignore format: a fault a line
export const requestFaults: readonly HttpFault[] = [
  { what: 'POST', text: lines(`POST ${path} HTTP/1.1`, 'Host: x', ...alpn), status: 405, code: upgradeCode },
  { what: 'HEAD', text: lines(`HEAD ${path} HTTP/1.1`, 'Host: x', ...alpn), status: 405, code: upgradeCode },
  { what: 'PUT with a body', text: `${lines(`PUT ${path} HTTP/1.1`, 'Host: x', 'Content-Length: 4', ...alpn)}body`, status: 405, code: upgradeCode },
  { what: 'CONNECT', text: lines('CONNECT gateway.test:443 HTTP/1.1', 'Host: gateway.test'), status: 404, code: upgradeCode },
  { what: 'a method nobody has', text: lines(`GETT ${path} HTTP/1.1`, 'Host: x', ...alpn), status: 400, code: upgradeCode },
  { what: 'a method in small letters', text: lines(`get ${path} HTTP/1.1`, 'Host: x', ...alpn), status: 400, code: upgradeCode },
  { what: 'HTTP/1.0', text: lines(`GET ${path} HTTP/1.0`, 'Host: x', ...alpn), status: 404, code: upgradeCode },
  { what: 'HTTP/2.0', text: lines(`GET ${path} HTTP/2.0`, 'Host: x', ...alpn), status: 404, code: upgradeCode },
  { what: 'the preface of HTTP/2', text: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 400, code: upgradeCode },
  { what: 'HTTP/0.9', text: `GET ${path}\r\n\r\n`, status: 404, code: upgradeCode },
  { what: 'another path', text: lines('GET /webapi/elsewhere HTTP/1.1', 'Host: x', ...alpn), status: 404, code: upgradeCode },
  { what: 'no Host', text: lines(`GET ${path} HTTP/1.1`, ...alpn), status: 400, code: upgradeCode },
  { what: 'two Hosts', text: upgrade('Host: other.test', ...alpn), status: 400, code: upgradeCode },
  { what: 'no upgrade type', text: upgrade('Connection: Upgrade'), status: 404, code: upgradeCode },
  { what: 'an empty upgrade type', text: upgrade('Connection: Upgrade', 'Upgrade: '), status: 404, code: upgradeCode },
  { what: 'an unknown upgrade type', text: upgrade('Connection: Upgrade', 'Upgrade: h2c'), status: 404, code: upgradeCode },
  { what: 'a type with a version', text: upgrade('Connection: Upgrade', 'Upgrade: alpn/1.0'), status: 404, code: upgradeCode },
  { what: 'a body', text: `${upgrade(...alpn, 'Content-Length: 4')}body`, status: 400, code: upgradeCode },
  { what: 'a body in chunks', text: `${upgrade(...alpn, 'Transfer-Encoding: chunked')}0\r\n\r\n`, status: 400, code: upgradeCode },
  { what: 'a length and chunks', text: upgrade(...alpn, 'Content-Length: 4', 'Transfer-Encoding: chunked'), status: 400, code: upgradeCode },
  { what: 'two lengths', text: upgrade(...alpn, 'Content-Length: 0', 'Content-Length: 4'), status: 400, code: upgradeCode },
  { what: 'a length that is none', text: upgrade(...alpn, 'Content-Length: -1'), status: 400, code: upgradeCode },
  { what: 'a coding that is none', text: upgrade(...alpn, 'Transfer-Encoding: identity, x'), status: 400, code: upgradeCode },
  { what: 'lines that end in LF', text: upgrade(...alpn).replaceAll('\r\n', '\n'), status: 400, code: upgradeCode },
  { what: 'one line that ends in LF', text: upgrade(...alpn).replace('gateway.test\r\n', 'gateway.test\n'), status: 400, code: upgradeCode },
  { what: 'a bare CR', text: upgrade('X-A: b\rc', ...alpn), status: 400, code: upgradeCode },
  { what: 'a folded line', text: upgrade('X-A: b\r\n c', ...alpn), status: 400, code: upgradeCode },
  { what: 'a space before a colon', text: upgrade('Connection: Upgrade', 'Upgrade : alpn'), status: 400, code: upgradeCode },
  { what: 'a space in a header name', text: upgrade('X A: b', ...alpn), status: 400, code: upgradeCode },
  { what: 'a NUL in a value', text: upgrade('X-A: b\0c', ...alpn), status: 400, code: upgradeCode },
  { what: 'a line without a colon', text: upgrade('nonsense', ...alpn), status: 400, code: upgradeCode },
  { what: 'a head of 64 KiB', text: upgrade(`X-A: ${'x'.repeat(65_536)}`, ...alpn), status: 431, code: upgradeCode },
  { what: 'a target of 64 KiB', text: lines(`GET /${'x'.repeat(65_536)} HTTP/1.1`, 'Host: x'), status: 431, code: upgradeCode },
  { what: 'a thousand headers of 100 bytes', text: upgrade(...Array.from({ length: 1_000 }, (_, i) => `X-${i}: ${'x'.repeat(90)}`), ...alpn), status: 431, code: upgradeCode },
  { what: 'a ClientHello', text: '\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03', status: 400, code: upgradeCode },
]

// biome-ignore format: a fault a line
export const webSocketFaults: readonly HttpFault[] = [
  { what: 'no Sec-WebSocket-Key', text: webSocket(version, protocol), status: 400, code: upgradeCode },
  { what: 'an empty Sec-WebSocket-Key', text: webSocket('Sec-WebSocket-Key: ', version, protocol), status: 400, code: upgradeCode },
  { what: 'a short Sec-WebSocket-Key', text: webSocket('Sec-WebSocket-Key: AAAA', version, protocol), status: 400, code: upgradeCode },
  { what: 'a Sec-WebSocket-Key that is no base64', text: webSocket(`Sec-WebSocket-Key: ${'!'.repeat(22)}==`, version, protocol), status: 400, code: upgradeCode },
  { what: 'two Sec-WebSocket-Keys', text: webSocket(key, key, version, protocol), status: 400, code: upgradeCode },
  { what: 'no Sec-WebSocket-Version', text: webSocket(key, protocol), status: 400, code: upgradeCode },
  { what: 'Sec-WebSocket-Version 12', text: webSocket(key, 'Sec-WebSocket-Version: 12', protocol), status: 400, code: upgradeCode },
  { what: 'Sec-WebSocket-Version 13, twice', text: webSocket(key, version, version, protocol), status: 400, code: upgradeCode },
  { what: 'a subprotocol that is no token', text: webSocket(key, version, 'Sec-WebSocket-Protocol: al pn'), status: 400, code: upgradeCode },
  { what: 'a subprotocol twice', text: webSocket(key, version, 'Sec-WebSocket-Protocol: alpn, alpn'), status: 400, code: upgradeCode },
  { what: 'an empty subprotocol', text: webSocket(key, version, 'Sec-WebSocket-Protocol: '), status: 400, code: upgradeCode },
]
