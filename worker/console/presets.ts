// The inner application protocols that the form offers by name, and what the workspace does with each.

export type Service = 'postgres' | 'lines'

export interface Preset {
  readonly label: string
  readonly alpn: string
  readonly service: Service
}

export const presets: readonly Preset[] = [
  { label: 'PostgreSQL, with pings', alpn: 'teleport-postgres-ping', service: 'postgres' },
  { label: 'PostgreSQL', alpn: 'teleport-postgres', service: 'postgres' },
  { label: 'PostgreSQL (IANA)', alpn: 'postgresql', service: 'postgres' },
  { label: 'Redis, with pings', alpn: 'teleport-redis-ping', service: 'lines' },
  { label: 'Redis', alpn: 'teleport-redis', service: 'lines' },
  { label: 'TCP application, with pings', alpn: 'teleport-tcp-ping', service: 'lines' },
  { label: 'TCP application', alpn: 'teleport-tcp', service: 'lines' },
  { label: 'HTTP/1.1', alpn: 'http/1.1', service: 'lines' },
  { label: 'SMTP', alpn: 'smtp', service: 'lines' },
]

/** By the name: what speaks PostgreSQL gets the SQL console, everything else the terminal. */
export function serviceOf(alpn: string): Service {
  return /postgres/i.test(alpn) ? 'postgres' : 'lines'
}
