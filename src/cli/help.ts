// Help, made from the tables of options: for the program, and for each command.
import { flagOf, placeholderOf } from './arguments.js'
import type { Command, Example, Option } from './command.js'
import { dialOptions } from './dial-options.js'
import { globalOptions } from './global-options.js'

const width = 100

export const exitStatuses: ReadonlyArray<readonly [status: number, meaning: string]> = [
  [0, 'done; or the verdict is "yes"'],
  [1, 'the verdict is "no"; each command says of what'],
  [2, 'usage or configuration'],
  [3, 'network'],
  [4, 'the upgrade was refused'],
  [5, 'a certificate was refused'],
  [6, 'the TLS peer'],
  [7, 'a time limit'],
  [70, 'a bug in underpass'],
  [130, 'interrupted'],
]

/** `underpass --help`. */
export function programHelp(commands: readonly Command[]): string {
  const column = Math.max(...commands.map(({ name }) => name.length)) + 3
  return lines(
    'Usage: underpass <command> [options]',
    '',
    'Mutual TLS under the load balancer: dials through whatever ends TLS on the way, with ALPN, server',
    'name and client certificate intact from end to end.',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(column)}${summary}`),
    '',
    'Options:',
    '  --help      this help; `underpass <command> --help` for a command',
    '  --version   print the version',
    '',
    ...threePlaces,
    '',
    'Examples:',
    ...examples([
      { line: 'underpass doctor proxy.example.com', does: 'what stands on the way, and what it needs' },
      { line: 'underpass demo', does: 'the main job on this machine, from a checkout' },
    ]),
    '',
    'Exit status:',
    ...exitStatuses.map(([status, meaning]) => `  ${String(status).padEnd(5)}${meaning}`),
    '',
    'Data goes to stdout, everything else to stderr. Every error has a code; docs/errors.md lists them.',
  )
}

/** `underpass <command> --help`. */
export function commandHelp(command: Command): string {
  const shared: ReadonlySet<Option> = new Set(dialOptions)
  return lines(
    `Usage: ${command.usage}`,
    '',
    ...detailsOf(command),
    '',
    ...section(
      'Options',
      command.options.filter((option) => !shared.has(option)),
    ),
    ...section(
      'Dialing',
      command.options.filter((option) => shared.has(option)),
    ),
    ...section('For every command', globalOptions(command)),
    ...threePlaces,
    '',
    'Examples:',
    ...examples(command.examples),
  )
}

/** What a command does, as lines. */
export function detailsOf({ summary, details }: Command): string[] {
  return (details ?? `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`).trim().split('\n')
}

/** `--server-name NAME`, as it is written. */
export function writtenFlag(option: Option): string {
  const placeholder = placeholderOf(option)
  if (placeholder === '') return `--${flagOf(option)}`
  if (placeholder.startsWith('[')) return `--${flagOf(option)}[=${placeholder.slice(1)}`
  return `--${flagOf(option)} ${placeholder}`
}

/** What an option is for, with its values and what holds without it. */
export function describeOption(option: Option): string {
  const { describe, fallback, choices } = option
  const values = choices === undefined ? '' : `: ${choices.join(', ')}`
  return `${describe}${values}${fallback === undefined ? '' : ` (default: ${fallback})`}`
}

const threePlaces: readonly string[] = [
  'Each option is also a variable (--server-name: UNDERPASS_SERVER_NAME) and a key of the file named by',
  '--config (server-name, or serverName). A flag wins over the variable, the variable over the file.',
]

const column = 30

function section(title: string, options: readonly Option[]): string[] {
  if (options.length === 0) return []
  const rows = options.flatMap((option) => {
    const flag = `  ${writtenFlag(option)}`
    const [first = '', ...rest] = wrap(describeOption(option), width - column)
    const indent = ' '.repeat(column)
    const head = flag.length < column - 1 ? [flag.padEnd(column) + first] : [flag, indent + first]
    return [...head, ...rest.map((line) => indent + line)]
  })
  return [`${title}:`, ...rows, '']
}

function wrap(text: string, columns: number): string[] {
  const wrapped: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      wrapped.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...wrapped, line]
}

function examples(list: readonly Example[]): string[] {
  return list.flatMap(({ line, does }) => [`  # ${does}`, ...line.split('\n').map((part) => `  ${part}`)])
}

function lines(...list: readonly string[]): string {
  return `${list.join('\n')}\n`
}
