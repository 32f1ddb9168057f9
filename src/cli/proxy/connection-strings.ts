// What to type: the command that reaches a listener with the client people have. Ready to paste, with nothing secret in it.
import type { ClientKind } from '../../presets/index.js'
import type { ListeningFacts } from '../../proxy/index.js'

export interface StringFacts {
  readonly client: ClientKind | undefined
  readonly scheme: 'tcp' | 'unix' | 'socks5' | 'connect'
  readonly user?: string | undefined
  readonly database?: string | undefined
  /** A name that a rule allows, for SOCKS5 and CONNECT. */
  readonly example?: { readonly host: string; readonly port: number } | undefined
}

/** Where it listens, as text. */
export function placeText({ host, port, path }: ListeningFacts): string {
  return path ?? `${bracketed(host ?? '')}:${port}`
}

/** The command, or undefined where nobody has a usual client. */
export function connectionString(facts: StringFacts, at: ListeningFacts): string | undefined {
  const { client, scheme, user, database, example } = facts
  const target = example === undefined ? 'HOST:PORT' : `${bracketed(example.host)}:${example.port}`
  if (scheme === 'socks5') return `curl --socks5-hostname ${placeText(at)} http://${target}/`
  if (scheme === 'connect') return `curl --proxytunnel --proxy http://${placeText(at)} http://${target}/`
  if (client === undefined) return undefined
  return at.path === undefined
    ? overTcp(client, at.host ?? '127.0.0.1', at.port ?? 0, user, database)
    : overUnix(client, at.path, user, database)
}

// Our side encrypts: clients are told not to try, since none of them could verify 127.0.0.1.
function overTcp(
  client: ClientKind,
  host: string,
  port: number,
  user: string | undefined,
  database: string | undefined,
): string {
  const place = `${bracketed(host)}:${port}`
  const login = user === undefined ? '' : `${encodeURIComponent(user)}@`
  const base = database === undefined ? '' : encodeURIComponent(database)
  switch (client) {
    case 'psql':
      return `psql ${inQuotes(`postgresql://${login}${place}/${base}?sslmode=disable`)}`
    case 'mysql':
      return `mysql --protocol=tcp -h ${host} -P ${port}${option('-u', user)}${database === undefined ? '' : ` ${quoted(database)}`}`
    case 'mongosh':
      return `mongosh ${inQuotes(`mongodb://${login}${place}/${base}?directConnection=true`)}`
    case 'redis-cli':
      return `redis-cli -h ${host} -p ${port}${option('--user', user)}`
    case 'sqlcmd':
      return `sqlcmd -S tcp:${host},${port}${option('-U', user)}${option('-d', database)}`
    case 'cqlsh':
      return `cqlsh ${host} ${port}${option('-u', user)}${option('-k', database)}`
    case 'clickhouse-client':
      return `clickhouse-client --host ${host} --port ${port}${option('--user', user)}${option('--database', database)}`
    case 'ssh':
      return `ssh -p ${port} ${user === undefined ? '' : `${quoted(user)}@`}${host}`
    case 'curl':
      return `curl http://${place}/`
    case 'kubectl':
      return `kubectl --server=http://${place} get pods`
  }
}

function overUnix(
  client: ClientKind,
  path: string,
  user: string | undefined,
  database: string | undefined,
): string | undefined {
  switch (client) {
    case 'psql': {
      // libpq makes the socket's name itself, from a folder and a port.
      const match = /^(.*)\/\.s\.PGSQL\.(\d+)$/.exec(path)
      if (match === null) return undefined
      return `psql -h ${quoted(match[1]!)} -p ${match[2]}${option('-U', user)}${option('-d', database)}`
    }
    case 'mysql':
      return `mysql -S ${quoted(path)}${option('-u', user)}${database === undefined ? '' : ` ${quoted(database)}`}`
    case 'redis-cli':
      return `redis-cli -s ${quoted(path)}${option('--user', user)}`
    case 'mongosh':
      return `mongosh ${inQuotes(`mongodb://${encodeURIComponent(path)}/`)}`
    case 'curl':
      return `curl --unix-socket ${quoted(path)} http://localhost/`
    default:
      return undefined
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function option(flag: string, value: string | undefined): string {
  return value === undefined ? '' : ` ${flag} ${quoted(value)}`
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : inQuotes(text)
}

/** `encodeURIComponent` leaves the quote as it is. */
function inQuotes(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
