// What a command is, and what it is called with. Types only: the parsing is in settings.ts, the dispatch in main.ts. A
// command's table of options is the one truth: help, completions, docs/cli.md and the parser are all made from it.
import type { Output } from './output.js'

/**
 * One option: a flag, its twin in the environment, its key in the config file. All three by one name: `--server-name`,
 * UNDERPASS_SERVER_NAME, `server-name` or `serverName`.
 */
export interface Option {
  /** Without its dashes: `server-name`. */
  readonly flag: string
  /**
   * Placeholder of its value, as NAME. Absent: a switch. In brackets, as [NAME]: the value may be left out, and is only
   * taken as `--flag=VALUE`. `FILE` and `DIR` are paths: in a config file they are relative to it.
   */
  readonly value?: string
  /** May be repeated on the command line; comma separated in the environment (or one a line); an array in the config. */
  readonly many?: boolean
  /** Never taken as a flag value: only `--flag-file FILE`, the environment, or the config as `flag-file`. */
  readonly secret?: boolean
  /** Its values, where they are few. */
  readonly choices?: readonly string[]
  /** One line for --help. */
  readonly describe: string
  /** Shown in help. */
  readonly fallback?: string
  /** Another variable, read where the twin is not set. */
  readonly alsoEnv?: string
}

export interface Example {
  readonly line: string
  /** What it does, a phrase without a full stop. */
  readonly does: string
}

export interface Command {
  readonly name: string
  /** One line, for the list of commands. */
  readonly summary: string
  /** `underpass proxy [options] <origin>`; operands in angle brackets are required, in square brackets optional. */
  readonly usage: string
  /** Paragraphs under the usage: what it does, what its exit status means. Lines of at most 100 columns. */
  readonly details?: string
  readonly options: readonly Option[]
  /** At least two. */
  readonly examples: readonly Example[]
  /** JSON Schema of what --json prints; every object has `schema: 'underpass/<command>/1'`. Absent: there is no --json. */
  readonly schema?: Readonly<Record<string, unknown>>
  /** Most operands it takes; more is a usage error. Default 1. */
  readonly maxOperands?: number
  /** Arrays of tables it reads from the config file, as `listen` for [[listen]]. */
  readonly tables?: readonly string[]
  /** The config file is this command's own business: only its path is read here, as `settings.file`. */
  readonly ownConfig?: boolean
  /** Exit status. Throws TunnelError, which main prints and maps. */
  run(call: Call): Promise<number>
}

export interface Call {
  readonly operands: readonly string[]
  /** Flags, environment and config file, merged in this order. */
  readonly settings: Settings
  readonly output: Output
  readonly json: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by Ctrl-C and SIGTERM; a second signal ends the process at once. */
  readonly signal: AbortSignal
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
}

/** Each reader throws ERR_CONFIG_INVALID naming the flag, the variable or the key, whichever gave the value. */
export interface Settings {
  /** The last one given. `''` for a value that may be left out and was. */
  text(flag: string): string | undefined
  list(flag: string): readonly string[]
  on(flag: string): boolean
  number(flag: string): number | undefined
  /** `30s`, `500ms`, `2m`, `1h` or `0`, in milliseconds. */
  duration(flag: string): number | undefined
  /** What the file or the variable of a secret holds, without the newline at its end. */
  secret(flag: string): Promise<string | undefined>
  /** Arrays of tables of the config file, e.g. [[listen]]. Keys in them are the command's business. */
  table(key: string): ReadonlyArray<Readonly<Record<string, unknown>>>
  /** Which of the three gave it, as people would look for it: `--alpn`, `UNDERPASS_ALPN`, `` `alpn` in under.toml ``. */
  source(flag: string): string | undefined
  /** The environment, for what other programs' variables say. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** The config file in use. */
  readonly file: string | undefined
  /** What relative paths in the config file are relative to. */
  readonly folder: string
}
