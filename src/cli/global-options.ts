// The options that every command has.
import type { Command, Option } from './command.js'

const json: Option = { flag: 'json', describe: 'print one JSON object on stdout; its shape: --schema' }
const schema: Option = { flag: 'schema', describe: 'print the JSON Schema of --json and exit' }

export function globalOptions(command: Pick<Command, 'schema'>): readonly Option[] {
  return [
    {
      flag: 'config',
      value: 'FILE',
      describe: 'read settings from a TOML or JSON file; none is read unless named',
    },
    ...(command.schema === undefined ? [] : [json, schema]),
    { flag: 'quiet', describe: 'nothing on stderr but errors' },
    { flag: 'no-color', describe: 'no colours (NO_COLOR works too)' },
    { flag: 'help', describe: 'this help' },
  ]
}

/** Of no use in the environment or in a config file. */
export const onlyFlags: ReadonlySet<string> = new Set(['help', 'schema'])
