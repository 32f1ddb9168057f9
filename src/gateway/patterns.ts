// Patterns for ALPN names and server names: what they match and which of two is more exact. A final `*` of an ALPN name
// stands for any rest. A server name has its star as the first label (one label, as in certificates, RFC 9525 §6.3) or as
// the last (`kube.*`: any rest, for names that carry their purpose in front).

/** How exactly a pattern names the ALPN name: more is more exact, 0 is not at all. */
export function alpnRank(pattern: string, name: string): number {
  if (pattern === name) return 1_000
  if (!pattern.endsWith('*')) return 0
  const prefix = pattern.slice(0, -1)
  return name.startsWith(prefix) ? 1 + prefix.length : 0
}

/** The same for a server name; `undefined` stands for a route without names, and for a client without one. */
export function serverNameRank(pattern: string | undefined, name: string | undefined): number {
  if (pattern === undefined) return 1
  if (name === undefined) return 0
  if (pattern === name) return 1_000
  if (pattern.startsWith('*.')) {
    const dot = name.indexOf('.')
    return dot > 0 && name.slice(dot) === pattern.slice(1) ? 500 : 0
  }
  if (!pattern.endsWith('.*')) return 0
  const prefix = pattern.slice(0, -1)
  return name.length > prefix.length && name.startsWith(prefix) ? 1 + prefix.length : 0
}
