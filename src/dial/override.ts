// The grammar of Teleport's TELEPORT_TLS_ROUTING_CONN_UPGRADE: who is to be upgraded, decided by hand. The same strings
// mean the same; forgiven are blanks around tokens, a host without its port, letter case, and `*.` before a domain.
// Unlike Teleport's substring search, `a.b.example:443=yes` says nothing about `b.example:443`. Reads no environment.
import type { Address } from '../platform/platform.js'

/** The environment variable whose value `upgradeOverride` understands. */
export const upgradeVariable: string = 'TELEPORT_TLS_ROUTING_CONN_UPGRADE'

/**
 * What the text says about an address: true = upgrade, false = direct, undefined = nothing (only when it is empty).
 * `host[:port]=bool` entries win over bare booleans, the first one that fits; of the bare ones the last counts; a text
 * that says nothing readable says false, as Teleport has it.
 */
export function upgradeOverride(text: string | undefined, address: Address): boolean | undefined {
  if (text === undefined || text.trim() === '') return undefined
  let everywhere = false
  for (const field of text.split(/[;,]/)) {
    const token = field.trim()
    const equals = token.lastIndexOf('=')
    if (equals < 0) {
      everywhere = booleanWord(token) ?? everywhere
    } else if (isAbout(token.slice(0, equals).trim(), address)) {
      return booleanWord(token.slice(equals + 1)) ?? false
    }
  }
  return everywhere
}

const words: ReadonlyMap<string, boolean> = new Map([
  ...['yes', 'yeah', 'y', 'true', '1', 'on'].map((word) => [word, true] as const),
  ...['no', 'nope', 'n', 'false', '0', 'off'].map((word) => [word, false] as const),
])

function booleanWord(text: string): boolean | undefined {
  return words.get(text.trim().toLowerCase())
}

function isAbout(pattern: string, address: Address): boolean {
  const { host, port } = splitPort(pattern.toLowerCase())
  if (port !== undefined && port !== String(address.port)) return false
  const actual = address.host.toLowerCase()
  if (host.startsWith('*.')) return actual.endsWith(host.slice(1)) && actual.length >= host.length
  return host === actual
}

function splitPort(pattern: string): { host: string; port: string | undefined } {
  const bracketed = /^\[(.*)\](?::(\d+))?$/.exec(pattern)
  if (bracketed !== null) return { host: bracketed[1] ?? '', port: bracketed[2] }
  const colon = pattern.indexOf(':')
  // More than one colon and no brackets is a bare IPv6 address.
  if (colon < 0 || pattern.indexOf(':', colon + 1) >= 0) return { host: pattern, port: undefined }
  return { host: pattern.slice(0, colon), port: pattern.slice(colon + 1) }
}
