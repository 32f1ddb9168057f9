// The URL of a proxy. What it holds besides scheme, host and port are credentials, which go to the proxy and nowhere else.
import { failure } from '../../errors-node.js'
import type { Address } from '../platform.js'
import type { Credentials } from './http-connect.js'

export interface ProxyServer {
  /** `socks5` resolves names here, `socks5h` and the others at the proxy. */
  readonly scheme: 'http' | 'https' | 'socks5' | 'socks5h'
  readonly address: Address
  readonly credentials?: Credentials
  /** For traces and errors: without credentials. */
  readonly shown: string
}

const ports = { http: 80, https: 443, socks5: 1080, socks5h: 1080 } as const

/** A proxy's URL; without a scheme it is http. `where` names it in errors, which never repeat the text: it may hold a password. */
export function parseProxy(text: string, where: string): ProxyServer {
  const refuse = (detail: string) => failure('ERR_PROXY_CONFIG', `${where} ${detail}`)
  let url: URL
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  } catch {
    throw refuse('is not a URL')
  }
  const scheme = url.protocol.slice(0, -1)
  if (!isScheme(scheme)) throw refuse(`has the scheme ${scheme}, which is not supported`)
  const host = url.hostname
  if (host === '') throw refuse('names no host')
  const port = url.port === '' ? ports[scheme] : Number(url.port)
  if (port === 0) throw refuse('has the port 0')
  const credentials = credentialsOf(url, scheme, refuse)
  return {
    scheme,
    address: { host, port },
    ...(credentials && { credentials }),
    shown: `${scheme}://${host}:${port}`,
  }
}

function isScheme(text: string): text is ProxyServer['scheme'] {
  return Object.hasOwn(ports, text)
}

function credentialsOf(
  url: URL,
  scheme: ProxyServer['scheme'],
  refuse: (detail: string) => Error,
): Credentials | undefined {
  if (url.username === '' && url.password === '') return undefined
  let user: string
  let password: string
  try {
    user = decodeURIComponent(url.username)
    password = decodeURIComponent(url.password)
  } catch {
    throw refuse('has credentials that are not percent-encoded')
  }
  // RFC 7617 §2: no colon in the user, no control characters at all.
  if (scheme.startsWith('http') && (user.includes(':') || /\p{Cc}/u.test(user + password)))
    throw refuse('has credentials that Basic cannot carry')
  return { user, password }
}
