// The completion scripts of the three shells, each a plain table: no process of ours runs while somebody types.
import { flagOf } from './arguments.js'
import type { Command, Option } from './command.js'
import { globalOptions } from './global-options.js'
import { describeOption } from './help.js'

export function bashScript(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const options = allOptions(command)
    const words = options.map((option) => `--${flagOf(option)}`).join(' ')
    return `    ${command.name}) words=${quote(command.name === 'completions' ? `bash zsh fish ${words}` : words)} ;;`
  })
  const every = commands.flatMap(allOptions)
  const files = unique(every.filter(takesPath).map((option) => `--${flagOf(option)}`))
  const values = unique(every.filter(takesValue).map((option) => `--${flagOf(option)}`)).filter(
    (flag) => !files.includes(flag),
  )
  const choices = unique(
    every.flatMap((option) =>
      option.choices === undefined
        ? []
        : [
            `    --${flagOf(option)}) COMPREPLY=($(compgen -W ${quote(option.choices.join(' '))} -- "$cur")); return ;;`,
          ],
    ),
  )
  const plain = values.filter((flag) => !choices.some((line) => line.includes(`    ${flag})`)))
  return `# bash completion for underpass
_underpass() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words=
  case $prev in
${choices.join('\n')}
    ${files.join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    ${plain.join('|')}) return ;;
  esac
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ${quote([...commands.map(({ name }) => name), 'help', '--help', '--version'].join(' '))} -- "$cur"))
    return
  fi
  case \${COMP_WORDS[1]} in
    help) words=${quote(commands.map(({ name }) => name).join(' '))} ;;
${cases.join('\n')}
  esac
  if [[ $cur == -* || \${COMP_WORDS[1]} == help || \${COMP_WORDS[1]} == completions ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}
complete -o filenames -F _underpass underpass
`
}

export function zshScript(commands: readonly Command[]): string {
  const described = commands.map(
    ({ name, summary }) => `    ${quote(`${name}:${summary.replaceAll(':', '\\:')}`)}`,
  )
  const cases = commands.map((command) => {
    const specs = allOptions(command).map((option) => `        ${quote(zshSpec(option))}`)
    const rest = command.name === 'completions' ? "'1:shell:(bash zsh fish)'" : "'*:operand:_files'"
    return `    ${command.name})\n      _arguments -s \\\n${specs.join(' \\\n')} \\\n        ${rest}\n      ;;`
  })
  return `#compdef underpass
_underpass() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
    help) _describe command commands ;;
${cases.join('\n')}
  esac
}
_underpass "$@"
`
}

export function fishScript(commands: readonly Command[]): string {
  const first = '__fish_use_subcommand'
  const lines = commands.flatMap((command) => {
    const inside = `__fish_seen_subcommand_from ${command.name}`
    return [
      `complete -c underpass -n ${first} -f -a ${command.name} -d ${quote(command.summary)}`,
      ...allOptions(command).map((option) => {
        const choices = option.choices === undefined ? '' : ` -a ${quote(option.choices.join(' '))}`
        const kind = takesPath(option) ? ' -r -F' : takesValue(option) ? ` -x${choices}` : ''
        return `complete -c underpass -n ${quote(inside)} -l ${flagOf(option)}${kind} -d ${quote(describeOption(option))}`
      }),
    ]
  })
  return `# fish completion for underpass
${lines.join('\n')}
complete -c underpass -n '__fish_seen_subcommand_from completions' -f -a 'bash zsh fish'
complete -c underpass -n '__fish_seen_subcommand_from help' -f -a ${quote(commands.map(({ name }) => name).join(' '))}
`
}

function allOptions(command: Command): Option[] {
  return [...command.options, ...globalOptions(command)]
}

function takesPath(option: Option): boolean {
  return option.secret === true || option.value === 'FILE' || option.value === 'DIR'
}

function takesValue(option: Option): boolean {
  return option.value !== undefined && !option.value.startsWith('[')
}

function zshSpec(option: Option): string {
  const flag = flagOf(option)
  const text = describeOption(option).replace(/[[\]:]/g, '\\$&')
  const many = option.many === true ? '*' : ''
  if (takesPath(option)) return `${many}--${flag}=[${text}]:file:_files`
  if (!takesValue(option)) return `${many}--${flag}[${text}]`
  const values = option.choices === undefined ? ' ' : `(${option.choices.join(' ')})`
  return `${many}--${flag}=[${text}]:${(option.value ?? '').toLowerCase().replace(/[^a-z]/g, '')}:${values}`
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)]
}

/** For all three shells: fish, too, takes \`'\\''\` as bash does. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
