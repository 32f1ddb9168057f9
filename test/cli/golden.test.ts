// Help as golden files: whoever changes an option sees here what people will read. `vitest -u` writes them anew.
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { cliDocument } from '../../scripts/cli-doc.js'
import type { Command } from '../../src/cli/command.js'
import { commandNames, loadCommand, loadEveryCommand } from '../../src/cli/commands.js'
import { bashScript, fishScript, zshScript } from '../../src/cli/completion-scripts.js'
import { globalOptions } from '../../src/cli/global-options.js'
import { commandHelp, programHelp } from '../../src/cli/help.js'
import { variableOf } from '../../src/cli/settings.js'
import { projectRoot } from '../structure/source.js'
import { temporaryFolder } from '../support/files.js'

const golden = (name: string) => join(projectRoot, 'test', 'golden', `${name}.txt`)

describe('help', () => {
  it('of the program', async () => {
    await expect(programHelp(await loadEveryCommand())).toMatchFileSnapshot(golden('underpass'))
  })

  it.each(commandNames)('of %s', async (name) => {
    await expect(commandHelp(await loadCommand(name))).toMatchFileSnapshot(golden(name))
  })

  it.each(commandNames)('of %s fits a terminal, and works its examples', async (name) => {
    const command = await loadCommand(name)
    const long = commandHelp(command)
      .split('\n')
      // Example lines may be copied whole.
      .filter((line) => line.length > 110 && !line.startsWith('  underpass '))
    expect(long).toEqual([])
    expect(command.name).toBe(name)
    expect(command.examples.length).toBeGreaterThanOrEqual(2)
    for (const { line } of command.examples) expect(line).toContain('underpass ')
  })

  it('is what docs/cli.md says (npm run docs)', async () => {
    expect(readFileSync(join(projectRoot, 'docs/cli.md'), 'utf8')).toBe(await cliDocument())
  })
})

describe('options', () => {
  it.each(commandNames)('of %s are named once and well', async (name) => {
    const command = await loadCommand(name)
    const flags = [...command.options, ...globalOptions(command)].map(({ flag }) => flag)
    expect(new Set(flags).size).toBe(flags.length)
    for (const flag of flags) expect(flag).toMatch(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/)
    for (const option of command.options) {
      expect(variableOf(option)).toMatch(/^UNDERPASS_[A-Z0-9_]+$/)
      expect(option.describe).not.toMatch(/\.$/)
    }
  })
})

describe('schemas', () => {
  it('are JSON Schemas whose objects name their version', async () => {
    const commands = (await loadEveryCommand()).filter((command): command is Command & { schema: object } =>
      Boolean(command.schema),
    )
    expect(commands.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['detect', 'doctor', 'inspect', 'demo']),
    )
    for (const { name, schema } of commands) {
      expect(new Ajv().validateSchema(schema)).toBe(true)
      expect(JSON.stringify(schema)).toContain(`"underpass/${name}/1"`)
    }
  })
})

describe('completions', () => {
  it('bash completes commands, options, values and shells', async () => {
    await using folder = await temporaryFolder('completions')
    const file = await folder.write('underpass.bash', bashScript(await loadEveryCommand()))
    const complete = (...words: string[]) =>
      execFileSync(
        'bash',
        [
          '-c',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: bash expands these
          'source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2)); _underpass; echo "${COMPREPLY[@]}"',
          '-',
          file,
          'underpass',
          ...words,
        ],
        { encoding: 'utf8' },
      ).trim()
    expect(complete('de')).toBe('detect demo')
    expect(complete('detect', '--orig')).toBe('--origin-trust')
    expect(complete('inspect', '--mode', 'alpn-')).toBe('alpn-ping')
    expect(complete('completions', 'z')).toBe('zsh')
    expect(complete('help', 'doc')).toBe('doctor')
  })

  it.each([
    ['zsh', zshScript],
    ['fish', fishScript],
  ] as const)('%s names every command and option', async (shell, script) => {
    const commands = await loadEveryCommand()
    const text = script(commands)
    for (const { name, options } of commands) {
      expect(text).toContain(name)
      for (const { flag, secret } of options) expect(text).toContain(secret ? `${flag}-file` : flag)
    }
    // Where the shell is here, it reads the script itself.
    if (spawnSync(shell, ['--version']).error === undefined) {
      await new Promise<void>((resolve, reject) => {
        const child = execFile(shell, ['-n', '/dev/stdin'], (error) => (error ? reject(error) : resolve()))
        child.stdin?.end(text)
      })
    }
  })
})
