// `underpass completions bash|zsh|fish`: scripts made from the tables of options, for the shell to read.
import { failure } from '../../errors-node.js'
import type { Call, Command } from '../command.js'
import { didYouMean } from '../nearest.js'

const shells = ['bash', 'zsh', 'fish'] as const

export const completions: Command = {
  name: 'completions',
  summary: 'completions for bash, zsh or fish',
  usage: 'underpass completions <bash|zsh|fish>',
  details:
    'Prints a script that completes commands, options and their values; the shell reads it at its start.',
  options: [],
  examples: [
    {
      line: 'underpass completions bash > ~/.local/share/bash-completion/completions/underpass',
      does: 'for bash, from the next shell on',
    },
    {
      line: 'underpass completions fish > ~/.config/fish/completions/underpass.fish',
      does: 'for fish; for zsh, into a folder of $fpath as _underpass',
    },
  ],
  run,
}

async function run({ operands, output }: Call): Promise<number> {
  const [shell] = operands
  if (shell === undefined || !(shells as readonly string[]).includes(shell)) {
    const detail =
      shell === undefined ? 'the shell is missing' : `there is no shell ${JSON.stringify(shell)} here`
    const list = `Shells are ${shells.join(', ')}.`
    throw failure('ERR_CONFIG_INVALID', detail, {
      hint: shell === undefined ? list : didYouMean(shell, shells, list),
    })
  }
  const [scripts, { loadEveryCommand }] = await Promise.all([
    import('../completion-scripts.js'),
    import('../commands.js'),
  ])
  const commands = await loadEveryCommand()
  output.data(
    { bash: scripts.bashScript, zsh: scripts.zshScript, fish: scripts.fishScript }
      [shell as 'bash'](commands)
      .trimEnd(),
  )
  return 0
}
