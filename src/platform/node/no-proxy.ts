// NO_PROXY: which destinations are reached without the proxy. There is no standard; this is what Go (so tsh) does, and curl
// where the two agree: a name covers its subdomains, a leading dot leaves the name itself out, addresses are compared only
// with addresses, and no name is resolved for it.
import { BlockList, isIP } from 'node:net'

/** Whether a list exempts a destination. `host` as in URLs, an IPv6 literal with or without brackets. */
export function bypassesProxy(list: string, host: string, port: number): boolean {
  const target = plainHost(host)
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => covers(entry.toLowerCase(), target, port))
}

/** localhost and loopback addresses: never through a proxy that the environment names. */
export function isLoopback(host: string): boolean {
  const target = plainHost(host)
  return target === 'localhost' || target.endsWith('.localhost') || inSubnets(target, loopback)
}

function covers(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true
  const { name, port: only } = splitPort(entry)
  if (only !== undefined && Number(only) !== port) return false
  const slash = name.indexOf('/')
  if (slash >= 0) return isIP(host) !== 0 && inSubnets(host, subnet(name, slash))
  const pattern = name.replace(/^\[(.*)\]$/, '$1')
  if (isIP(pattern) !== 0) return isIP(host) !== 0 && inSubnets(host, subnetOf(pattern, undefined))
  if (isIP(host) !== 0) return false
  // `*.example.com` is another way to write `.example.com`.
  const suffix = pattern.replace(/^\*\./, '.').replace(/\.$/, '')
  return suffix.startsWith('.')
    ? host.endsWith(suffix) && host.length > suffix.length
    : suffix !== '' && (host === suffix || host.endsWith(`.${suffix}`))
}

function splitPort(entry: string): { readonly name: string; readonly port: string | undefined } {
  const [, name, port] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? []
  return name === undefined ? { name: entry, port: undefined } : { name, port }
}

function subnet(text: string, slash: number): BlockList {
  const prefix = text.slice(slash + 1)
  return /^\d{1,3}$/.test(prefix)
    ? subnetOf(text.slice(0, slash).replace(/^\[(.*)\]$/, '$1'), Number(prefix))
    : new BlockList()
}

/** One address, or a subnet; an empty list for what is none. */
function subnetOf(address: string, prefix: number | undefined): BlockList {
  const list = new BlockList()
  const version = isIP(address)
  const bits = version === 4 ? 32 : 128
  if (version === 0 || (prefix ?? bits) > bits) return list
  list.addSubnet(address, prefix ?? bits, version === 4 ? 'ipv4' : 'ipv6')
  return list
}

function inSubnets(host: string, list: BlockList): boolean {
  const version = isIP(host)
  return version !== 0 && list.check(host, version === 4 ? 'ipv4' : 'ipv6')
}

/** Lower case, without brackets, zone and the root's dot; an IPv4 address in IPv6 clothes as what it is. */
function plainHost(host: string): string {
  const plain = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/%.*$/, '')
  if (isIP(plain) === 6) return mappedIpv4(plain) ?? plain
  return plain.replace(/\.$/, '')
}

function mappedIpv4(address: string): string | undefined {
  // The URL parser knows every way to write an IPv6 address and gives the shortest.
  const [, high, low] =
    /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(new URL(`http://[${address}]`).hostname) ?? []
  if (high === undefined || low === undefined) return undefined
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [a >> 8, a & 255, b >> 8, b & 255].join('.')
}

const loopback: BlockList = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')
