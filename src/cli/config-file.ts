// The config file of the command line: TOML, or JSON where its name ends so. Only the file that was named is read. What is
// wrong in it is told with its line and column; an unknown key is refused with the nearest one.
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { failure, type TunnelError } from '../errors-node.js'
import { flagOf } from './arguments.js'
import type { Command, Option } from './command.js'
import { didYouMean } from './nearest.js'

export interface ConfigFile {
  readonly path: string
  readonly folder: string
  /** By flag, as written: what a command's own table says before what is said for all commands. */
  readonly values: ReadonlyMap<string, unknown>
  table(key: string): ReadonlyArray<Readonly<Record<string, unknown>>>
  /** `` `alpn` in under.toml ``. */
  describe(flag: string): string
}

type Table = Readonly<Record<string, unknown>>

/** Counted from 1. */
interface Place {
  readonly line: number
  readonly column: number
}

/** Reads the file for one command. Keys may be of any command: one file serves them all. */
export async function readConfigFile(
  path: string,
  command: Command,
  everyCommand: readonly Command[],
  globals: readonly Option[],
): Promise<ConfigFile> {
  const name = basename(path)
  const text = await readText(path)
  const root = await parse(path, text)
  const values = new Map<string, unknown>()
  const known = new Map<string, ReadonlySet<string>>(
    everyCommand.map((each) => [each.name, keysOf([...globals, ...each.options])]),
  )
  const everyKey = new Set([...known.values()].flatMap((keys) => [...keys]))
  const tables = new Set(everyCommand.flatMap(({ tables = [] }) => tables))
  const refuse = (key: string, words: Iterable<string>, where: string): never => {
    throw failure('ERR_CONFIG_INVALID', `${where}${position(text, key)}: there is no key \`${key}\``, {
      hint: didYouMean(key, words, 'Keys have the names of the flags; see `--help`.'),
    })
  }
  const take = (table: Table, keys: ReadonlySet<string>, words: Iterable<string>, where: string) => {
    for (const [key, value] of Object.entries(table)) {
      const flag = kebab(key)
      if (keys.has(flag)) values.set(flag, value)
      else refuse(key, words, where)
    }
  }
  const ownTables = Object.entries(root).filter(([key, value]) => known.has(key) && isTable(value))
  const arrays = Object.entries(root).filter(([key]) => tables.has(key))
  const special = new Set([...ownTables, ...arrays].map(([key]) => key))
  const general = Object.fromEntries(Object.entries(root).filter(([key]) => !special.has(key)))
  take(general, everyKey, [...everyKey, ...known.keys(), ...tables], name)
  for (const [key, value] of ownTables) {
    // Tables of other commands are checked too: a mistake there is still a mistake.
    const before = new Map(values)
    take(value as Table, known.get(key)!, known.get(key)!, `${name} [${key}]`)
    if (key !== command.name) {
      values.clear()
      for (const [flag, given] of before) values.set(flag, given)
    }
  }
  return {
    path,
    folder: dirname(resolve(path)),
    values,
    describe: (flag) => `\`${flag}\` in ${name}`,
    table(key) {
      const value = Object.hasOwn(root, key) ? root[key] : []
      if (Array.isArray(value) && value.every(isTable)) return value
      throw failure(
        'ERR_CONFIG_INVALID',
        `${name}${position(text, key)}: \`${key}\` must be tables: [[${key}]]`,
      )
    },
  }
}

/** `serverName` and `server-name` are one. */
export function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function keysOf(options: readonly Option[]): Set<string> {
  return new Set(options.map(flagOf))
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw failure('ERR_CONFIG_INVALID', `cannot read the config file ${path} (${systemCode(cause)})`, {
      cause,
      hint: 'Correct --config or UNDERPASS_CONFIG; no other file is read.',
    })
  }
}

async function parse(path: string, text: string): Promise<Table> {
  const name = basename(path)
  if (path.endsWith('.json')) {
    try {
      const value: unknown = JSON.parse(text)
      if (isTable(value)) return value
    } catch (cause) {
      throw broken(name, await jsonPosition(text), 'it is not JSON', cause)
    }
    throw broken(name, { line: 1, column: 1 }, 'it must hold one JSON object')
  }
  const { parse: parseToml, TomlError } = await import('smol-toml')
  try {
    return parseToml(text) as Table
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const reason = cause.message.split('\n', 1)[0]!.replace(/^Invalid TOML document: /, '')
    throw broken(name, cause, reason, cause)
  }
}

function broken(name: string, at: Place | undefined, reason: string, cause?: unknown): TunnelError {
  return failure(
    'ERR_CONFIG_INVALID',
    `${name}:${at === undefined ? '' : `${at.line}:${at.column}:`} ${reason}`,
    cause === undefined ? {} : { cause },
  )
}

/** Where JSON breaks, if that can be told: V8 does not always say, and YAML, which holds JSON, breaks at the same place. */
async function jsonPosition(text: string): Promise<Place | undefined> {
  const { readYaml } = await import('../login/yaml.js')
  const offset = (await readYaml(text))?.errors[0]?.pos[0]
  return offset === undefined ? undefined : placeAt(text, offset)
}

/** `:line:column` of a key, where it can be found; parsers do not keep it. */
function position(text: string, key: string): string {
  // A pattern has a largest size.
  if (key.length > 1000) return ''
  const quoted = key.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const found = new RegExp(`^[ \\t]*(?:\\[+\\s*)?["']?${quoted}["']?\\s*[=:\\].]`, 'm').exec(text)
  const index = found === null ? text.indexOf(key) : found.index + found[0].indexOf(key)
  if (index < 0) return ''
  const { line, column } = placeAt(text, index)
  return `:${line}:${column}`
}

function placeAt(text: string, index: number): Place {
  const before = text.slice(0, index).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}

/** ENOENT, EACCES …: what the system said, without its sentence. */
export function systemCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unreadable'
}
