#!/usr/bin/env node
// The command line: chooses the command, turns errors into one clear line and an exit status (docs/errors.md), and ends
// everything on Ctrl-C; a second Ctrl-C does not wait.
import { readFileSync } from 'node:fs'
import { asTunnelError, exitStatusOf, failure } from '../errors.js'
import { demo, demoHelp } from './commands/demo.js'
import { createOutput } from './output.js'

const help = `Usage: underpass <command> [options]

Mutual TLS under the load balancer.

Commands:
  demo       see the main job on this machine, with nothing to install

Options:
  --help     help for underpass, or for a command
  --version  print the version

Examples:
  underpass demo
  underpass demo --once --json

Exit status: 0 ok, 1 verdict "no", 2 usage or configuration, 3 network, 4 upgrade refused, 5 certificate,
6 TLS peer, 7 timeout, 70 internal error, 130 interrupted.
`

const commands: Readonly<
  Record<string, { run: (args: string[], signal: AbortSignal) => Promise<void>; help: string }>
> = {
  demo: { run: demo, help: demoHelp },
}

process.exitCode = await main(process.argv.slice(2))

async function main([name = '--help', ...args]: string[]): Promise<number> {
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(commands[args[0] ?? '']?.help ?? help)
    return 0
  }
  if (name === '--version') {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    process.stdout.write(`${manifest.version}\n`)
    return 0
  }
  const interrupt = new AbortController()
  const onSignal = () => {
    if (interrupt.signal.aborted) process.exit(130)
    interrupt.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined)
      throw failure('ERR_CONFIG_INVALID', `there is no command ${JSON.stringify(name)}`, {
        hint: 'See `underpass --help`.',
      })
    if (args.includes('--help') || args.includes('-h')) process.stdout.write(command.help)
    else await command.run(args, interrupt.signal)
    return 0
  } catch (thrown) {
    return report(thrown, args.includes('--json'))
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

function report(thrown: unknown, json: boolean): number {
  const usage =
    thrown instanceof Error && 'code' in thrown && String(thrown.code).startsWith('ERR_PARSE_ARGS')
  const error = usage ? failure('ERR_CONFIG_INVALID', (thrown as Error).message) : asTunnelError(thrown)
  const { code, message, phase, blame, hint, evidence } = error
  if (json)
    process.stdout.write(`${JSON.stringify({ ok: false, code, message, phase, blame, hint, evidence })}\n`)
  const { say, style } = createOutput({ stdout: process.stdout, stderr: process.stderr, env: process.env })
  say(`${style.red(code)} ${message}`)
  for (const line of evidence) say(`  ${style.dim('seen:')} ${line}`)
  say(`  ${style.dim('try:')}  ${hint}`)
  return exitStatusOf(code)
}
