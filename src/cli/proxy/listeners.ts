// From what was said to what listens: each listener's protocol names, server name and identity, with the shared options as
// defaults. Identities are read here for the first time, so that a bad one stops the start and not the first client.
import { stat } from 'node:fs/promises'
import { failure } from '../../errors-node.js'
import type { IdentitySource, WantedRoute } from '../../login/index.js'
import { type ClientKind, type Preset, preset } from '../../presets/index.js'
import type { Credentials, ListenerOptions, Rule, Target } from '../../proxy/index.js'
import type { Settings } from '../command.js'
import { identityOf } from '../dial-identity.js'
import type { CliDialerOptions } from '../dial-options.js'
import type { StringFacts } from './connection-strings.js'
import type { ListenSpec } from './listen-spec.js'

export interface PreparedListener {
  readonly options: ListenerOptions
  readonly facts: StringFacts
  /** Whose certificate it shows; undefined where it shows none. */
  readonly source: IdentitySource | undefined
}

export async function prepareListeners(
  specs: readonly ListenSpec[],
  shared: {
    readonly settings: Settings
    readonly dial: CliDialerOptions
    readonly rules: readonly Rule[]
    readonly credentials: Credentials | undefined
  },
): Promise<PreparedListener[]> {
  return Promise.all(specs.map((spec) => prepare(spec, shared)))
}

async function prepare(
  spec: ListenSpec,
  { settings, dial, rules, credentials }: Parameters<typeof prepareListeners>[1],
): Promise<PreparedListener> {
  const { source, wanted } = await identityFor(spec, settings)
  await source?.current(wanted)
  const identity = source === undefined ? {} : { identity: () => source.current(wanted) }
  const base = { name: spec.name, listen: spec.place }
  if (spec.scheme === 'socks5' || spec.scheme === 'connect') {
    const [first] = rules
    if (first === undefined)
      throw failure('ERR_CONFIG_INVALID', `${spec.name} would refuse everybody: no rule allows anything`, {
        hint: "Say what may be asked for, as --allow 'orders.internal:5432=postgres'.",
      })
    return {
      options: {
        ...base,
        speaks: spec.scheme,
        rules: rules.map((rule) => ({ ...rule, target: { ...rule.target, ...identity } })),
        ...(credentials && { credentials }),
      },
      facts: {
        client: undefined,
        scheme: spec.scheme,
        example: { host: first.host.replace('*', 'name'), port: first.port ?? 80 },
      },
      source,
    }
  }
  const { login } = await identityOf(settings)
  const named = presetFor(spec, settings, dial, login?.cluster)
  const alpn = spec.alpn.length > 0 ? spec.alpn : (named?.alpn ?? dial.alpn)
  if (alpn === undefined || alpn.length === 0)
    throw failure('ERR_CONFIG_INVALID', `${spec.name} names no protocol`, {
      hint: `Say --alpn or --preset, or give the listener its own: 'tcp://127.0.0.1:5432?preset=postgres'.`,
    })
  const serverName = spec.serverName ?? named?.serverName ?? dial.serverName
  const target: Target = { alpn, ...(serverName !== undefined && { serverName }), ...identity }
  return {
    options: { ...base, speaks: spec.speaks ?? speaksOf(named, alpn), target },
    facts: {
      client: named?.client ?? clientOf(alpn),
      scheme: spec.scheme,
      user: spec.user,
      database: spec.database,
    },
    source,
  }
}

function presetFor(
  spec: ListenSpec,
  settings: Settings,
  dial: CliDialerOptions,
  cluster: string | undefined,
): Preset | undefined {
  const name = spec.preset ?? (spec.alpn.length === 0 ? settings.text('preset') : undefined)
  if (name === undefined) return undefined
  return preset(name, { cluster, host: new URL(dial.origin).hostname, version: spec.dbVersion })
}

function speaksOf(
  named: Preset | undefined,
  alpn: readonly string[],
): 'tcp' | 'postgres' | 'mysql' | 'redis' {
  const protocol = named?.protocol ?? presetLike(alpn)?.protocol ?? 'tcp'
  return protocol === 'http' ? 'tcp' : protocol
}

function clientOf(alpn: readonly string[]): ClientKind | undefined {
  return presetLike(alpn)?.client
}

/** What `teleport-postgres` means is plain enough without a preset. */
function presetLike(alpn: readonly string[]): Preset | undefined {
  const match = /^teleport-(postgres|mysql|redis|mongodb)(?:-ping)?$/.exec(alpn[0] ?? '')
  return match === null ? undefined : preset(match[1]!)
}

async function identityFor(
  spec: ListenSpec,
  settings: Settings,
): Promise<{ readonly source: IdentitySource | undefined; readonly wanted: WantedRoute }> {
  const isKube = spec.preset === 'kube'
  const isApp =
    spec.preset === 'http' || spec.preset === 'h2' || spec.preset === 'tcp' || spec.preset === 'mcp'
  const service =
    spec.service === undefined
      ? {}
      : isKube
        ? { kube: spec.service }
        : isApp
          ? { app: spec.service }
          : { database: spec.service }
  const wanted: WantedRoute = {
    ...service,
    ...(spec.service !== undefined && spec.user !== undefined && { databaseUser: spec.user }),
    ...(spec.service !== undefined && spec.database !== undefined && { databaseName: spec.database }),
  }
  if (spec.identity !== undefined || spec.cert !== undefined)
    return { source: await ownIdentity(spec), wanted }
  const { source } = await identityOf(settings, service)
  return { source, wanted }
}

async function ownIdentity(spec: ListenSpec): Promise<IdentitySource> {
  const { botOutput, filesIdentity, identityFile } = await import('../../login/index.js')
  if (spec.identity !== undefined) {
    const found = await stat(spec.identity).catch(() => undefined)
    return (found?.isDirectory() ? await botOutput(spec.identity) : await identityFile(spec.identity))
      .identity
  }
  if (spec.key === undefined) throw failure('ERR_CONFIG_INVALID', `${spec.name}: \`cert\` needs \`key\``)
  return filesIdentity({ certificate: spec.cert!, privateKey: spec.key })
}
