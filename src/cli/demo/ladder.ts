// The handshake as a ladder: one rung an event, us on the left, the peer on the right, milliseconds beside it. Made from
// trace events only, so whatever draws it sees what any user can see.
import type { TimedTraceEvent } from '../../trace.js'
import type { Style } from '../output.js'

const WIDTH = 58

/** The ladder's lines, without a newline at their ends. */
export function ladder(events: readonly TimedTraceEvent[], style: Style, right: string): string[] {
  const lines = [
    `${' '.repeat(10)}${style.bold('you')}${' '.repeat(WIDTH - 3 - right.length)}${style.bold(right)}`,
  ]
  for (const { at, layer, event } of events) {
    const rung = describe(event)
    if (rung === undefined) continue
    const time = style.dim(`${at.toFixed(1).padStart(6)} ms `)
    const where = style.dim(` ${floorName(layer)}`)
    if (rung.direction === undefined) lines.push(`${time}│ ${rung.text.padEnd(WIDTH - 4)} │${where}`)
    else lines.push(`${time}│${arrow(rung.direction, rung.text)}│${where}`)
  }
  return lines
}

function arrow(direction: 'sent' | 'received', text: string): string {
  const shown = ` ${text.length > WIDTH - 8 ? `${text.slice(0, WIDTH - 9)}…` : text} `
  const fill = WIDTH - 3 - shown.length
  return direction === 'sent' ? `─${shown}${'─'.repeat(fill)}►` : `◄${'─'.repeat(fill)}${shown}─`
}

function describe(
  event: TimedTraceEvent['event'],
): { direction?: 'sent' | 'received'; text: string } | undefined {
  switch (event.type) {
    case 'message':
      return { direction: event.direction, text: `${words(event.name)} (${event.bytes.length} B)` }
    case 'http':
      return { direction: event.direction, text: `${event.head.split('\r\n', 1)[0]}` }
    case 'alert':
      return { direction: event.direction, text: `alert ${event.alert}` }
    case 'check':
      return { text: `✓ ${event.name}${facts(event.facts)}` }
    case 'step':
      return { text: `· ${event.name}${facts(event.facts)}` }
    default:
      return undefined
  }
}

function facts(values: Readonly<Record<string, string | number | boolean>>): string {
  const text = Object.values(values).join(' · ')
  return text === '' ? '' : `: ${text}`.slice(0, WIDTH - 12)
}

function words(name: string): string {
  return name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
}

function floorName(layer: string): string {
  return layer.replace(/^\d+:/, '')
}
