// The way out through a proxy: TCP to the proxy, TLS where its URL says so, then CONNECT or SOCKS5 as a layer. What comes out
// is a wire like any other. Loaded only where a proxy may apply; the choice is made in outbound-choice.ts.
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { underUpgrade } from '../../dial/outer-tls.js'
import { asTunnelError, failure, type TunnelError } from '../../errors-node.js'
import { trustStore } from '../../pki/index.js'
import type { Wire } from '../../stream/byte-stream.js'
import { Connection, withDeadline } from '../../stream/index.js'
import { tlsClient } from '../../tls/index.js'
import type { Address, WireOptions } from '../platform.js'
import { nodeCrypto } from './crypto.js'
import { httpConnect } from './http-connect.js'
import { type ProxyEnvironment, proxyFor } from './outbound-choice.js'
import type { OutboundOptions } from './outbound-face.js'
import type { ProxyServer } from './proxy-url.js'
import { socks5 } from './socks5.js'
import { systemRoots } from './system-roots.js'
import { dialError, dialTcp } from './wire.js'

/** Settings of a dialer's way out. */
export interface WayOut extends OutboundOptions {
  readonly env: ProxyEnvironment
  /** Whether the origin's URL is https: which variable counts. */
  readonly secure: boolean
}

/**
 * As `dialTcp`, through the proxy that applies. Rejects with ERR_PROXY_* for what the proxy did, and with ERR_DIAL_* where
 * there is none for this address.
 */
export async function dialOutbound(address: Address, options: WireOptions, out: WayOut): Promise<Wire> {
  const proxy = proxyFor(out.outbound ?? 'environment', out.env, { ...address, secure: out.secure })
  if (proxy === undefined) return dialTcp(address, options)
  options.busy?.('proxy')
  if (proxy.scheme !== 'socks5') return through(proxy, address, options, out)
  let failed: TunnelError | undefined
  for (const host of await addressesOf(address, options)) {
    try {
      return await through(proxy, { host, port: address.port }, options, out)
    } catch (error) {
      failed = asTunnelError(error)
      // Another address helps only where the proxy could not reach this one.
      if (failed.code !== 'ERR_PROXY_UPSTREAM') throw failed
    }
  }
  throw failed ?? failure('ERR_DIAL_DNS', `${address.host} has no address`)
}

async function through(
  proxy: ProxyServer,
  target: Address,
  options: WireOptions,
  out: WayOut,
): Promise<Wire> {
  const { signal, trace } = options
  // Options that the protocol cannot carry are refused before anything is dialed.
  const layer = proxy.scheme.startsWith('http')
    ? httpConnect({ target, credentials: proxy.credentials })
    : socks5({ target, credentials: proxy.credentials })
  const wire = await reached(proxy, options)
  const connection = new Connection(wire, { clock: () => performance.now() })
  try {
    if (proxy.scheme === 'https') await secured(connection, proxy, signal, out)
    await connection.push(layer, signal)
  } catch (thrown) {
    const error = named(asTunnelError(thrown), proxy)
    connection.destroy(error)
    throw error
  }
  trace?.('proxy', {
    proxy: proxy.shown,
    host: target.host,
    port: target.port,
    authenticated: proxy.credentials !== undefined,
  })
  return connection.wire()
}

/** TCP to the proxy. Its failures are the proxy's, not the origin's. */
async function reached(proxy: ProxyServer, options: WireOptions): Promise<Wire> {
  try {
    return await dialTcp(proxy.address, options)
  } catch (thrown) {
    throw named(asTunnelError(thrown), proxy)
  }
}

async function secured(
  connection: Connection,
  proxy: ProxyServer,
  signal: AbortSignal,
  out: WayOut,
): Promise<void> {
  const layer = tlsClient({
    crypto: nodeCrypto,
    now: Date.now,
    serverName: proxy.address.host.replace(/^\[(.*)\]$/, '$1'),
    alpn: ['http/1.1'],
    alpnPolicy: 'optional',
    trust: out.outboundTrust ?? trustStore(systemRoots()),
  })
  try {
    // Proxies cut TLS without close_notify too, and only the inner end proves anything.
    await connection.push(
      underUpgrade(layer, () => false),
      signal,
    )
  } catch (thrown) {
    const error = asTunnelError(thrown)
    if (!/^ERR_(TLS|CERT)_/.test(error.code)) throw error
    throw failure('ERR_PROXY_TLS', `${proxy.shown} ${error.code}`, { cause: error })
  }
}

/** An error told as the proxy's: which one, and that nothing beyond it was to blame. */
function named(error: TunnelError, proxy: ProxyServer): TunnelError {
  const { code } = error
  if (code === 'ERR_PROXY_TLS' || code === 'ERR_ABORTED' || code === 'ERR_TIMEOUT' || code === 'ERR_INTERNAL')
    return error
  if (/^ERR_(DIAL|STREAM)_/.test(code))
    return failure('ERR_PROXY_DIAL', [`${proxy.shown} ${code}`, error.detail].filter(Boolean).join(': '), {
      cause: error,
    })
  return failure(code, [proxy.shown, error.detail].filter(Boolean).join(': '), {
    cause: error,
    evidence: error.evidence,
  })
}

/** Addresses of a name, in the system's order, no more than a few: `socks5:` resolves here. */
async function addressesOf({ host, port }: Address, options: WireOptions): Promise<string[]> {
  const plain = host.replace(/^\[(.*)\]$/, '$1')
  if (isIP(plain) !== 0) return [plain]
  try {
    const found = await withDeadline({ signals: [options.signal], phase: 'proxy' }, () =>
      lookup(plain, { all: true }),
    )
    const addresses = found.slice(0, MAX_ADDRESSES).map(({ address }) => address)
    options.trace?.('dns', { host, address: addresses.join(' ') })
    return addresses
  } catch (error) {
    const cause = asTunnelError(error)
    throw cause.code === 'ERR_INTERNAL' ? dialError(error as Error, { host, port }) : cause
  }
}

const MAX_ADDRESSES = 4
