// One connection of the page: tunnel, meter, and what runs inside it, from Connect to the end of everything that it began.
// What is seen of it is told to the observer; no element is touched here.
import { counted } from './counted.js'
import type { Filled } from './form.js'
import type { TimedTraceEvent, TunnelInfo } from './library.js'
import { type Meter, meter } from './meter.js'
import { type Service, serviceOf } from './presets.js'
import { type Problem, problemOf } from './problem.js'
import type { Database } from './sql/database.js'
import { QueryFailed } from './sql/query-failed.js'
import type { Bytes } from './sql/stream.js'
import { openTunnel, type Tunnel } from './tunnel.js'

export interface Observer {
  trace(event: TimedTraceEvent): void
  keylog(line: string): void
  /** The tunnel stands. */
  tunnel(info: TunnelInfo, meter: Meter): void
  database(database: Database, cancel: (request: Uint8Array<ArrayBuffer>) => Promise<void>): void
  lines(bytes: Bytes): void
  /** Once, last. */
  ended(problem: Problem | undefined): void
}

export interface Connection {
  readonly service: Service
  /** Ends it as the user wishes. */
  end(): void
  /** Ends it because something inside failed. */
  fail(error: unknown): void
}

export function connect({ destination, login }: Filled, observer: Observer): Connection {
  const cut = new AbortController()
  const service = serviceOf(destination.alpn)
  let tunnel: Tunnel | undefined
  let database: Database | undefined
  let over = false
  /** The user asked for the end: whatever it looks like from inside is none of their concern. */
  let wanted = false

  async function begin(): Promise<void> {
    tunnel = await openTunnel(destination, {
      trace: observer.trace,
      keylog: observer.keylog,
      signal: cut.signal,
    })
    if (over) return tunnel.close()
    const gauge = meter(() => performance.now())
    observer.tunnel(tunnel.socket.info, gauge)
    const bytes = counted(tunnel.socket, gauge)
    tunnel.socket.closed.then(
      () => finish(new Error('Connection terminated')),
      (error) => finish(error),
    )
    if (service === 'lines') return observer.lines(bytes)
    const { logIn } = await import('./sql/database.js')
    database = await logIn(bytes, login, (error) => finish(error))
    if (!over) observer.database(database, cancel)
  }

  /** PostgreSQL takes a cancel request over a connection of its own, and answers by closing it. */
  async function cancel(request: Uint8Array<ArrayBuffer>): Promise<void> {
    const second = await openTunnel(destination, { signal: cut.signal })
    try {
      const writer = second.socket.writable.getWriter()
      await writer.write(request)
      await second.socket.readable.getReader().read()
    } finally {
      await second.close()
    }
  }

  function finish(error: unknown): void {
    if (over) return
    over = true
    cut.abort()
    void tunnel?.close()
    if (error === undefined || wanted) observer.ended(undefined)
    else void problem(error).then(observer.ended)
  }

  begin().catch(finish)
  return {
    service,
    fail: finish,
    end() {
      wanted = true
      if (database === undefined) return finish(undefined)
      // The database is told; whether it listens is no matter.
      const told = database.end().catch(() => {})
      void Promise.race([told, new Promise((resolve) => setTimeout(resolve, 500))]).then(() =>
        finish(undefined),
      )
    },
  }
}

async function problem(error: unknown): Promise<Problem> {
  if (!(error instanceof QueryFailed)) return problemOf(error)
  const { message, sqlstate, hint } = error.problem
  return {
    code: `SQLSTATE ${sqlstate}`,
    blame: 'what you gave, or the database',
    what: message,
    hint: hint ?? 'The tunnel stood; the database did not let this user in, or ended the session.',
    phase: 'service',
  }
}
