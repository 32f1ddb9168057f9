// Whose request it is, behind proxies: X-Forwarded-For or Forwarded (RFC 7239), read from the right, because only what our
// own proxies appended is true. An entry that is no address ends the walk: nothing left of it is believed.
import { BlockList, isIP, isIPv4 } from 'node:net'
import type { ForwardedPolicy } from './options.js'

export interface ForwardedRule {
  readonly header: 'x-forwarded-for' | 'forwarded'
  readonly hops: number | undefined
  readonly trusted: BlockList | undefined
}

/** `true` in the options is one hop of X-Forwarded-For. Throws TypeError on a block that is none. */
export function forwardedRule(policy: true | ForwardedPolicy): ForwardedRule {
  if (policy === true) return { header: 'x-forwarded-for', hops: 1, trusted: undefined }
  const { header = 'x-forwarded-for', hops, trusted } = policy
  return { header, hops, trusted: trusted && blocks(trusted) }
}

/** The client's address by the rule; the peer's own where the headers do not say as much as they should. */
export function clientAddress(
  rule: ForwardedRule,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  peer: string,
): string {
  const lines = [headers[rule.header]].flat().filter((line) => line !== undefined)
  const entries = (rule.header === 'forwarded' ? forwardedFor(lines) : lines.flatMap(splitList)).map(
    addressOf,
  )
  if (rule.hops !== undefined) return entries.at(-rule.hops) ?? plainAddress(peer)
  let client = plainAddress(peer)
  while (isTrusted(rule, client)) {
    const next = entries.pop()
    if (next === undefined) break
    client = next
  }
  return client
}

/** What counts as one client: an IPv6 subscriber has a whole /64. */
export function addressGroup(given: string): string {
  const address = plainAddress(given)
  if (isIP(address) !== 6) return address
  const [head = '', tail] = address.toLowerCase().split('%', 1)[0]!.split('::')
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - rest.length
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...rest]
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}

function isTrusted(rule: ForwardedRule, address: string): boolean {
  return rule.trusted?.check(address, isIPv4(address) ? 'ipv4' : 'ipv6') === true
}

function blocks(trusted: readonly string[]): BlockList {
  const list = new BlockList()
  for (const block of trusted) {
    const [address = '', bits] = block.split('/')
    const family = isIPv4(address) ? 'ipv4' : 'ipv6'
    if (isIP(address) === 0) throw new TypeError(`${JSON.stringify(block)} is no address or CIDR block`)
    if (bits === undefined) list.addAddress(address, family)
    else if (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 'ipv4' ? 32 : 128)) {
      list.addSubnet(address, Number(bits), family)
    } else throw new TypeError(`${JSON.stringify(block)} is no CIDR block`)
  }
  return list
}

function splitList(line: string): string[] {
  return line.split(',').map((entry) => entry.trim())
}

// RFC 7239 §4: elements by comma, pairs by semicolon, values as tokens or quoted strings; parameter names in any case.
function forwardedFor(lines: readonly string[]): string[] {
  return lines.flatMap((line) =>
    splitOutsideQuotes(line, ',')
      .filter((element) => element !== '')
      .map(clientOf),
  )
}

/** An element that says nothing of its client still counts as a hop. */
function clientOf(element: string): string {
  for (const pair of splitOutsideQuotes(element, ';')) {
    const [, quoted, token] = /^\s*for=(?:"((?:[^"\\]|\\.)*)"|([^;,"\s]*))/i.exec(pair) ?? []
    const value = quoted?.replace(/\\(.)/g, '$1') ?? token
    if (value !== undefined) return value
  }
  return ''
}

/** In time by the length of the line, whatever is in it; a quote that nothing closes is an ordinary character. */
function splitOutsideQuotes(line: string, separator: string): string[] {
  const parts: string[] = []
  let start = 0
  let closes = true
  for (let at = 0; at < line.length; at++) {
    if (line[at] === separator) {
      parts.push(line.slice(start, at))
      start = at + 1
    } else if (line[at] === '"' && closes) {
      const end = closingQuote(line, at)
      // What follows an unclosed quote holds only escaped ones: none of those is closed either.
      if (end === undefined) closes = false
      else at = end
    }
  }
  return [...parts, line.slice(start)]
}

function closingQuote(line: string, open: number): number | undefined {
  for (let at = open + 1; at < line.length; at++) {
    if (line[at] === '"') return at
    if (line[at] === '\\') at++
  }
  return undefined
}

/** Without brackets and port; undefined for `unknown`, `_names` and anything else that is no address. */
function addressOf(entry: string): string | undefined {
  const bracketed = /^\[([^\]]+)\](?::\w+)?$/.exec(entry)?.[1]
  const withPort = /^([\d.]+):\w+$/.exec(entry)?.[1]
  const address = bracketed ?? withPort ?? entry
  return isIP(address) === 0 ? undefined : plainAddress(address)
}

/** RFC 4291 §2.5.5.2: an IPv4 peer of a listener for both families, as the IPv4 address that it is. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  return mapped ?? address
}
