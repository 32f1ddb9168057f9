// From a configuration file to what the gateway and the service around it are started with. Certificates and keys are
// named by path and read here, so that the file itself holds no secret.
import { basename, dirname, resolve } from 'node:path'
import { failure } from '../../errors-node.js'
import { count } from '../checks.js'
import { checkRoutes, checkSettings } from '../config.js'
import type { ClientRule, GatewayIdentity, GatewayOptions, Match, Route } from '../options.js'
import { problemsOf } from './check.js'
import type { FileConfig, FileIdentity, FileMatch, FileRoute } from './config-types.js'
import { milliseconds } from './duration.js'
import { readConfig, readText } from './read.js'
import { gatewaySchema } from './schema.js'

/** What the service around the gateway does; see docs/gateway.md. */
export interface ServiceSettings {
  readonly admin: { readonly host: string; readonly port: number } | undefined
  readonly log: { readonly level: LogLevel; readonly file: string | undefined }
  readonly audit: { readonly file: string; readonly whenFull: 'continue' | 'refuse' } | undefined
  /** Milliseconds. */
  readonly shutdown: { readonly delay: number; readonly deadline: number }
  readonly reload: { readonly watch: boolean; readonly interval: number }
}

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

export interface LoadedConfig {
  readonly options: GatewayOptions
  readonly service: ServiceSettings
  /** Every file that was read; a change of one is a reason to load again. */
  readonly files: readonly string[]
}

/**
 * Reads and checks the file and all it names, which `files` collects even where it fails. Throws ERR_GATEWAY_CONFIG, naming the
 * entry.
 */
export async function loadConfig(path: string, files: string[] = []): Promise<LoadedConfig> {
  files.push(resolve(path))
  const value = await readConfig(path)
  const [problem, ...more] = problemsOf(value, gatewaySchema)
  if (problem !== undefined) {
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`
    throw failure('ERR_GATEWAY_CONFIG', `${basename(path)}: ${problem.path}: ${problem.reason}${others}`)
  }
  const config = value as FileConfig
  const folder = dirname(resolve(path))
  const read = (name: string, key: string): Promise<string> => {
    const file = resolve(folder, name)
    files.push(file)
    return readText(file, key)
  }
  const options: GatewayOptions = {
    listen: { ...listenOf(config, folder) },
    identity: await identityOf(config.identity, 'identity', read),
    identities: await identitiesOf(config, read),
    routes: await Promise.all(config.routes.map((route, i) => routeOf(route, `routes[${i}]`, read))),
    ...(config.pingInterval === undefined ? {} : { pingInterval: milliseconds(config.pingInterval) }),
    timeouts: Object.fromEntries(
      Object.entries(config.timeouts ?? {}).map(([name, value]) => [name, milliseconds(value)]),
    ),
    limits: config.limits ?? {},
  }
  checkSettings(options)
  checkRoutes(options)
  return { options, service: serviceOf(config, folder), files }
}

type Read = (name: string, key: string) => Promise<string>

function listenOf({ listen }: FileConfig, folder: string): GatewayOptions['listen'] {
  const { upgrade, direct } = listen
  return {
    ...(upgrade === undefined
      ? {}
      : {
          upgrade: {
            ...upgrade,
            ...(typeof upgrade.console === 'string' ? { console: resolve(folder, upgrade.console) } : {}),
          },
        }),
    ...(direct === undefined ? {} : { direct }),
  }
}

async function identityOf(identity: FileIdentity, key: string, read: Read): Promise<GatewayIdentity> {
  const { certificate, privateKey, passphraseFile } = identity
  return {
    certificate: await read(certificate, `${key}.certificate`),
    privateKey: await read(privateKey, `${key}.privateKey`),
    ...(passphraseFile === undefined
      ? {}
      : { passphrase: (await read(passphraseFile, `${key}.passphraseFile`)).replace(/\r?\n$/, '') }),
  }
}

async function identitiesOf({ identities = [] }: FileConfig, read: Read) {
  const byName: Record<string, GatewayIdentity> = {}
  for (const [i, each] of identities.entries()) {
    const identity = await identityOf(each, `identities[${i}]`, read)
    for (const name of [each.serverName].flat()) {
      // As with routes: which of two wins must not depend on their order.
      const key = name.toLowerCase().replace(/\.$/, '')
      if (Object.hasOwn(byName, key))
        throw failure('ERR_GATEWAY_CONFIG', `identities[${i}].serverName: ${JSON.stringify(name)} is taken`)
      byName[key] = identity
    }
  }
  return byName
}

async function routeOf(route: FileRoute, key: string, read: Read): Promise<Route> {
  const { client, ...rest } = route
  if (typeof client === 'string') return { ...rest, client }
  const { trust, allow, pins } = client
  const authorities = await Promise.all([trust].flat().map((name) => read(name, `${key}.client.trust`)))
  return {
    ...rest,
    client: {
      trust: authorities,
      ...(pins === undefined ? {} : { pins }),
      ...(allow === undefined
        ? {}
        : { allow: allow.map((rule, i) => ruleOf(rule, `${key}.client.allow[${i}]`)) }),
    },
  }
}

function ruleOf(rule: Readonly<Record<string, FileMatch>>, key: string): ClientRule {
  return Object.fromEntries(
    Object.entries(rule).map(([field, match]) => [field, matchOf(match, `${key}.${field}`)]),
  )
}

function matchOf(match: FileMatch, key: string): Match {
  if (typeof match === 'string') return match
  try {
    return new RegExp(match.pattern, 'u')
  } catch (cause) {
    throw failure('ERR_GATEWAY_CONFIG', `${key}.pattern: no regular expression`, { cause })
  }
}

function serviceOf(config: FileConfig, folder: string): ServiceSettings {
  const { listen, log = {}, audit, shutdown = {}, reload = {} } = config
  return {
    admin: listen.admin && { host: listen.admin.host ?? '127.0.0.1', port: listen.admin.port },
    log: {
      level: log.level ?? 'info',
      file: log.file === undefined ? undefined : resolve(folder, log.file),
    },
    audit: audit && { file: resolve(folder, audit.file), whenFull: audit.whenFull ?? 'continue' },
    shutdown: {
      delay: duration('shutdown.delay', shutdown.delay ?? 0),
      deadline: duration('shutdown.deadline', shutdown.deadline ?? '30s'),
    },
    reload: {
      watch: reload.watch ?? true,
      interval: Math.max(100, duration('reload.interval', reload.interval ?? '5s')),
    },
  }
}

/** Within what a timer can wait: a longer one would run out at once. */
function duration(key: string, given: string | number): number {
  return count(key, milliseconds(given), 0)
}
