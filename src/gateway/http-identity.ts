// The headers that tell an HTTP service who asks, and which of a request's own headers get through to it: none by which
// proxies tell a client's identity or address, in any spelling, and none that is for one hop (RFC 9110 §7.6.1).
import { isIPv6 } from 'node:net'
import type { ClientFacts } from './events.js'
import type { IdentityHeader } from './options.js'

export interface HttpClient {
  readonly address: string
  readonly client: ClientFacts | undefined
}

/** One line as text, several as an array: node:http wants `host` as text. */
export type Headers = Record<string, string | string[]>

/** Names that only the gateway may say, as proxies and load balancers use them. */
const identityNames: ReadonlySet<string> = new Set([
  ...['forwarded', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'x-cluster-client-ip', 'fastly-client-ip'],
  ...['x-azure-clientip', 'x-azure-socketip', 'x-envoy-external-address', 'remote-user', 'x-client-dn'],
  ...['x-client-verify', 'x-client-s-dn', 'x-client-subject'],
])

/** The same by how they begin. */
const identityBeginnings: readonly string[] = [
  ...['x-forwarded-', 'x-original-forwarded-', 'client-cert', 'x-client-cert', 'ssl-client-', 'x-ssl-'],
  ...['x-amzn-mtls-', 'x-remote-', 'cf-connecting-ip'],
]

const hopNames: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
])

/** A request's headers for the service. `upgrade`: keep the ones that ask for a protocol. */
export function requestHeaders(
  raw: readonly string[],
  identity: HttpClient,
  write: readonly IdentityHeader[],
  upgrade: string | undefined,
): Headers {
  const headers = endToEnd(raw, saysWhoAsks)
  headers['x-forwarded-proto'] = 'https'
  const { address, client } = identity
  for (const name of write) {
    const value = identityValue(name, address, client)
    if (value !== undefined) headers[name] = value
  }
  if (upgrade !== undefined) Object.assign(headers, { connection: 'upgrade', upgrade })
  return headers
}

/** Whatever is no letter and no digit is one sign to a server that makes variables of names (CGI, WSGI, nginx). */
function saysWhoAsks(name: string): boolean {
  const plain = name.replace(/[^a-z0-9]/g, '-')
  return identityNames.has(plain) || identityBeginnings.some((beginning) => plain.startsWith(beginning))
}

/** An answer's headers for the client. */
export function responseHeaders(raw: readonly string[]): Headers {
  return endToEnd(raw, () => false)
}

function endToEnd(raw: readonly string[], drop: (name: string) => boolean): Headers {
  const pairs: Array<readonly [string, string]> = []
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!.toLowerCase(), raw[i + 1]!])
  // RFC 9110 §7.6.1: fields named in Connection MUST be removed before a message is forwarded.
  const named = pairs
    .filter(([name]) => name === 'connection')
    .flatMap(([, value]) => value.split(',').map((each) => each.trim().toLowerCase()))
  const dropped = new Set(named)
  const headers: Headers = Object.create(null) as Headers
  for (const [name, value] of pairs) {
    if (hopNames.has(name) || dropped.has(name) || drop(name)) continue
    const before = headers[name]
    headers[name] = before === undefined ? value : [before, value].flat()
  }
  return headers
}

function identityValue(
  name: IdentityHeader,
  address: string,
  client: ClientFacts | undefined,
): string | undefined {
  switch (name) {
    case 'x-forwarded-for':
      return address
    case 'forwarded':
      // RFC 7239 §6: an IPv6 address is quoted and bracketed.
      return `for=${isIPv6(address) ? `"[${address}]"` : address};proto=https`
    case 'x-forwarded-client-cert':
      return client && forwardedClientCertificate(client)
    case 'client-cert':
      // RFC 9440 §2.2: a Byte Sequence of RFC 8941.
      return client && `:${Buffer.from(client.certificate).toString('base64')}:`
  }
}

// The keys and the quoting are Envoy's. Values from a certificate are quoted, and no control character leaves.
function forwardedClientCertificate(client: ClientFacts): string {
  const hash = client.fingerprint.replaceAll(':', '').toLowerCase()
  const subject = client.subject.split('\n').reverse().join(',')
  return [
    `Hash=${hash}`,
    `Subject=${quoted(subject)}`,
    ...client.uri.map((uri) => `URI=${quoted(uri)}`),
    ...client.dns.map((name) => `DNS=${quoted(name)}`),
  ].join(';')
}

function quoted(value: string): string {
  const safe = value.replace(/[^\x20-\x7e]/g, (character) => encodeURIComponentSafely(character))
  return `"${safe.replace(/["\\]/g, '\\$&')}"`
}

function encodeURIComponentSafely(character: string): string {
  return [...Buffer.from(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('')
}
