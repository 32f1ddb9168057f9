// The handshake as a ladder: one rung an event, us on the left, the peer on the right, milliseconds beside it. Made from
// trace events only, so whatever draws it sees what any user can see.
import type { TimedTraceEvent, TraceEvent } from '../trace.js'
import type { Style } from './output.js'

/** Columns between the two rails, both included. */
const WIDTH = 60
/** Columns of the time on the left. */
const MARGIN = 10

/** The ladder's lines, without a newline at their ends. `right` names the peer. */
export function ladder(events: readonly TimedTraceEvent[], style: Style, right: string): string[] {
  const floors = floorNames(events)
  const head = `${style.bold('you')}${' '.repeat(WIDTH - 3 - right.length)}${style.bold(right)}`
  const lines = [`${' '.repeat(MARGIN)}${head}`]
  for (const { at, layer, event } of events) {
    const rung = describe(event)
    if (rung === undefined) continue
    const time = style.dim(`${at.toFixed(1).padStart(MARGIN - 4)} ms `)
    const body = rung.direction === undefined ? note(rung.text) : arrow(rung.direction, rung.text)
    lines.push(`${time}│${body}│ ${style.dim(floors.get(layer) ?? '')}`)
  }
  return lines
}

interface Rung {
  readonly direction?: 'sent' | 'received'
  readonly text: string
}

function describe(event: TraceEvent): Rung | undefined {
  switch (event.type) {
    case 'message':
      return { direction: event.direction, text: `${messageName(event.name)} (${event.bytes.length} B)` }
    case 'http':
      return { direction: event.direction, text: event.head.split('\r\n', 1)[0]! }
    case 'alert':
      return { direction: event.direction, text: `alert ${event.alert}` }
    case 'check':
      return { text: `✓ ${describeCheck(event.name, event.facts)}` }
    case 'step':
      return describeStep(event.name, event.facts)
    default:
      return undefined
  }
}

type Facts = Readonly<Record<string, string | number | boolean>>

function describeCheck(name: string, facts: Facts): string {
  if (name === 'chain') return `chain of ${facts.length}, ${facts.verified ? 'verified' : 'NOT verified'}`
  return [name, ...Object.values(facts)].join(' ')
}

/** Of the dialer's steps, those that place what follows. */
function describeStep(name: string, facts: Facts): Rung | undefined {
  if (name === 'tcp') return { text: `TCP to ${facts.remoteAddress}:${facts.remotePort}` }
  if (name === 'verdict') return { text: `verdict: ${facts.verdict}` }
  if (name === 'attempt') return { text: `ask for ${facts.mode}` }
  return undefined
}

/** TLS below another TLS is the outer one: what the load balancer ends. */
function floorNames(events: readonly TimedTraceEvent[]): Map<string, string> {
  const floors = [...new Set(events.map(({ layer }) => layer))]
  const tls = floors.filter((floor) => floor.endsWith(':tls'))
  return new Map(
    floors.map((floor) => {
      const name = floor.replace(/^\d+:/, '')
      return [floor, name !== 'tls' || tls.length < 2 ? name : floor === tls[0] ? 'outer TLS' : 'inner TLS']
    }),
  )
}

function note(text: string): string {
  return ` ${fit(text, WIDTH - 4).padEnd(WIDTH - 4)} `
}

function arrow(direction: 'sent' | 'received', text: string): string {
  const label = ` ${fit(text, WIDTH - 8)} `
  const shaft = '─'.repeat(WIDTH - 4 - label.length)
  return direction === 'sent' ? `─${label}${shaft}►` : `◄${shaft}${label}─`
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}

/** `encrypted_extensions` as the RFC writes it in prose: EncryptedExtensions. */
function messageName(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
