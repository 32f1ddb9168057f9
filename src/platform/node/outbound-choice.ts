// Which proxy stands between here and a destination: said in so many words, or by the environment, as curl and Go's programs
// (tsh among them) have it. Pure: nothing is dialed, nothing resolved.
import type { Address } from '../platform.js'
import { bypassesProxy, isLoopback } from './no-proxy.js'
import type { Outbound } from './outbound-face.js'
import { type ProxyServer, parseProxy } from './proxy-url.js'

/** What is to be reached: the origin, and whether its URL is https. */
export interface Destination extends Address {
  readonly secure: boolean
}

export type ProxyEnvironment = Readonly<Record<string, string | undefined>>

/** The proxy for a destination, or undefined for none. Throws ERR_PROXY_CONFIG for an address that is none. */
export function proxyFor(
  outbound: Outbound,
  env: ProxyEnvironment,
  destination: Destination,
): ProxyServer | undefined {
  if (outbound === 'none') return undefined
  if (outbound !== 'environment') return parseProxy(String(outbound), '`outbound`')
  const { host, port, secure } = destination
  const [name, text] = variables(secure, env).find(([, value]) => value !== '') ?? []
  if (name === undefined || text === undefined || isLoopback(host)) return undefined
  const exempt = textOf(env, 'no_proxy') || textOf(env, 'NO_PROXY')
  return bypassesProxy(exempt, host, port) ? undefined : parseProxy(text, name)
}

/** In the order of asking. Lower case wins, as in curl. */
function variables(secure: boolean, env: ProxyEnvironment): ReadonlyArray<readonly [string, string]> {
  // A CGI server turns a request's header `Proxy` into HTTP_PROXY (httpoxy): there, whoever asks would choose the proxy.
  const isCgi = textOf(env, 'REQUEST_METHOD') !== ''
  // Windows knows no letter case in names: there the lower one is the upper one.
  const http = isCgi ? (process.platform === 'win32' ? [] : ['http_proxy']) : ['http_proxy', 'HTTP_PROXY']
  const https = ['https_proxy', 'HTTPS_PROXY']
  const all = ['all_proxy', 'ALL_PROXY']
  // tsh takes HTTP_PROXY for want of another; it stands last, so that it changes nothing where the others speak.
  const names = secure ? [...https, ...all, ...http] : [...http, ...all]
  return names.map((name) => [name, textOf(env, name)] as const)
}

function textOf(env: ProxyEnvironment, name: string): string {
  return env[name]?.trim() ?? ''
}
