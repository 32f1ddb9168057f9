// docs/cli.md, made from the commands' own tables.
import type { Command, Option } from '../src/cli/command.js'
import { loadEveryCommand } from '../src/cli/commands.js'
import { globalOptions } from '../src/cli/global-options.js'
import { describeOption, detailsOf, exitStatuses, writtenFlag } from '../src/cli/help.js'
import { variableOf } from '../src/cli/settings.js'

export async function cliDocument(): Promise<string> {
  const commands = await loadEveryCommand()
  const list = commands.map(({ name, summary }) => `| [\`${name}\`](#underpass-${name}) | ${summary} |`)
  const statuses = exitStatuses.map(([status, meaning]) => `| ${status} | ${meaning} |`)
  return `# The command line

<!-- Generated from the tables of src/cli by \`npm run docs\`. -->

\`underpass <command> [options]\`. Data goes to stdout, everything else to stderr. \`underpass <command> --help\` says what is
below.

| command | |
|---|---|
${list.join('\n')}

## Settings

Every option is a flag, a variable and a key of the config file: \`--server-name NAME\`, \`UNDERPASS_SERVER_NAME\`,
\`server-name\` (or \`serverName\`). A flag wins over the variable, the variable over the file. Several values: the flag is
repeated; the variable is split at commas, or at lines where it has several; the file has an array. A switch is turned off
with \`--no-…\`. Durations have units: \`500ms\`, \`30s\`, \`2m\`, \`1h\`.

No file is read unless \`--config\` or UNDERPASS_CONFIG names it. It is TOML, or JSON where its name ends in \`.json\`. A key at
the top is for every command that knows it; in a table with a command's name it is for that command. Paths in it are relative
to it. An unknown key is refused, with the nearest one.

Secrets are never flag values, because every user of a machine can read command lines: \`--passphrase-file FILE\`,
UNDERPASS_PASSPHRASE or the key \`passphrase-file\`. The same holds for headers that carry credentials and for passwords of
proxies.

## JSON

\`--json\` prints one object on stdout (\`proxy\`: one a line). Each names its schema and version, as \`underpass/detect/1\`;
\`--schema\` prints the JSON Schema. A change that could break a reader makes a new version. An error is an object too,
\`underpass/error/1\`, with its code ([errors](errors.md)), and stands on stderr for people.

## Exit status

| | |
|---|---|
${statuses.join('\n')}

${commands.map(chapter).join('\n')}`
}

function chapter(command: Command): string {
  const rows = (options: readonly Option[]) => options.map(row).join('\n')
  const examples = command.examples.map(({ line, does }) => `# ${does}\n${line}`).join('\n')
  const options =
    command.options.length === 0 ? '' : `| option | variable | |\n|---|---|---|\n${rows(command.options)}\n\n`
  const globals = globalOptions(command)
    .map(({ flag }) => `\`--${flag}\``)
    .join(', ')
  return `## underpass ${command.name}

\`\`\`text
${command.usage}

${detailsOf(command).join('\n')}
\`\`\`

${options}And of every command: ${globals}.

\`\`\`sh
${examples}
\`\`\`
`
}

function row(option: Option): string {
  const also = option.alsoEnv === undefined ? '' : `, ${option.alsoEnv}`
  return `| \`${cell(writtenFlag(option))}\` | ${variableOf(option)}${also} | ${cell(describeOption(option))} |`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
