// What the Node door may be told about proxies on the way out, and whether any could apply: what does is loaded only then.
import type { Trust } from '../../pki/index.js'

/** `'environment'`: HTTPS_PROXY, ALL_PROXY, HTTP_PROXY and NO_PROXY. `'none'`. Or the URL of a proxy, taken for everything. */
export type Outbound = 'environment' | 'none' | (string & {}) | URL

export interface OutboundOptions {
  /**
   * How to leave this machine. Default `'environment'`. As a URL: `http:` and `https:` (CONNECT), `socks5h:`, and `socks5:`,
   * which resolves names here; with `user:password@` where the proxy asks for it.
   */
  readonly outbound?: Outbound
  /** Who signs an `https:` proxy. Default: the roots of the platform. */
  readonly outboundTrust?: Trust
}

/** Whether a proxy may stand in the way; false spares its code. */
export function mayLeaveByProxy(
  outbound: Outbound,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (outbound === 'none') return false
  return outbound !== 'environment' || names.some((name) => env[name] !== undefined && env[name] !== '')
}

const names = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY']
