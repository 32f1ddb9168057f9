// Names that peers agree on: which ALPN a protocol has at a Teleport proxy (or a gateway configured alike), which server
// name goes with it, and what local clients of it need. Data and pure functions; nothing is dialed, read or printed here.
import { failure } from '../errors-node.js'
import { databasePresets } from './databases.js'
import { proxyPresets } from './proxies.js'

export { authServerName, kubeServerName, mysqlVersionName } from './names.js'

/** How a local client of the protocol talks: some listeners answer a little of it themselves. */
export type LocalProtocol = 'postgres' | 'mysql' | 'redis' | 'http' | 'tcp'

/** What a preset is told beside its name. */
export interface PresetOptions {
  /** Name of the cluster, for `auth`. */
  readonly cluster?: string | undefined
  /** Public host of the kube proxy, for `kube`; the origin's host as a rule. */
  readonly host?: string | undefined
  /** Version that the database is known to have, for `mysql`: the server can then greet with it at once. */
  readonly version?: string | undefined
}

export interface Preset {
  /** ALPN names in order of preference, the ones with ping framing first. */
  readonly alpn: readonly string[]
  /** Inner server name, where it is not the origin's host. */
  readonly serverName?: string
  readonly protocol: LocalProtocol
  /** The service's usual port, for local listeners. */
  readonly port?: number
  /** For a listener that people connect to with a client of this name: keys of the connection strings. */
  readonly client?: ClientKind
}

/** Whose connection string is printed. */
export type ClientKind =
  | 'psql'
  | 'mysql'
  | 'mongosh'
  | 'redis-cli'
  | 'sqlcmd'
  | 'cqlsh'
  | 'clickhouse-client'
  | 'ssh'
  | 'curl'
  | 'kubectl'

export interface PresetEntry {
  readonly name: string
  /** A phrase for lists and documentation. */
  readonly summary: string
  of(options: PresetOptions): Preset
}

/** Every preset, in the order of the documentation. */
export const presets: readonly PresetEntry[] = [...databasePresets, ...proxyPresets]

/** A preset by its name. Throws ERR_CONFIG_INVALID for a name that is none, or for what a preset needs and was not told. */
export function preset(name: string, options: PresetOptions = {}): Preset {
  const entry = presets.find((one) => one.name === name)
  if (entry === undefined) {
    throw failure('ERR_CONFIG_INVALID', `there is no preset ${JSON.stringify(name)}`, {
      hint: `Presets are ${presets.map((one) => one.name).join(', ')}.`,
    })
  }
  return entry.of(options)
}
