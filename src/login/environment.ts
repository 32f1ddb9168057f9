// Teleport's environment variables: the same strings mean the same, and blanks, letter case and a missing port are forgiven.
// Nothing here reads `process.env`: the caller hands in what may be read.
import { failure } from '../errors-node.js'
import { identityFile } from './identity-file.js'
import type { Login } from './login.js'
import { hostAndPort, originOf } from './proxy-address.js'
import { type TshOptions, tshLogin } from './tsh-login.js'

/** Teleport's own variables, understood. */
export interface TeleportEnvironment {
  /** TELEPORT_HOME: the folder to use instead of ~/.tsh. */
  readonly home?: string
  /** TELEPORT_PROXY as `https://host[:port]`. */
  readonly origin?: string
  /** TELEPORT_PROXY as the name of a profile: its host. */
  readonly profile?: string
  /** TELEPORT_CLUSTER, or TELEPORT_SITE as it was called before. */
  readonly cluster?: string
  /** TELEPORT_USER. */
  readonly user?: string
  /** TELEPORT_IDENTITY_FILE. */
  readonly identityFile?: string
  /** TELEPORT_KUBE_CLUSTER. */
  readonly kube?: string
  /** TELEPORT_TLS_ROUTING_CONN_UPGRADE, for the dialer's `override`. */
  readonly override?: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/** What the variables say; what is unset or blank is absent. Throws ERR_CONFIG_INVALID for an address that is none. */
export function fromEnvironment(env: Environment): TeleportEnvironment {
  const value = (name: string): string | undefined => env[name]?.trim() || undefined
  const proxy = value('TELEPORT_PROXY')
  const address = proxy === undefined ? undefined : hostAndPort(proxy, 'ERR_CONFIG_INVALID', 'TELEPORT_PROXY')
  const fields = {
    home: value('TELEPORT_HOME'),
    origin: address && originOf(address),
    profile: address?.host,
    cluster: value('TELEPORT_CLUSTER') ?? value('TELEPORT_SITE'),
    user: value('TELEPORT_USER'),
    identityFile: value('TELEPORT_IDENTITY_FILE'),
    kube: value('TELEPORT_KUBE_CLUSTER'),
    override: value('TELEPORT_TLS_ROUTING_CONN_UPGRADE'),
  }
  return Object.fromEntries(Object.entries(fields).filter((entry) => entry[1] !== undefined))
}

/**
 * The login that the variables point to: an identity file where one is named, else a profile of tsh. `options` win over the
 * variables; TELEPORT_KUBE_CLUSTER chooses no certificate by itself. Throws as `identityFile` and `tshLogin` do.
 */
export async function environmentLogin(env: Environment, options: TshOptions = {}): Promise<Login> {
  const { home, origin, profile, cluster, user, identityFile: path } = fromEnvironment(env)
  if (path !== undefined) {
    if (options.database ?? options.app ?? options.kube)
      throw failure(
        'ERR_CONFIG_INVALID',
        'an identity file has one certificate; `database`, `app` and `kube` choose among those of tsh',
      )
    const login = await identityFile(path, options)
    return { ...login, ...(origin !== undefined && { origin }), ...(cluster !== undefined && { cluster }) }
  }
  const known = { home, profile, cluster, user }
  const said = Object.fromEntries(Object.entries(known).filter((entry) => entry[1] !== undefined))
  return tshLogin({ ...said, ...options })
}
