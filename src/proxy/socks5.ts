// SOCKS Protocol Version 5 (RFC 1928) with username and password (RFC 1929), the server's side: CONNECT only, since tunnels
// are byte streams. Parsers of single messages and the bytes of answers; the order of things is in greet.ts.
import { equalConstantTime, fromLatin1, utf8 } from '../bytes/index.js'
import { failure, type TunnelError } from '../errors-node.js'
import type { Parse } from './held-wire.js'
import type { Credentials } from './options.js'
import type { Requested } from './rules.js'

/** RFC 1928 §3: X'00' no authentication, X'02' username/password, X'FF' no acceptable methods. */
export const method = { none: 0, password: 2, unacceptable: 0xff } as const

/** RFC 1928 §6: replies. */
export const reply = {
  succeeded: 0,
  failed: 1,
  denied: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  refused: 5,
  expired: 6,
  command: 7,
  address: 8,
} as const

export type Reply = (typeof reply)[keyof typeof reply]

/** The methods a client offers. Throws ERR_LOCAL_REQUEST for another protocol. */
export const parseMethods: Parse<readonly number[]> = (bytes) => {
  const [version, count] = bytes
  if (version === undefined) return undefined
  if (version !== 5) throw failure('ERR_LOCAL_REQUEST', notSocks5(version))
  if (count === undefined || bytes.length < 2 + count) return undefined
  return { value: [...bytes.subarray(2, 2 + count)], used: 2 + count }
}

function notSocks5(version: number): string {
  if (version === 4) return 'SOCKS version 4; this listener speaks version 5'
  if (version === 0x16) return 'a TLS ClientHello instead of SOCKS5'
  return version >= 0x41 && version <= 0x7a
    ? 'text, as of HTTP, instead of SOCKS5'
    : `SOCKS version ${version}`
}

/** RFC 1929 §2: whether the user name and the password are right. */
export function parsePassword(expected: Credentials): Parse<boolean> {
  return (bytes) => {
    const [version, nameLength] = bytes
    if (version === undefined) return undefined
    if (version !== 1) throw failure('ERR_LOCAL_REQUEST', `version ${version} of username/password`)
    if (nameLength === undefined) return undefined
    const passwordLength = bytes[2 + nameLength]
    if (passwordLength === undefined) return undefined
    const end = 3 + nameLength + passwordLength
    if (bytes.length < end) return undefined
    const user = equalConstantTime(bytes.subarray(2, 2 + nameLength), utf8(expected.user))
    const password = equalConstantTime(bytes.subarray(3 + nameLength, end), utf8(expected.password))
    return { value: user && password, used: end }
  }
}

/** A request, or the reply that refuses it. */
export type Request = { readonly requested: Requested } | { readonly refused: Reply; readonly why: string }

export const parseRequest: Parse<Request> = (bytes) => {
  const [version, command, reserved, kind, length] = bytes
  if (version !== undefined && version !== 5) throw failure('ERR_LOCAL_REQUEST', `SOCKS version ${version}`)
  if (length === undefined) return undefined
  const size = kind === 1 ? 4 : kind === 4 ? 16 : kind === 3 ? length : undefined
  // Of an unknown kind nobody knows the length: the answer ends the conversation, whatever follows.
  if (size === undefined) return { value: { refused: reply.address, why: `address type ${kind}` }, used: 5 }
  const at = kind === 3 ? 5 : 4
  const used = at + size + 2
  if (bytes.length < used) return undefined
  const refuse = (refused: Reply, why: string) => ({ value: { refused, why }, used })
  // RFC 1928 §4: fields marked RESERVED must be X'00'.
  if (reserved !== 0) return refuse(reply.failed, 'the reserved field is not zero')
  if (command !== 1) return refuse(reply.command, `command ${command}; only CONNECT is served`)
  const address = bytes.subarray(at, at + size)
  const host = kind === 1 ? address.join('.') : kind === 4 ? ipv6(address) : domain(address)
  if (host === undefined) return refuse(reply.failed, 'the domain name is none')
  const port = bytes[used - 2]! * 256 + bytes[used - 1]!
  if (port === 0) return refuse(reply.failed, 'port 0')
  return { value: { requested: { host, port } }, used }
}

function domain(bytes: Uint8Array): string | undefined {
  const text = fromLatin1(bytes)
  return /^[\x21-\x7e]{1,253}$/.test(text) ? text : undefined
}

/** RFC 5952 by way of the URL parser, without brackets. */
function ipv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! * 256 + bytes[2 * i + 1]!).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/** RFC 1928 §6: a reply; the address bound is none that the client could use. */
export function replyBytes(code: Reply): Uint8Array {
  return Uint8Array.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0)
}

/** The reply that says best what went wrong. */
export function replyFor(error: TunnelError): Reply {
  switch (error.code) {
    case 'ERR_LOCAL_DENIED':
    case 'ERR_CONFIG_IDENTITY_EXPIRED':
    case 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED':
    case 'ERR_TLS_ALERT_CERTIFICATE_REFUSED':
      return reply.denied
    case 'ERR_DIAL_REFUSED':
      return reply.refused
    case 'ERR_DIAL_UNREACHABLE':
      return reply.networkUnreachable
    case 'ERR_DIAL_DNS':
      return reply.hostUnreachable
    case 'ERR_TIMEOUT':
      return reply.expired
    default:
      return reply.failed
  }
}
