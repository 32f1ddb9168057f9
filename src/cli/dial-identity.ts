// The client certificate that the flags name: PEM files, PKCS#12, a Teleport identity file, tbot's output, or the tsh login.
// All but the command line's own checks is the login room's, which is loaded where a certificate is named.
import { stat } from 'node:fs/promises'
import type { DialerOptions } from '../dial/index.js'
import { failure } from '../errors-node.js'
import type { IdentitySource, Login, TshOptions } from '../login/index.js'
import type { Settings } from './command.js'
import { systemCode } from './config-file.js'

export interface CliIdentity {
  readonly identity: DialerOptions['identity']
  /** Reloads when its files change. */
  readonly source: IdentitySource | undefined
  /** What a login says beside its certificate. */
  readonly login: Login | undefined
}

/** What comes through a pipe, as `<(…)`, is there once: all who ask for one identity get the same. */
const read = new WeakMap<Settings, Map<string, Promise<CliIdentity>>>()

/** At most one source; none is fine. `route`: which of a tsh login's certificates. Throws ERR_CONFIG_*. */
export function identityOf(settings: Settings, route: TshOptions = {}): Promise<CliIdentity> {
  const known = read.get(settings) ?? new Map<string, Promise<CliIdentity>>()
  read.set(settings, known)
  const key = settings.source('tsh') === undefined ? '' : JSON.stringify(route)
  const identity = known.get(key) ?? readIdentity(settings, route)
  known.set(key, identity)
  return identity
}

async function readIdentity(settings: Settings, route: TshOptions): Promise<CliIdentity> {
  const given = ['cert', 'pkcs12', 'identity', 'tsh'].filter((flag) => settings.source(flag) !== undefined)
  if (given.length > 1) {
    const [one, other] = given.map((flag) => settings.source(flag))
    throw failure('ERR_CONFIG_INVALID', `${one} and ${other} both name a client certificate`)
  }
  if (settings.text('key') !== undefined && settings.text('cert') === undefined)
    throw failure('ERR_CONFIG_INVALID', `${settings.source('key')} needs --cert`)
  switch (given[0]) {
    case undefined:
      return { identity: undefined, source: undefined, login: undefined }
    case 'tsh':
    case 'identity': {
      const login = await loginOf(settings, given[0], route)
      return { ...usedFrom(login.identity), login }
    }
    default:
      return { ...usedFrom(await ofFiles(settings)), login: undefined }
  }
}

function usedFrom(source: IdentitySource): Pick<CliIdentity, 'identity' | 'source'> {
  return { identity: () => source.current(), source }
}

async function loginOf(settings: Settings, flag: 'tsh' | 'identity', route: TshOptions): Promise<Login> {
  const { botOutput, environmentLogin, fromEnvironment, identityFile, tshLogin } = await import(
    '../login/index.js'
  )
  const value = settings.text(flag)!
  // A profile that is named is not the one that Teleport's variables speak of; where profiles are is the same.
  if (flag === 'tsh' && value === '') return environmentLogin(settings.env, route)
  if (flag === 'tsh') {
    const { home } = fromEnvironment({ TELEPORT_HOME: settings.env.TELEPORT_HOME })
    return tshLogin({ ...(home !== undefined && { home }), ...route, profile: value })
  }
  const found = await stat(value).catch((cause: unknown) => {
    throw failure(
      'ERR_CONFIG_IDENTITY',
      `${settings.source(flag)}: cannot read ${value} (${systemCode(cause)})`,
      {
        cause,
      },
    )
  })
  return found.isDirectory() ? botOutput(value) : identityFile(value)
}

async function ofFiles(settings: Settings): Promise<IdentitySource> {
  const { filesIdentity } = await import('../login/index.js')
  const passphrase = await settings.secret('passphrase')
  const secret = passphrase === undefined ? {} : { passphrase }
  const pkcs12 = settings.text('pkcs12')
  if (pkcs12 !== undefined) return filesIdentity({ pkcs12, ...secret })
  const certificate = settings.text('cert')!
  const privateKey = settings.text('key')
  if (privateKey === undefined) throw failure('ERR_CONFIG_INVALID', `${settings.source('cert')} needs --key`)
  return filesIdentity({ certificate, privateKey, ...secret })
}
