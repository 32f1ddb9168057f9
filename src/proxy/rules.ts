// Which names clients may ask for: exact names and suffixes, the first that fits, and nothing by default. There is no rule
// for everything: a listener of this kind is never an open proxy.
import { failure } from '../errors-node.js'
import type { Rule, Target } from './options.js'

/** What a client asked for, host without brackets. */
export interface Requested {
  readonly host: string
  readonly port: number
}

export function requestedText({ host, port }: Requested): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Throws ERR_CONFIG_INVALID for a host that would allow everything, or is no name. */
export function checkRule(rule: Rule): void {
  const suffix = rule.host.startsWith('*.') ? rule.host.slice(2) : rule.host
  const port = rule.port ?? 1
  if (suffix === '' || /[*\s/]/.test(suffix) || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw failure('ERR_CONFIG_INVALID', `no rule can be for ${JSON.stringify(rule.host)}`, {
      hint: 'Name a host exactly, or `*.suffix` for all names below one; a rule for everything would be an open proxy.',
    })
  }
}

/** The tunnel for a name. Throws ERR_LOCAL_DENIED. */
export function targetFor(rules: readonly Rule[], requested: Requested): Target {
  const host = plain(requested.host)
  const rule = rules.find(
    (one) => fits(plain(one.host), host) && (one.port ?? requested.port) === requested.port,
  )
  if (rule === undefined) throw failure('ERR_LOCAL_DENIED', requestedText(requested))
  return rule.target.serverName === '{host}' ? { ...rule.target, serverName: host } : rule.target
}

function fits(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host
  // Addresses have no names below them.
  return host.length > pattern.length - 1 && host.endsWith(pattern.slice(1)) && !/^[\d.]+$|:/.test(host)
}

// Names are the same with any case and with the root's dot.
function plain(host: string): string {
  return host.toLowerCase().replace(/\.$/, '')
}
