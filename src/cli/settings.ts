// What a command was told, from three places: flags win over the environment, the environment over the config file. Values
// stay text until a command asks for them, so that an error names the place that gave the value.
import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { failure, type TunnelError } from '../errors-node.js'
import { type Arguments, flagOf } from './arguments.js'
import type { Option, Settings } from './command.js'
import { type ConfigFile, systemCode } from './config-file.js'

type Environment = Readonly<Record<string, string | undefined>>

/** UNDERPASS_SERVER_NAME for `server-name`. */
export function variableOf(option: Option): string {
  return `UNDERPASS_${flagOf(option).toUpperCase().replaceAll('-', '_')}`
}

interface Given {
  readonly values: ReadonlyArray<string | boolean>
  /** The place, as people would look for it. */
  readonly source: string
}

export function createSettings(
  options: readonly Option[],
  given: {
    readonly flags: Arguments['flags']
    readonly env: Environment
    readonly config?: ConfigFile | undefined
    /** The path alone, where the command reads its file itself. */
    readonly file?: string | undefined
  },
): Settings {
  const { flags, env, config } = given
  const byFlag = new Map(options.map((option) => [option.flag, option]))

  function find(flag: string): Given | undefined {
    const option = byFlag.get(flag)
    // A command that leaves an option out has never been told it.
    if (option === undefined) return undefined
    return fromFlags(option, flags) ?? fromEnvironment(option, env) ?? fromConfig(option, config)
  }

  function text(flag: string): string | undefined {
    const found = find(flag)
    const value = found?.values.at(-1)
    if (found === undefined || value === undefined) return undefined
    if (typeof value === 'boolean') throw wrong(found, 'must be a text')
    checkChoice(byFlag.get(flag)!, found, value)
    return value
  }

  function list(flag: string): readonly string[] {
    const found = find(flag)
    if (found === undefined) return []
    return found.values.map((value) => {
      if (typeof value === 'boolean') throw wrong(found, 'must be a text or an array of texts')
      checkChoice(byFlag.get(flag)!, found, value)
      return value
    })
  }

  return {
    env,
    text,
    list,
    on(flag) {
      const found = find(flag)
      return found === undefined ? false : truth(found)
    },
    number(flag) {
      const value = text(flag)
      if (value === undefined) return undefined
      // Each of them counts something.
      const number = Number(value)
      if (value.trim() === '' || !Number.isSafeInteger(number) || number < 0)
        throw wrong(find(flag)!, 'must be a whole number')
      return number
    },
    duration(flag) {
      const value = text(flag)
      return value === undefined ? undefined : durationOf(value, find(flag)!)
    },
    async secret(flag) {
      const option = byFlag.get(flag)
      return option && readSecret(option, find(flag), env)
    },
    table: (key) => config?.table(key) ?? [],
    source: (flag) => find(flag)?.source,
    file: config?.path ?? given.file,
    folder: config?.folder ?? (given.file === undefined ? process.cwd() : dirname(resolve(given.file))),
  }
}

function fromFlags(option: Option, flags: Arguments['flags']): Given | undefined {
  const values = flags.get(flagOf(option))
  return values && { values, source: `--${flagOf(option)}` }
}

function fromEnvironment(option: Option, env: Environment): Given | undefined {
  const twin = variableOf(option)
  const source = option.alsoEnv !== undefined && !env[twin] ? option.alsoEnv : twin
  const value = env[source]
  if (value === undefined || (value === '' && !option.value?.startsWith('['))) return undefined
  // A header or a path may hold a comma: a value of several lines is split at the lines instead.
  const values = option.many
    ? value
        .split(value.includes('\n') ? '\n' : ',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
    : [value]
  return { values, source }
}

function fromConfig(option: Option, config: ConfigFile | undefined): Given | undefined {
  const flag = flagOf(option)
  if (config === undefined || !config.values.has(flag)) return undefined
  const source = config.describe(flag)
  const value = config.values.get(flag)
  const isPath = option.secret === true || option.value === 'FILE' || option.value === 'DIR'
  const one = (part: unknown): string | boolean => {
    if (typeof part === 'boolean') return option.value?.startsWith('[') && part ? '' : part
    if (typeof part === 'number' || typeof part === 'bigint') return String(part)
    if (typeof part !== 'string') throw wrong({ source }, 'must be a text, a number, true or false')
    return isPath && !isAbsolute(part) && part !== '' ? join(config.folder, part) : part
  }
  if (!Array.isArray(value)) return { values: [one(value)], source }
  if (option.many !== true) throw wrong({ source }, 'takes one value, not an array')
  return { values: value.map(one), source }
}

function truth(found: Given): boolean {
  const value = found.values.at(-1)
  if (typeof value === 'boolean') return value
  switch (value?.trim().toLowerCase()) {
    case '1':
    case 'true':
    case 'yes':
    case 'on':
    case '':
      return true
    case '0':
    case 'false':
    case 'no':
    case 'off':
      return false
    default:
      throw wrong(found, 'must be true or false')
  }
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

function durationOf(text: string, found: Given): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim())
  if (match !== null) {
    const milliseconds = Number(match[1]) * units[match[2]!]!
    // A timer of more runs out at once.
    if (milliseconds < 2 ** 31) return milliseconds
    throw wrong(found, 'is longer than 596h, which is the most there is')
  }
  if (text.trim() === '0') return 0
  throw wrong(found, 'must be a duration with its unit, as 500ms, 30s, 2m or 1h')
}

function checkChoice(option: Option, found: Given, value: string): void {
  if (option.choices !== undefined && !option.choices.includes(value))
    throw wrong(found, `must be one of ${option.choices.join(', ')}`)
}

async function readSecret(
  option: Option,
  found: Given | undefined,
  env: Environment,
): Promise<string | undefined> {
  const direct = env[`UNDERPASS_${option.flag.toUpperCase().replaceAll('-', '_')}`]
  // A file given on the command line still wins over the environment.
  if (direct !== undefined && direct !== '' && !found?.source.startsWith('--')) return direct
  const path = found?.values.at(-1)
  if (found === undefined || typeof path !== 'string') return undefined
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
  } catch (cause) {
    throw failure('ERR_CONFIG_INVALID', `${found.source}: cannot read ${path} (${systemCode(cause)})`, {
      cause,
    })
  }
}

function wrong(found: Pick<Given, 'source'>, why: string): TunnelError {
  return failure('ERR_CONFIG_INVALID', `${found.source} ${why}`, { hint: 'See `--help`.' })
}
