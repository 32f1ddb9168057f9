// The terminal: data on stdout, everything else on stderr, colour and moving progress only where a person looks.
// NO_COLOR, FORCE_COLOR, TERM=dumb and --no-color are obeyed (no-color.org).

export interface Style {
  bold(text: string): string
  dim(text: string): string
  green(text: string): string
  red(text: string): string
  cyan(text: string): string
}

export interface Output {
  readonly style: Style
  /** One line of data, on stdout. */
  data(line: string): void
  /** One line for the person, on stderr; silent with `quiet`. */
  say(line: string): void
  /** Something that takes a while; returns what ends it. */
  progress(what: string): (result?: string) => void
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
  readonly color?: boolean
}): Output {
  const { stdout, stderr, env, quiet = false } = options
  const tty = stderr.isTTY === true && env.TERM !== 'dumb'
  const style = createStyle(options.color ?? wantsColor(env, tty))
  const say = (line: string) => {
    if (!quiet) stderr.write(`${line}\n`)
  }
  return {
    style,
    data: (line) => stdout.write(`${line}\n`),
    say,
    progress(what) {
      if (!quiet && tty) stderr.write(`${style.dim('…')} ${what}`)
      const begun = performance.now()
      return (result = '') => {
        if (quiet) return
        const seconds = `${((performance.now() - begun) / 1000).toFixed(2)} s`
        const line = `${style.green('✓')} ${what} ${style.dim(result === '' ? seconds : `${result}, ${seconds}`)}`
        stderr.write(tty ? `\r\x1b[K${line}\n` : `${line}\n`)
      }
    },
  }
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
    cyan: paint(36, 39),
  }
}
