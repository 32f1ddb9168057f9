// A profile of tsh: which proxy, which cluster, which user, as `~/.tsh/<proxy host>.yaml` has it, and which profile is the
// current one. Every value is taken as text; keys that mean nothing here are left alone.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { failure } from '../errors-node.js'
import type { Reading } from './files.js'
import { hostAndPort, originOf } from './proxy-address.js'
import { readYaml } from './yaml.js'

export interface Profile {
  /** Host of the proxy: the name of the profile's file and of its folder of keys. */
  readonly host: string
  readonly origin: string
  readonly user: string
  /** The chosen cluster. */
  readonly cluster: string
  /** What tsh found out at login; absent where it is not in the file, which tsh writes for "no" as well. */
  readonly upgradeRequired?: boolean
}

/** Read a profile, the current one unless named. Throws ERR_CONFIG_LOGIN and ERR_CONFIG_FILE. */
export async function readProfile(home: string, name: string | undefined, files: Reading): Promise<Profile> {
  const chosen = name ?? (await currentProfile(home, files))
  // A profile is known by its host; people also give host:port or a URL.
  const host = hostAndPort(chosen, 'ERR_CONFIG_LOGIN', 'the name of the profile').host
  const path = join(home, `${pathSegment(host, 'the name of the profile')}.yaml`)
  const file = await files.find(path)
  if (file === undefined)
    throw failure('ERR_CONFIG_LOGIN', `no profile ${host} in ${home}${await otherProfiles(home)}`)
  const fields = await readFields(path, file.text)
  const { web_proxy_addr: address, user, cluster } = fields
  if (address === undefined || user === undefined)
    throw failure('ERR_CONFIG_LOGIN', `${path} names no ${address === undefined ? 'proxy' : 'user'}`)
  const proxy = hostAndPort(address, 'ERR_CONFIG_LOGIN', `web_proxy_addr in ${path}`)
  const upgrade = fields.tls_routing_conn_upgrade_required
  return {
    host: pathSegment(proxy.host, `web_proxy_addr in ${path}`),
    origin: originOf(proxy),
    user: pathSegment(user, `user in ${path}`),
    // Profiles of old have no cluster: it is then named as the proxy.
    cluster: pathSegment(cluster ?? proxy.host, `cluster in ${path}`),
    ...(upgrade !== undefined && { upgradeRequired: upgrade.toLowerCase() === 'true' }),
  }
}

/** A name that becomes part of a path: it must not lead elsewhere. */
export function pathSegment(
  name: string,
  what: string,
  code: 'ERR_CONFIG_LOGIN' | 'ERR_CONFIG_INVALID' = 'ERR_CONFIG_LOGIN',
): string {
  if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name))
    throw failure(code, `${what} cannot be a file name`)
  return name
}

async function currentProfile(home: string, files: Reading): Promise<string> {
  const name = (await files.find(join(home, 'current-profile')))?.text.trim()
  if (name === undefined || name === '')
    throw failure('ERR_CONFIG_LOGIN', `no current profile in ${home}${await otherProfiles(home)}`)
  return name
}

/** Profiles that are there instead, for the message. */
async function otherProfiles(home: string): Promise<string> {
  let names: string[]
  try {
    names = (await readdir(home)).filter((name) => name.endsWith('.yaml')).map((name) => name.slice(0, -5))
  } catch {
    return ''
  }
  return names.length === 0 ? '' : `; there are ${names.sort().slice(0, 10).join(', ')}`
}

async function readFields(path: string, text: string): Promise<Readonly<Record<string, string | undefined>>> {
  // The schema without types: a user called `null` or `0123` stays what it is.
  const parsed = await readYaml(text, { schema: 'failsafe' })
  if (parsed === undefined)
    throw failure('ERR_CONFIG_LOGIN', `${path} is longer, or nested deeper, than a profile`)
  let document: unknown
  try {
    const [error] = parsed.errors
    if (error !== undefined) throw error
    document = parsed.toJS({ maxAliasCount: 10 })
  } catch (cause) {
    throw failure('ERR_CONFIG_LOGIN', `${path} is not YAML`, { cause })
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw failure('ERR_CONFIG_LOGIN', `${path} is not a profile`)
  return Object.fromEntries(
    Object.entries(document).map(([key, value]) => [
      key,
      typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined,
    ]),
  )
}
