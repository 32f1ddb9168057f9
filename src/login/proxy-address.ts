// Addresses of a Teleport proxy as people and profiles write them: a host, host:port, `host:web,ssh` with several ports, or
// a URL.
import { type ErrorCode, failure } from '../errors-node.js'

export interface ProxyAddress {
  /** Without brackets. */
  readonly host: string
  /** 443 where none is given. */
  readonly port: number
}

/** Take an address apart. `what` names it in the error, which does not repeat the value. */
export function hostAndPort(text: string, code: ErrorCode, what: string): ProxyAddress {
  const plain = text
    .trim()
    .replace(/^https:\/\//i, '')
    .replace(/\/+$/, '')
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/?#@[\]]+))(?::(\d*)(?:,\d*)*)?$/.exec(plain)
  const [, literal, name, digits] = match ?? []
  const host = literal ?? name
  const port = digits === undefined || digits === '' ? 443 : Number(digits)
  if (host === undefined || port < 1 || port > 65_535) throw failure(code, `${what} is no host or host:port`)
  return { host, port }
}

export function originOf({ host, port }: ProxyAddress): string {
  const shown = host.includes(':') ? `[${host}]` : host
  return port === 443 ? `https://${shown}` : `https://${shown}:${port}`
}
