// Headers from a program: access proxies in front of a load balancer want tokens that a command line tool mints. Run for each
// upgrade request, without a shell unless asked, under a deadline and with bounded output. What it prints is secret: it
// enters no error.
import { spawn } from 'node:child_process'
import type { HeadersRequest } from '../dial/index.js'
import { failure, type TunnelError } from '../errors-node.js'

export interface HeaderCommandOptions {
  /** Give the text to the system's shell. Default false: it is split into words, quotes obeyed, nothing expanded. */
  readonly shell?: boolean
  /** Milliseconds the program may take. Default 10 000. */
  readonly timeout?: number
  /** Where its own messages go. Default `inherit`. */
  readonly stderr?: 'inherit' | 'ignore'
  /** Ends the program. */
  readonly signal?: AbortSignal
  /** Its environment. Default: ours. UNDERPASS_URL, UNDERPASS_PROTOCOL and UNDERPASS_ATTEMPT are added. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/**
 * A function for the dialer's `headers`. The program prints one `Name: value` a line. Throws ERR_CONFIG_INVALID at once for
 * a command that is none; the function rejects with ERR_CONFIG_COMMAND, ERR_TIMEOUT or ERR_ABORTED.
 */
export function headersFromCommand(
  command: string | readonly string[],
  options: HeaderCommandOptions = {},
): (request?: HeadersRequest) => Promise<ReadonlyArray<readonly [string, string]>> {
  const { shell = false } = options
  if (shell && typeof command !== 'string')
    throw failure('ERR_CONFIG_INVALID', 'a shell takes the header command as one text')
  const words = typeof command !== 'string' ? command : shell ? [command] : wordsOf(command)
  const [program, ...args] = words
  if (program === undefined || program.trim() === '')
    throw failure('ERR_CONFIG_INVALID', 'the header command is empty')
  return async (request) => headersIn(await run(program, args, request, options))
}

/** The headers of an output. Throws ERR_CONFIG_COMMAND. */
function headersIn(output: string): ReadonlyArray<readonly [string, string]> {
  const lines = output.split(/\r?\n/).filter((line) => line.trim() !== '')
  if (lines.length > MAX_HEADERS) throw unusable(`it printed more than ${MAX_HEADERS} lines`)
  return lines.map((line, i) => {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0))
    const value = line.slice(colon + 1).trim()
    // RFC 9110 §5.1, §5.5: a name is a token; a value has no control characters.
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw unusable(`line ${i + 1} is not \`Name: value\``)
    return [name, value] as const
  })
}

const MAX_HEADERS = 64
const MAX_OUTPUT = 64 * 1024

function run(
  program: string,
  args: readonly string[],
  request: HeadersRequest | undefined,
  { shell = false, timeout = 10_000, stderr = 'inherit', signal, env = process.env }: HeaderCommandOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(failure('ERR_ABORTED', undefined, { cause: signal.reason }))
      return
    }
    const child = spawn(program, [...args], {
      shell,
      stdio: ['ignore', 'pipe', stderr],
      env: { ...env, ...requestVariables(request) },
      // A group of its own: what it started ends with it.
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    const chunks: Buffer[] = []
    let size = 0
    let settled = false
    const settle = (act: () => void) => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      child.stdout?.removeAllListeners('data').destroy()
      act()
    }
    const end = (error: TunnelError) =>
      settle(() => {
        killGroup(child.pid, () => child.kill('SIGKILL'))
        reject(error)
      })
    const onAbort = () => end(failure('ERR_ABORTED', undefined, { cause: signal?.reason }))
    const timer = setTimeout(
      () =>
        end(failure('ERR_TIMEOUT', `the header command took more than ${timeout} ms`, { phase: 'upgrade' })),
      timeout,
    )
    signal?.addEventListener('abort', onAbort)
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > MAX_OUTPUT) end(unusable(`it printed more than ${MAX_OUTPUT} bytes`))
      else chunks.push(chunk)
    })
    child.once('error', (error: NodeJS.ErrnoException) =>
      end(unusable(`it cannot be run (${error.code ?? 'unknown error'})`)),
    )
    child.once('close', (status, by) =>
      settle(() => {
        if (status === 0) resolve(Buffer.concat(chunks).toString('latin1'))
        else reject(unusable(by === null ? `it ended with status ${status}` : `it was ended by ${by}`))
      }),
    )
  })
}

function killGroup(pid: number | undefined, alone: () => void): void {
  if (pid === undefined) return
  try {
    if (process.platform === 'win32') alone()
    else process.kill(-pid, 'SIGKILL')
  } catch {
    alone()
  }
}

function requestVariables(request: HeadersRequest | undefined): Record<string, string> {
  if (request === undefined) return {}
  return {
    UNDERPASS_URL: request.url,
    UNDERPASS_PROTOCOL: request.protocol,
    UNDERPASS_ATTEMPT: String(request.attempt),
  }
}

/** Words of a command line: blanks separate, single and double quotes hold together, a backslash frees a blank,
 * a quote or a backslash (any other stays, as paths of Windows need it). */
function wordsOf(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote: string | undefined
  for (let i = 0; i < text.length; i++) {
    const symbol = text[i]!
    if (quote !== undefined && symbol === quote) quote = undefined
    else if (symbol === '\\' && quote !== "'" && /[\s"'\\]/.test(text[i + 1] ?? ''))
      word = (word ?? '') + text[++i]
    else if (quote === undefined && (symbol === "'" || symbol === '"')) {
      quote = symbol
      word ??= ''
    } else if (quote === undefined && /\s/.test(symbol)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + symbol
  }
  if (quote !== undefined)
    throw failure('ERR_CONFIG_INVALID', 'the header command has a quote that does not end')
  if (word !== undefined) words.push(word)
  return words
}

function unusable(detail: string): TunnelError {
  return failure('ERR_CONFIG_COMMAND', detail)
}
