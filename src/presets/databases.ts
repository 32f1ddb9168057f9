// Database protocols: one ALPN name each, with its twin that has ping framing. Several share a name.
import type { ClientKind, LocalProtocol, PresetEntry } from './index.js'
import { mysqlVersionName } from './names.js'

interface Database {
  readonly name: string
  /** What follows `teleport-`, where it is not the name. */
  readonly alpn?: string
  readonly port: number
  readonly protocol?: LocalProtocol
  readonly client?: ClientKind
}

// biome-ignore format: a table
const databases: readonly Database[] = [
  { name: 'postgres', port: 5432, protocol: 'postgres', client: 'psql' },
  { name: 'cockroachdb', alpn: 'postgres', port: 26257, protocol: 'postgres', client: 'psql' },
  { name: 'mysql', port: 3306, protocol: 'mysql', client: 'mysql' },
  { name: 'mongodb', port: 27017, client: 'mongosh' },
  { name: 'redis', port: 6379, protocol: 'redis', client: 'redis-cli' },
  { name: 'sqlserver', port: 1433, client: 'sqlcmd' },
  { name: 'oracle', port: 1521 },
  { name: 'cassandra', port: 9042, client: 'cqlsh' },
  { name: 'clickhouse', port: 9000, client: 'clickhouse-client' },
  { name: 'clickhouse-http', alpn: 'clickhouse', port: 8123, client: 'curl' },
  { name: 'elasticsearch', port: 9200, client: 'curl' },
  { name: 'opensearch', port: 9200, client: 'curl' },
  { name: 'dynamodb', port: 8000, client: 'curl' },
  { name: 'snowflake', port: 8443, client: 'curl' },
  { name: 'spanner', port: 9010 },
]

export const databasePresets: readonly PresetEntry[] = databases.map(
  ({ name, alpn = name, port, protocol = 'tcp', client }) => ({
    name,
    summary: `${name} (port ${port})`,
    of: ({ version }) => ({
      alpn: [
        `teleport-${alpn}-ping`,
        `teleport-${alpn}`,
        ...(name === 'mysql' && version !== undefined ? [mysqlVersionName(version)] : []),
      ],
      protocol,
      port,
      ...(client && { client }),
    }),
  }),
)
