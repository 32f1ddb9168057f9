// From trace events to the rungs of the ladder: one for each message, check, step and alert, records of application data
// gathered into one. Layout alone; drawing is in ladder.ts.
import type { Direction, Span, TimedTraceEvent, TraceEvent } from 'underpass/browser'

export interface Rung {
  readonly kind: 'message' | 'check' | 'step' | 'alert' | 'data' | 'state'
  readonly at: number
  readonly direction: Direction | undefined
  readonly title: string
  readonly detail: string
  /** Inside a protected record. */
  readonly encrypted: boolean
  /** What can be looked at byte by byte. */
  readonly message?: Annotated
}

export interface Annotated {
  readonly name: string
  readonly bytes: Uint8Array
  readonly spans: readonly Span[]
}

export interface RungBuilder {
  /** The rung that the event made or changed, if any. */
  add(event: TimedTraceEvent): { readonly rung: Rung; readonly at: number } | undefined
  readonly rungs: readonly Rung[]
  /** Events beyond the cap, which have no rung. */
  readonly dropped: number
}

/** More than any handshake has; what comes later is counted. */
export const mostRungs = 300

export function rungBuilder(): RungBuilder {
  const rungs: Rung[] = []
  const encrypted: Record<Direction, boolean> = { sent: false, received: false }
  let dropped = 0

  function put(rung: Rung): { rung: Rung; at: number } | undefined {
    if (rungs.length >= mostRungs) {
      dropped++
      return undefined
    }
    rungs.push(rung)
    return { rung, at: rungs.length - 1 }
  }

  return {
    rungs,
    get dropped() {
      return dropped
    },
    add({ at, event }) {
      if (event.type === 'record') {
        encrypted[event.direction] = event.encrypted
        if (event.contentType !== 'application_data') return undefined
        const last = rungs.at(-1)
        if (last?.kind === 'data' && last.direction === event.direction) {
          const rung = { ...last, ...gathered(last, event.length) }
          rungs[rungs.length - 1] = rung
          return { rung, at: rungs.length - 1 }
        }
        const first = {
          ...blank(at, 'data'),
          direction: event.direction,
          title: 'application data',
          encrypted: true,
        }
        return put({ ...first, ...gathered(undefined, event.length) })
      }
      const rung = rungOf(at, event, encrypted)
      return rung === undefined ? undefined : put(rung)
    },
  }
}

/** `encrypted_extensions` as the RFC writes it: EncryptedExtensions. */
export function messageName(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function rungOf(at: number, event: TraceEvent, encrypted: Record<Direction, boolean>): Rung | undefined {
  switch (event.type) {
    case 'message':
      return {
        ...blank(at, 'message'),
        direction: event.direction,
        title: messageName(event.name),
        detail: `${event.bytes.length} B`,
        encrypted: encrypted[event.direction],
        message: { name: messageName(event.name), bytes: event.bytes, spans: event.spans },
      }
    case 'alert':
      return {
        ...blank(at, 'alert'),
        direction: event.direction,
        title: `alert ${event.alert}`,
        detail: event.fatal ? 'fatal' : '',
        encrypted: encrypted[event.direction],
      }
    case 'check':
      return {
        ...blank(at, 'check'),
        title: checkTitle(event.name),
        detail: checkDetail(event.name, event.facts),
      }
    case 'step':
      return stepRung(at, event.name, event.facts)
    case 'state':
      if (event.state === 'error')
        return { ...blank(at, 'state'), title: 'ended by an error', detail: event.code ?? '' }
      return event.state === 'closed' ? { ...blank(at, 'state'), title: 'closed' } : undefined
    default:
      return undefined
  }
}

type Facts = Readonly<Record<string, string | number | boolean>>

const checkTitles: Readonly<Record<string, string>> = {
  alpn: 'protocol agreed',
  chain: 'certificate chain verified',
  signature: 'key possession proved',
  finished: 'handshake untampered',
  pin: 'pinned key found',
}

function checkTitle(name: string): string {
  return checkTitles[name] ?? name
}

function checkDetail(name: string, facts: Facts): string {
  if (name === 'chain') return facts.verified ? `${facts.length} certificates` : 'NOT verified'
  return Object.values(facts).join(', ')
}

function stepRung(at: number, name: string, facts: Facts): Rung | undefined {
  const step = blank(at, 'step')
  if (name === 'websocket') return { ...step, title: 'WebSocket', detail: String(facts.host ?? '') }
  if (name === 'evidence') return { ...step, title: 'upgrade', detail: String(facts.sentence ?? '') }
  if (name === 'retry') return { ...step, title: 'retry', detail: Object.values(facts).join(', ') }
  return undefined
}

function blank(at: number, kind: Rung['kind']): Rung {
  return { kind, at, direction: undefined, title: '', detail: '', encrypted: false }
}

/** The detail of a data rung with one record more. */
function gathered(last: Rung | undefined, length: number): { detail: string } & Partial<Rung> {
  const [, records = '0', bytes = '0'] = /^(\d+) records?, (\d+) B$/.exec(last?.detail ?? '') ?? []
  const count = Number(records) + 1
  return { detail: `${count} record${count === 1 ? '' : 's'}, ${Number(bytes) + length} B` }
}
