// The command line, taken apart by a command's table of options: flags with their values, and operands. An unknown flag is
// refused with the nearest one; a secret is refused as a flag value, because every user of the machine can read it there.
import { failure, type TunnelError } from '../errors-node.js'
import type { Option } from './command.js'
import { didYouMean } from './nearest.js'

export interface Arguments {
  /** By flag, in the order given; switches are `true` or `false`. */
  readonly flags: ReadonlyMap<string, ReadonlyArray<string | boolean>>
  readonly operands: readonly string[]
}

const seeHelp = 'See `--help`.'

export function parseArguments(args: readonly string[], options: readonly Option[]): Arguments {
  const flags = new Map<string, Array<string | boolean>>()
  const operands: string[] = []
  const names = flagNames(options)
  const give = (flag: string, value: string | boolean) => {
    const given = flags.get(flag)
    if (given === undefined) flags.set(flag, [value])
    else given.push(value)
  }
  for (let index = 0; index < args.length; index++) {
    const word = args[index]!
    if (word === '--') {
      operands.push(...args.slice(index + 1))
      break
    }
    if (word === '-' || !word.startsWith('-')) {
      operands.push(word)
      continue
    }
    const [name, inline] = splitFlag(word)
    const found = names.get(name)
    if (found === undefined) throw unknown(word, name, names.keys(), options)
    const { option, flag, negated } = found
    if (option.value === undefined && option.secret !== true) {
      if (inline !== undefined && inline !== 'true' && inline !== 'false')
        throw usage(`\`--${name}\` is a switch and takes no value`)
      give(flag, (inline !== 'false') !== negated)
    } else if (option.value?.startsWith('[')) {
      give(flag, inline ?? '')
    } else {
      const value = inline ?? args[++index]
      if (value === undefined || (inline === undefined && value.startsWith('--')))
        throw usage(`\`--${name}\` needs a value: ${placeholderOf(option)}`)
      give(flag, value)
    }
  }
  return { flags, operands }
}

/** What a flag's value is called in help. */
export function placeholderOf(option: Option): string {
  return option.secret === true ? 'FILE' : (option.value ?? '')
}

/** The flag that is written: secrets are given as files only. */
export function flagOf(option: Option): string {
  return option.secret === true ? `${option.flag}-file` : option.flag
}

interface Found {
  readonly option: Option
  readonly flag: string
  readonly negated: boolean
}

function flagNames(options: readonly Option[]): Map<string, Found> {
  const names = new Map<string, Found>()
  for (const option of options) {
    const flag = flagOf(option)
    names.set(flag, { option, flag, negated: false })
    // A switch that the environment or the config turned on can be turned off for once.
    if (option.value === undefined && option.secret !== true && !flag.startsWith('no-'))
      names.set(`no-${flag}`, { option, flag, negated: true })
  }
  const help = names.get('help')
  if (help !== undefined) names.set('h', help)
  return names
}

function splitFlag(word: string): [name: string, value: string | undefined] {
  const bare = word.startsWith('--') ? word.slice(2) : word.slice(1)
  const equals = bare.indexOf('=')
  return equals < 0 ? [bare, undefined] : [bare.slice(0, equals), bare.slice(equals + 1)]
}

function unknown(
  word: string,
  name: string,
  names: Iterable<string>,
  options: readonly Option[],
): TunnelError {
  if (options.some(({ flag, secret }) => secret === true && flag === name))
    return failure('ERR_CONFIG_INVALID', `\`--${name}\` would put a secret on the command line`, {
      hint: `Every user of this machine can read command lines. Use \`--${name}-file FILE\` or UNDERPASS_${name.toUpperCase().replaceAll('-', '_')}.`,
    })
  const written = word.replace(/=.*/s, '')
  return failure('ERR_CONFIG_INVALID', `there is no option \`${written}\``, {
    // `-h` has no long form of one letter.
    hint: didYouMean(
      name,
      [...names].filter((known) => known.length > 1),
      seeHelp,
      '--',
    ),
  })
}

function usage(detail: string): TunnelError {
  return failure('ERR_CONFIG_INVALID', detail, { hint: seeHelp })
}
