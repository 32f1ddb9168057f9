// Listeners as people write them: `--listen 'orders=tcp://127.0.0.1:5432?preset=postgres'` on the command line, [[listen]]
// tables with the same keys in the config file. Read and checked here; made into listeners in listeners.ts.
import { isAbsolute, join } from 'node:path'
import { failure, type TunnelError } from '../../errors-node.js'
import type { Endpoint, ListenerOptions } from '../../proxy/index.js'
import type { Settings } from '../command.js'
import { kebab } from '../config-file.js'
import { didYouMean } from '../nearest.js'

export interface ListenSpec {
  readonly name: string
  readonly place: Endpoint
  readonly scheme: 'tcp' | 'unix' | 'socks5' | 'connect'
  readonly alpn: readonly string[]
  readonly preset?: string
  readonly speaks?: Exclude<ListenerOptions['speaks'], 'socks5' | 'connect'>
  readonly serverName?: string
  readonly cert?: string
  readonly key?: string
  readonly identity?: string
  /** Of the database itself: for the connection string, and held against the certificate's route. */
  readonly database?: string
  readonly user?: string
  /** What Teleport calls the resource. */
  readonly service?: string
  readonly dbVersion?: string
}

const keys = [
  'alpn',
  'preset',
  'speaks',
  'server-name',
  'cert',
  'key',
  'identity',
  'database',
  'user',
  'service',
  'db-version',
] as const

type Key = (typeof keys)[number]

/** All of them, flags first. Throws ERR_CONFIG_INVALID. */
export function listenSpecs(settings: Settings): ListenSpec[] {
  const source = settings.source('listen') ?? '--listen'
  const specs = settings.list('listen').map((text) => ofText(text, source))
  for (const table of settings.table('listen')) specs.push(ofTable(table, settings.folder))
  const seen = new Set<string>()
  for (const { name } of specs) {
    if (seen.has(name))
      throw invalid(`two listeners are named ${name}`, 'Names tell them apart in what is printed.')
    seen.add(name)
  }
  return specs
}

function ofText(text: string, source: string): ListenSpec {
  const match = /^(?:([\w.-]+)=)?([a-z0-9]+:[^?]*)(?:\?(.*))?$/i.exec(text)
  if (match === null) throw invalid(`${source}: ${JSON.stringify(text)} is no place to listen`, placeHint)
  const values = new Map<Key, string[]>()
  for (const [key, value] of new URLSearchParams(match[3] ?? '')) add(values, key, value.split(','), source)
  return specOf(match[1], match[2]!, values, source)
}

function ofTable(table: Readonly<Record<string, unknown>>, folder: string): ListenSpec {
  const source = '[[listen]]'
  const values = new Map<Key, string[]>()
  let name: string | undefined
  let place: string | undefined
  for (const [written, value] of Object.entries(table)) {
    const texts = (Array.isArray(value) ? value : [value]).map((one) => {
      if (typeof one !== 'string') throw invalid(`${source}: \`${written}\` must be a text`)
      return one
    })
    const key = kebab(written)
    if (key === 'name') name = texts[0]
    else if (key === 'on') place = texts[0]
    else {
      const isPath = key === 'cert' || key === 'key' || key === 'identity'
      add(
        values,
        key,
        isPath ? texts.map((path) => (isAbsolute(path) ? path : join(folder, path))) : texts,
        source,
      )
    }
  }
  if (place === undefined) throw invalid(`${source} ${name ?? ''}: \`on\` is missing`, placeHint)
  return specOf(name, place, values, source)
}

function add(values: Map<Key, string[]>, key: string, given: readonly string[], source: string): void {
  if (!(keys as readonly string[]).includes(key)) {
    throw invalid(
      `${source}: there is no key \`${key}\``,
      didYouMean(key, keys, `Keys are ${keys.join(', ')}.`),
    )
  }
  values.set(key as Key, [...(values.get(key as Key) ?? []), ...given])
}

const placeHint =
  'Write tcp://127.0.0.1:5432, unix:/run/me/db.sock, socks5://127.0.0.1:1080 or connect://127.0.0.1:3128.'

function specOf(
  name: string | undefined,
  place: string,
  values: ReadonlyMap<Key, readonly string[]>,
  source: string,
): ListenSpec {
  const one = (key: Key): string | undefined => values.get(key)?.at(-1)
  const { scheme, place: where } = placeOf(place, source)
  const preset = one('preset')
  const speaks = one('speaks')
  if (speaks !== undefined && !['tcp', 'postgres', 'mysql', 'redis'].includes(speaks))
    throw invalid(`${source}: \`speaks\` is tcp, postgres, mysql or redis`)
  const spec = {
    preset,
    speaks,
    serverName: one('server-name'),
    cert: one('cert'),
    key: one('key'),
    identity: one('identity'),
    database: one('database'),
    user: one('user'),
    service: one('service'),
    dbVersion: one('db-version'),
  }
  const alpn = values.get('alpn') ?? []
  return {
    name: name ?? preset ?? alpn[0] ?? scheme,
    place: where,
    scheme,
    alpn,
    ...(Object.fromEntries(
      Object.entries(spec).filter(([, value]) => value !== undefined),
    ) as Partial<ListenSpec>),
  }
}

function placeOf(text: string, source: string): Pick<ListenSpec, 'scheme' | 'place'> {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
    if (path === '') throw invalid(`${source}: unix: without a path`, placeHint)
    return { scheme: 'unix', place: { path } }
  }
  const match = /^(tcp|socks5|connect):\/\/(?:\[([0-9a-fA-F:.]+)\]|([^/:[\]]+)):(\d{1,5})\/?$/.exec(text)
  const port = Number(match?.[4])
  if (match === null || port > 65_535)
    throw invalid(`${source}: ${JSON.stringify(text)} is no place to listen`, placeHint)
  return { scheme: match[1] as 'tcp', place: { host: (match[2] ?? match[3])!, port } }
}

function invalid(what: string, hint = 'See `underpass proxy --help`.'): TunnelError {
  return failure('ERR_CONFIG_INVALID', what, { hint })
}
