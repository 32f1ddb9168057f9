// The login that tsh left behind in ~/.tsh. Two layouts: up to Teleport 16 one key serves every certificate (`-x509.pem`);
// from 17 on each certificate has its own (`.crt` and `.key`, and `.cred` for Kubernetes). Both may lie side by side.
import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { failure } from '../errors-node.js'
import type { Identity } from '../pki/index.js'
import { type Reading, reading } from './files.js'
import { readPair } from './files-identity.js'
import { identitySource } from './identity-source.js'
import type { Login, SourceOptions } from './login.js'
import { type Profile, pathSegment, readProfile } from './profile.js'
import type { WantedRoute } from './route.js'
import { checkedTrust } from './trust-file.js'

export interface TshOptions extends SourceOptions {
  /** Default: ~/.tsh. */
  readonly home?: string
  /** Host of the proxy. Default: the current profile. */
  readonly profile?: string
  /** Default: the cluster of the profile. */
  readonly cluster?: string
  /** The user that the profile must be of. */
  readonly user?: string
  /** Of these at most one: the certificate of a database, an application or a Kubernetes cluster instead of the user's. */
  readonly database?: string
  readonly app?: string
  readonly kube?: string
}

/**
 * The login of a profile. Throws ERR_CONFIG_LOGIN where there is none (or none for that database, application or cluster),
 * ERR_CONFIG_FILE, and what identities throw.
 */
export async function tshLogin(options: TshOptions = {}): Promise<Login> {
  const wanted = wantedOf(options)
  const home = options.home ?? join(homedir(), '.tsh')
  const files = reading()
  const found = await readProfile(home, options.profile, files)
  const profile =
    options.cluster === undefined
      ? found
      : { ...found, cluster: pathSegment(options.cluster, '`cluster`', 'ERR_CONFIG_INVALID') }
  if (options.user !== undefined && options.user !== profile.user)
    throw failure('ERR_CONFIG_LOGIN', `the profile ${profile.host} is of another user`)
  const places = placesOf(join(home, 'keys', profile.host), profile, wanted)
  const identity = await identitySource((each) => loadNewest(places, each, advice(wanted)), {
    ...options,
    wanted,
  })
  const { route, expires } = identity
  const trust = await trustOf(join(home, 'keys', profile.host), [route.issuedBy, found.cluster], files)
  return {
    identity,
    origin: profile.origin,
    ...(trust !== undefined && { trust }),
    cluster: profile.cluster,
    user: profile.user,
    ...(expires !== undefined && { expires }),
    route,
    ...(profile.upgradeRequired !== undefined && { upgradeRequired: profile.upgradeRequired }),
  }
}

/** Where a certificate and its key may be. */
interface Place {
  readonly certificate: string
  readonly privateKey: string
}

/** The newer layout first. */
function placesOf(folder: string, { user, cluster }: Profile, wanted: WantedRoute): readonly Place[] {
  const shared = join(folder, user)
  const { database, app, kube } = wanted
  if (kube !== undefined) {
    const base = join(folder, `${user}-kube`, cluster, kube)
    return [
      { certificate: `${base}.cred`, privateKey: `${base}.cred` },
      { certificate: `${base}-x509.pem`, privateKey: shared },
    ]
  }
  const base =
    database !== undefined
      ? join(folder, `${user}-db`, cluster, database)
      : app !== undefined
        ? join(folder, `${user}-app`, cluster, app)
        : shared
  return [
    { certificate: `${base}.crt`, privateKey: `${base}.key` },
    { certificate: `${base}-x509.pem`, privateKey: shared },
  ]
}

/** Of several layouts the one that was written last: an older tsh may have been used since. */
async function loadNewest(places: readonly Place[], files: Reading, hint: string): Promise<Identity> {
  const found = await Promise.all(
    places.map(async (place) => ({ place, file: await files.find(place.certificate) })),
  )
  const [newest] = found
    .filter(({ file }) => file !== undefined)
    .sort((a, b) => b.file!.modified - a.file!.modified)
  if (newest === undefined)
    throw failure(
      'ERR_CONFIG_LOGIN',
      `no certificate at ${places.map(({ certificate }) => certificate).join(' or ')}`,
      {
        hint,
      },
    )
  const { place } = newest
  if ((await files.find(place.privateKey)) === undefined)
    throw failure(
      'ERR_CONFIG_LOGIN',
      `${place.certificate} is there, its private key ${place.privateKey} is not`,
      {
        hint: 'The key may be kept only in an agent (--add-keys-to-agent=only): log in without that.',
      },
    )
  return readPair(place, files)
}

/**
 * Who signs the servers of the proxy's own cluster: its host authority. Authorities of other clusters are left out where the
 * own one is there: a leaf cluster has no business to vouch for the proxy.
 */
async function trustOf(
  folder: string,
  clusters: ReadonlyArray<string | undefined>,
  files: Reading,
): Promise<string | undefined> {
  for (const cluster of new Set(clusters)) {
    if (cluster === undefined || /[/\\\0]/.test(cluster)) continue
    const file = await files.find(join(folder, 'cas', `${cluster}.pem`))
    if (file !== undefined) return checkedTrust(file.path, file.text)
  }
  const names = await readdir(join(folder, 'cas')).catch(() => [])
  const authorities: string[] = []
  for (const name of names.filter((each) => each.endsWith('.pem')).slice(0, MAX_AUTHORITIES)) {
    const file = await files.find(join(folder, 'cas', name))
    if (file !== undefined) authorities.push(checkedTrust(file.path, file.text))
  }
  if (authorities.length > 0) return authorities.join('\n')
  // Before Teleport 8: all of them in one file.
  const together = await files.find(join(folder, 'certs.pem'))
  return together && checkedTrust(together.path, together.text)
}

/** Clusters whose authorities are read where nothing tells which is the right one. */
const MAX_AUTHORITIES = 64

function wantedOf({ database, app, kube }: TshOptions): WantedRoute {
  const given = Object.entries({ database, app, kube }).filter((entry) => entry[1] !== undefined)
  if (given.length > 1) throw failure('ERR_CONFIG_INVALID', 'give one of `database`, `app` and `kube`')
  for (const [name, value] of given) pathSegment(value!, `\`${name}\``, 'ERR_CONFIG_INVALID')
  return Object.fromEntries(given)
}

function advice({ database, app, kube }: WantedRoute): string {
  if (database !== undefined) return `Log in to it: tsh db login ${database}`
  if (app !== undefined) return `Log in to it: tsh apps login ${app}`
  if (kube !== undefined) return `Log in to it: tsh kube login ${kube}`
  return 'Log in: tsh login'
}
