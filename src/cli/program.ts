// The command line as a function: chooses the command, gathers its settings, turns errors into one clear line and an exit
// status (docs/errors.md), and ends everything on Ctrl-C; a second Ctrl-C does not wait.
import { readFileSync } from 'node:fs'
import { errorProse } from '../error-prose.js'
import { asTunnelError, exitStatusOf, failure, installProse } from '../errors-node.js'
import { parseArguments } from './arguments.js'
import { causesOf } from './causes.js'
import type { Call, Command } from './command.js'
import { loadCommand, loadEveryCommand } from './commands.js'
import { readConfigFile } from './config-file.js'
import { globalOptions } from './global-options.js'
import { createOutput, type Output } from './output.js'
import { createSettings } from './settings.js'

installProse(errorProse)

/** What a program has of its process. */
export type Surroundings = Pick<NodeJS.Process, 'env' | 'stdin' | 'stdout' | 'stderr'>

/** Runs a command line; resolves with its exit status and never rejects. */
export async function program(
  [name = '--help', ...args]: readonly string[],
  around: Surroundings,
): Promise<number> {
  const interrupt = new AbortController()
  const onSignal = () => {
    if (interrupt.signal.aborted) process.exit(130)
    interrupt.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  let json = wantsJson(args, around)
  try {
    if (name === '--version' || name === '-V') return answer(`${version()}\n`, around)
    if (name === '--help' || name === '-h' || (name === 'help' && args[0] === undefined)) {
      const { programHelp } = await import('./help.js')
      return answer(programHelp(await loadEveryCommand()), around)
    }
    if (name === 'help') return await help(await loadCommand(args[0]!), around)
    const command = await loadCommand(name)
    if (command.schema === undefined) json = false
    return await run(command, args, interrupt.signal, around)
  } catch (thrown) {
    return report(thrown, json, createTerminal(args, around))
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

async function run(
  command: Command,
  args: readonly string[],
  signal: AbortSignal,
  around: Surroundings,
): Promise<number> {
  const { env, stdin, stdout, stderr } = around
  const globals = globalOptions(command)
  const options = [...command.options, ...globals]
  const { flags, operands } = parseArguments(args, options)
  if (flags.has('help')) return help(command, around)
  if (flags.has('schema')) {
    const { orError } = await import('./schemas.js')
    return answer(`${JSON.stringify(orError(command.schema!), undefined, 2)}\n`, around)
  }
  const { maxOperands = 1 } = command
  if (operands.length > maxOperands)
    throw failure('ERR_CONFIG_INVALID', `${JSON.stringify(operands[maxOperands])} is one word too many`, {
      hint: `Usage: ${command.usage}`,
    })
  const file = createSettings(options, { flags, env }).text('config')
  const config =
    file === undefined || command.ownConfig
      ? undefined
      : await readConfigFile(file, command, await loadEveryCommand(), globals)
  const settings = createSettings(options, { flags, env, config, file })
  const json = command.schema !== undefined && settings.on('json')
  const output = createOutput({
    stdout,
    stderr,
    env,
    json,
    quiet: settings.on('quiet'),
    ...(settings.on('no-color') && { color: false }),
  })
  const call: Call = { operands, settings, output, json, env, signal, stdin, stdout }
  try {
    return await command.run(call)
  } catch (thrown) {
    return report(thrown, json, output)
  }
}

async function help(command: Command, around: Surroundings): Promise<number> {
  const { commandHelp } = await import('./help.js')
  return answer(commandHelp(command), around)
}

function answer(text: string, { stdout }: Surroundings): number {
  stdout.write(text)
  return 0
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
}

/** Whether `--json` was asked for, where the words could not all be understood. */
function wantsJson(args: readonly string[], { env }: Surroundings): boolean {
  const said = args.findLast((word) => /^--(?:no-)?json(?:=(?:true|false))?$/.test(word))
  if (said === undefined) return /^(?:1|true|yes|on)$/i.test(env.UNDERPASS_JSON?.trim() ?? '')
  return said.startsWith('--no-') === said.endsWith('=false')
}

/** For what goes wrong before the settings are known. */
function createTerminal(args: readonly string[], { stdout, stderr, env }: Surroundings): Output {
  return createOutput({ stdout, stderr, env, ...(args.includes('--no-color') && { color: false }) })
}

function report(thrown: unknown, json: boolean, { json: print, error: say, style }: Output): number {
  const error = asTunnelError(thrown)
  const { code, message, detail, phase, blame, hint, evidence, retryable } = error
  const status = exitStatusOf(code)
  const causes = causesOf(error)
  if (json) {
    const facts = {
      ...{ code, message, phase, blame, retryable, hint, evidence, exitStatus: status },
      ...(causes.length > 0 && {
        causes: causes.map((cause) => ({ code: cause.code, message: cause.message })),
      }),
    }
    print({ schema: 'underpass/error/1', ok: false, ...facts })
  }
  // A usage error says itself what is wrong; the table's sentence in front would only hide it.
  say(`${style.red(code)} ${(code === 'ERR_CONFIG_INVALID' ? detail : undefined) ?? message}`)
  for (const cause of causes) say(`  ${style.dim('cause:')} ${cause.code} ${cause.message}`)
  for (const line of evidence) say(`  ${style.dim('seen:')} ${line}`)
  if (hint !== '') say(`  ${style.dim('try:')}  ${hint}`)
  return status
}
