// The table of commands, in the order of help. Each is loaded when it is called: nobody pays for a gateway to dial.
import { failure } from '../errors-node.js'
import type { Command } from './command.js'
import { didYouMean } from './nearest.js'

const table: Readonly<Record<string, () => Promise<Command>>> = {
  detect: async () => (await import('./commands/detect.js')).detect,
  doctor: async () => (await import('./commands/doctor.js')).doctor,
  inspect: async () => (await import('./commands/inspect.js')).inspect,
  proxy: async () => (await import('./commands/proxy.js')).proxy,
  connect: async () => (await import('./commands/connect.js')).connect,
  serve: async () => (await import('./commands/serve.js')).serve,
  http: async () => (await import('./commands/http.js')).http,
  demo: async () => (await import('./commands/demo.js')).demo,
  completions: async () => (await import('./commands/completions.js')).completions,
}

export const commandNames: readonly string[] = Object.keys(table)

/** Throws ERR_CONFIG_INVALID with the nearest name. */
export async function loadCommand(name: string): Promise<Command> {
  if (Object.hasOwn(table, name)) return table[name]!()
  throw failure('ERR_CONFIG_INVALID', `there is no command ${JSON.stringify(name)}`, {
    hint: didYouMean(name, [...commandNames, 'help'], 'See `underpass --help`.', 'underpass '),
  })
}

export function loadEveryCommand(): Promise<Command[]> {
  return Promise.all(Object.values(table).map((load) => load()))
}
