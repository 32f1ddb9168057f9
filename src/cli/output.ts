// The terminal: data on stdout, everything else on stderr, colour and moving progress only where a person looks.
// NO_COLOR, FORCE_COLOR, TERM=dumb and --no-color are obeyed (no-color.org).

export interface Style {
  bold(text: string): string
  dim(text: string): string
  green(text: string): string
  red(text: string): string
  yellow(text: string): string
  cyan(text: string): string
}

export interface Output {
  /** For stderr. */
  readonly style: Style
  /** For stdout: colour only where a person looks at that. */
  readonly dataStyle: Style
  /** One line of data, on stdout. */
  data(line: string): void
  /** One object of `--json`, on a line of stdout. */
  json(object: unknown): void
  /** One line for the person, on stderr; silent with `quiet` and with `--json`. */
  say(line: string): void
  /** One line that a person must see even beside `--json`, on stderr; silent with `quiet`. */
  warn(line: string): void
  /** One line of what went wrong, on stderr, whatever was asked. */
  error(line: string): void
  /** Something that takes a while; returns what ends it. */
  progress(what: string): (result?: string, status?: 'ok' | 'warn' | 'fail' | 'skipped') => void
}

interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

export function createOutput(options: {
  readonly stdout: Terminal
  readonly stderr: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly quiet?: boolean
  /** Data for programs goes to stdout: nothing but warnings beside it. */
  readonly json?: boolean
  readonly color?: boolean
}): Output {
  const { stdout, stderr, env } = options
  const quiet = options.quiet === true || options.json === true
  const tty = stderr.isTTY === true && env.TERM !== 'dumb'
  const style = createStyle(options.color ?? wantsColor(env, tty))
  const dataTty = stdout.isTTY === true && env.TERM !== 'dumb'
  const dataStyle = createStyle(options.color ?? wantsColor(env, dataTty))
  // A step that has begun and not ended stands on the cursor's line: whatever comes in between takes its place.
  let underWay = false
  const clear = () => {
    if (underWay) stderr.write('\r\x1b[K')
    underWay = false
  }
  const tell = (line: string) => {
    clear()
    stderr.write(`${line}\n`)
  }
  const say = (line: string) => {
    if (!quiet) tell(line)
  }
  return {
    style,
    dataStyle,
    data(line) {
      if (dataTty) clear()
      stdout.write(`${line}\n`)
    },
    json: (object) => stdout.write(`${JSON.stringify(object)}\n`),
    say,
    warn(line) {
      if (options.quiet !== true) tell(line)
    },
    error: tell,
    progress(what) {
      if (!quiet && tty) {
        clear()
        stderr.write(`${style.dim('…')} ${what}`)
        underWay = true
      }
      const begun = performance.now()
      return (result = '', status = 'ok') => {
        if (quiet) return
        const seconds = `${((performance.now() - begun) / 1000).toFixed(2)} s`
        const line = `${marks(style)[status]} ${what} ${style.dim(result === '' ? seconds : `${result}, ${seconds}`)}`
        tell(line)
      }
    },
  }
}

/** How a step went. */
export function marks(style: Style): Readonly<Record<'ok' | 'warn' | 'fail' | 'skipped', string>> {
  return { ok: style.green('✓'), warn: style.yellow('!'), fail: style.red('✗'), skipped: style.dim('-') }
}

function wantsColor(env: Readonly<Record<string, string | undefined>>, tty: boolean): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '' && env.FORCE_COLOR !== '0') return true
  return tty
}

function createStyle(color: boolean): Style {
  const paint =
    (open: number, close: number) =>
    (text: string): string =>
      color ? `\x1b[${open}m${text}\x1b[${close}m` : text
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    green: paint(32, 39),
    red: paint(31, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  }
}
