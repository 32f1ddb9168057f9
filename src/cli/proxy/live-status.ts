// What a person sees while proxies run: on a terminal a few lines that are drawn again in place, elsewhere a line an event.
import type { ConnectionFacts, ListeningFacts, ProxyEvent } from '../../proxy/index.js'
import type { Output } from '../output.js'
import { placeText } from './connection-strings.js'

export interface StatusLine {
  readonly at: ListeningFacts
  readonly expires: () => number | undefined
}

export interface LiveStatus {
  event(event: ProxyEvent): void
  /** A line above the drawing. */
  say(line: string): void
  stop(): void
}

interface Totals {
  opened: number
  refused: number
  sent: number
  received: number
  /** Milliseconds: the last connection's TCP round trip. */
  roundTrip: number | undefined
}

export function liveStatus(options: {
  readonly output: Output
  readonly terminal: (NodeJS.WriteStream & { readonly isTTY?: boolean }) | undefined
  readonly lines: () => readonly StatusLine[]
  readonly connections: () => readonly ConnectionFacts[]
  readonly now: () => number
}): LiveStatus {
  const { output, terminal } = options
  const totals = new Map<string, Totals>()
  const of = (name: string): Totals => {
    const known = totals.get(name) ?? { opened: 0, refused: 0, sent: 0, received: 0, roundTrip: undefined }
    totals.set(name, known)
    return known
  }
  let drawn = 0
  let last = ''

  function erase(): void {
    if (terminal !== undefined && drawn > 0) terminal.write(`\x1b[${drawn}A\x1b[J`)
    drawn = 0
    last = ''
  }

  function draw(): void {
    if (terminal === undefined) return
    const open = options.connections()
    const lines = options.lines().map((line) => statusText(line, of(line.at.listener), open, options.now()))
    const text = lines.map((line) => line.slice(0, (terminal.columns || 80) - 1)).join('\n')
    if (text === last) return
    erase()
    terminal.write(`${text}\n`)
    drawn = lines.length
    last = text
  }

  function say(line: string): void {
    erase()
    output.say(line)
    draw()
  }

  const timer = terminal === undefined ? undefined : setInterval(draw, 1000).unref()

  return {
    say,
    event(event) {
      if (event.type === 'opened') {
        const total = of(event.connection.listener)
        total.opened++
        total.roundTrip = event.connection.info?.timings.tcp ?? total.roundTrip
        if (terminal === undefined) output.say(openedText(event.connection))
      } else if (event.type === 'closed') {
        const total = of(event.connection.listener)
        total.sent += event.connection.sent
        total.received += event.connection.received
        if (event.error !== undefined)
          say(`${label(event.connection)} broke: ${event.error.code} ${event.error.message}`)
        else if (terminal === undefined) output.say(closedText(event.connection, event.duration))
      } else if (event.type === 'refused') {
        of(event.connection.listener).refused++
        say(`${label(event.connection)} refused: ${event.error.code} ${event.error.message}`)
      } else if (event.type === 'failing')
        say(`${event.listener}: ${event.error.code} ${event.error.message}`)
      draw()
    },
    stop() {
      clearInterval(timer)
      erase()
    },
  }
}

function statusText(line: StatusLine, total: Totals, all: readonly ConnectionFacts[], now: number): string {
  const open = all.filter(({ listener }) => listener === line.at.listener)
  const sent = open.reduce((sum, one) => sum + one.sent, total.sent)
  const received = open.reduce((sum, one) => sum + one.received, total.received)
  const expires = line.expires()
  return [
    `${line.at.listener}  ${placeText(line.at)}`,
    `${open.length} open of ${total.opened}${total.refused > 0 ? `, ${total.refused} refused` : ''}`,
    `up ${bytesText(sent)}, down ${bytesText(received)}`,
    ...(total.roundTrip === undefined ? [] : [`rtt ${total.roundTrip.toFixed(1)} ms`]),
    ...(expires === undefined ? [] : [`certificate ${remaining(expires - now)}`]),
  ].join('  ·  ')
}

function label({ listener, id, requested }: ConnectionFacts): string {
  return `${listener} #${id}${requested === undefined ? '' : ` to ${requested}`}`
}

function openedText(connection: ConnectionFacts): string {
  const { info } = connection
  const how =
    info === undefined
      ? ''
      : ` (${info.verdict}, ${info.tls.alpn ?? 'no ALPN'}, ${info.timings.total.toFixed(0)} ms)`
  return `${label(connection)} open${how}`
}

function closedText(connection: ConnectionFacts, duration: number): string {
  return `${label(connection)} closed after ${(duration / 1000).toFixed(1)} s, up ${bytesText(connection.sent)}, down ${bytesText(connection.received)}`
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} kB`
  return bytes < 1024 ** 3 ? `${(bytes / 1024 ** 2).toFixed(1)} MB` : `${(bytes / 1024 ** 3).toFixed(2)} GB`
}

/** `for 3 h`, `for 12 min`, `expired`. */
export function remaining(milliseconds: number): string {
  if (milliseconds <= 0) return 'expired'
  const minutes = Math.floor(milliseconds / 60_000)
  if (minutes < 120) return `for ${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 72 ? `for ${hours} h` : `for ${Math.floor(hours / 24)} days`
}
