// `underpass serve`: the gateway as a program. SIGTERM and Ctrl-C drain it, SIGHUP reloads its configuration.
import { basename } from 'node:path'
import { failure } from '../../errors-node.js'
import { type LoadedConfig, loadConfig, startService } from '../../gateway/service/index.js'
import { untilAborted } from '../aborted.js'
import type { Call, Command } from '../command.js'

export const serve: Command = {
  name: 'serve',
  summary: 'run the gateway: connection upgrades and inner TLS in, clear bytes out',
  usage: 'underpass serve --config <file> [options]',
  details: [
    'Reads the file (TOML, or JSON where its name ends so; docs/schemas/gateway.json is its schema) and',
    'listens until SIGTERM or Ctrl-C, which drain it. SIGHUP, or a change of a file it names, reloads',
    'certificates and routes for new tunnels; a file that cannot be used leaves the old ones in place.',
    'The log is JSON lines on stderr. Exit status: 0 drained, or the file is good; 2 it is not.',
  ].join('\n'),
  options: [{ flag: 'check', describe: 'check the configuration and all it names, and exit' }],
  ownConfig: true,
  maxOperands: 0,
  examples: [
    { line: 'underpass serve --config gateway.toml', does: 'run the gateway' },
    { line: 'underpass serve --config gateway.toml --check', does: 'check the file before a reload' },
  ],
  schema: {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    required: ['schema', 'ok'],
    additionalProperties: false,
    properties: {
      schema: { const: 'underpass/serve/1' },
      ok: { const: true },
      config: { type: 'string' },
      routes: { type: 'array', items: { type: 'string' } },
      listening: {
        type: 'object',
        additionalProperties: {
          type: 'object',
          properties: { host: { type: 'string' }, port: { type: 'integer' } },
        },
      },
    },
  },
  run,
}

async function run(call: Call): Promise<number> {
  const { settings, output, json, signal } = call
  const { file } = settings
  if (file === undefined) {
    throw failure('ERR_CONFIG_INVALID', 'serve needs --config', {
      hint: 'Write a file as in docs/gateway.md and name it: --config gateway.toml',
    })
  }
  if (settings.on('check')) {
    const config = await loadConfig(file)
    if (json) output.json({ schema: 'underpass/serve/1', ok: true, ...summary(file, config) })
    else for (const line of overview(file, config)) output.say(line)
    return 0
  }
  const service = await startService(file)
  const hangUp = () => void service.reload()
  process.on('SIGHUP', hangUp)
  try {
    if (json) {
      output.json({ schema: 'underpass/serve/1', ok: true, config: file, listening: service.addresses })
    }
    await untilAborted(signal)
    await service.drain()
  } finally {
    process.off('SIGHUP', hangUp)
  }
  return 0
}

function summary(file: string, { options }: LoadedConfig) {
  return { config: file, routes: options.routes.map(({ name }) => name) }
}

function overview(file: string, { options, service }: LoadedConfig): string[] {
  const doors = { ...options.listen, ...(service.admin && { admin: service.admin }) }
  return [
    `${basename(file)} is good`,
    ...Object.entries(doors).map(
      ([name, { host = '127.0.0.1', port }]) => `  ${name.padEnd(8)} ${host}:${port}`,
    ),
    ...options.routes.map(({ name, alpn }) => `  route    ${name}: ${[alpn].flat().join(', ')}`),
  ]
}
