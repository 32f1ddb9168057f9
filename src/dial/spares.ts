// Connections upgraded in advance, to hide the round trips before the inner handshake. A spare is TCP, outer TLS, the upgrade
// and its framing, and nothing above: no identity was shown, no service was reached. It is used once or thrown away: servers
// wait some 15 s for the ClientHello, so a spare lives less, and is replaced only while tunnels are being asked for.
import { asTunnelError, type ErrorCode, type TunnelError } from '../errors.js'
import type { Connection } from '../stream/index.js'
import { type Timer, timerAfter } from '../stream/timer.js'
import type { TlsInfo } from '../tls/index.js'
import { askUpgrade, webSocketLayer } from './attempt.js'
import { openForUpgrade } from './attempts.js'
import { enter, orDestroy, pingLayer, pushFraming } from './inner.js'
import type { UpgradeMode } from './plan.js'
import type { Reach } from './reach.js'
import { observe, type Reached, type Run, step } from './run.js'
import type { TcpRun } from './tcp-run.js'

export interface SpareOptions {
  /** How many are kept ready. */
  readonly count: number
  /** Milliseconds that a spare lives. Default 8 000: Teleport drops a silent tunnel after 15 s, before version 12 after 5 s. */
  readonly maxAge?: number
  /** Milliseconds after the last connect() for which spares are still replaced. Default 300 000. */
  readonly idleAfter?: number
}

const defaultMaxAge = 8_000
const defaultIdleAfter = 300_000
/** Between attempts that fail. */
const firstPause = 1_000
const longestPause = 30_000

interface Spare {
  readonly connection: Connection
  readonly framing: Reached['framing']
  readonly outer: TlsInfo | undefined
  readonly since: number
  readonly end: Timer
}

const modeOfFraming: Partial<Record<Reached['framing'], UpgradeMode>> = {
  websocket: 'websocket',
  ping: 'alpn-ping',
  raw: 'alpn',
}

/** The same way over raw TCP, with spares once it is known that and how the origin wants to be upgraded. */
export function withSpares(reach: Reach, options: SpareOptions): Reach {
  const { count, maxAge = defaultMaxAge, idleAfter = defaultIdleAfter } = options
  return (site) => {
    const way = reach(site)
    const ready: Spare[] = []
    let making = 0
    let used = 0
    let pause = 0
    let template: { readonly run: TcpRun; readonly mode: UpgradeMode } | undefined
    let retry: Timer | undefined
    let watched = false

    function take(): Spare | undefined {
      const spare = ready.shift()
      spare?.end.cancel()
      return spare
    }

    function drop(spare: Spare): void {
      const at = ready.indexOf(spare)
      if (at < 0) return
      ready.splice(at, 1)
      spare.end.cancel()
      spare.connection.destroy()
    }

    function refill(): void {
      if (template === undefined || retry !== undefined) return
      while (ready.length + making < count && site.clock() - used < idleAfter) {
        making++
        void make(template.run, template.mode)
      }
    }

    async function make(run: TcpRun, mode: UpgradeMode): Promise<void> {
      try {
        const { connection, outer } = await openForUpgrade(run)
        const framing = await askUpgrade(run, connection, mode)
        await orDestroy(connection, async () => {
          if (framing === 'websocket') await pushFraming(run, connection, webSocketLayer(run))
          if (framing === 'ping') await pushFraming(run, connection, await pingLayer(run))
        })
        making--
        pause = 0
        if (run.signals.some((signal) => signal?.aborted)) return connection.destroy()
        keep(connection, framing, outer)
        step(run, 'spare', { ready: ready.length })
      } catch (thrown) {
        making--
        const { code } = asTunnelError(thrown)
        pause = Math.min(Math.max(firstPause, pause * 2), longestPause)
        step(run, 'spare-failed', { code, pause })
        if (code === 'ERR_ABORTED') return
        retry ??= timerAfter(pause, () => {
          retry = undefined
          refill()
        })
      }
    }

    function keep(connection: Connection, framing: Reached['framing'], outer: TlsInfo | undefined): void {
      // Waiting for nothing must not keep a process alive.
      connection.wire().ref?.(false)
      const spare: Spare = {
        connection,
        framing,
        outer,
        since: site.clock(),
        end: timerAfter(maxAge, () => {
          drop(spare)
          refill()
        }),
      }
      ready.push(spare)
      const gone = () => drop(spare)
      connection.closed.then(gone, gone)
    }

    /** What later spares are made with: the dialer's own settings, none of one connect(). */
    function learn(run: TcpRun, reached: Reached): void {
      const mode = reached.verdict === 'upgrade' ? modeOfFraming[reached.framing] : undefined
      if (mode === undefined) {
        template = undefined
        for (const spare of [...ready]) drop(spare)
        return
      }
      // The dialer's and its caller's signals come first, that of the connect() last (dialer.ts).
      const signals = run.signals.slice(0, -1)
      template = {
        mode,
        run: {
          ...run,
          settings: site.settings,
          identity: undefined,
          signals,
          clock: site.clock,
          trace: site.settings.trace,
          timings: { total: 0 },
          evidence: [],
          connections: 0,
          requests: 0,
        },
      }
      if (watched) return
      watched = true
      const end = () => {
        template = undefined
        retry?.cancel()
        for (const spare of [...ready]) drop(spare)
        // The caller's may outlive the dialer.
        for (const signal of signals) signal?.removeEventListener('abort', end)
      }
      for (const signal of signals) signal?.addEventListener('abort', end)
    }

    async function useSpare(run: Run): Promise<Reached | undefined> {
      const spare = take()
      if (spare === undefined) return undefined
      const { connection, framing, outer } = spare
      connection.wire().ref?.(true)
      observe(run, `used a spare connection, upgraded ${Math.round(site.clock() - spare.since)} ms before`)
      try {
        return await orDestroy(connection, () => enter(run, connection, framing, outer))
      } catch (thrown) {
        const error = asTunnelError(thrown)
        if (!mayBeStale(error)) throw error
        observe(run, `the spare connection was gone (${error.code})`)
        return undefined
      }
    }

    return {
      check: way.check,
      async begin(run) {
        const approach = await way.begin(run)
        // Only raw TCP can be prepared, and only what the dialer itself was told.
        if (!('tcp' in run) || run.settings.mode !== site.settings.mode) return approach
        return {
          classify: approach.classify,
          async reach() {
            const reached = (await useSpare(run)) ?? (await approach.reach())
            used = site.clock()
            learn(run as TcpRun, reached)
            refill()
            return reached
          },
        }
      },
    }
  }
}

const stale: ReadonlySet<ErrorCode> = new Set([
  'ERR_TLS_HANDSHAKE_EOF',
  'ERR_STREAM_RESET',
  'ERR_STREAM_CLOSED',
  'ERR_WS_ABNORMAL',
  'ERR_WS_CLOSED',
  'ERR_WS_GOING_AWAY',
  'ERR_WS_SERVER_ERROR',
  'ERR_TLS_TRUNCATED',
  'ERR_PING_TRUNCATED',
])

/** The path ended between the upgrade and now: a fresh one may be well. What the inner server says counts as it is. */
function mayBeStale(error: TunnelError): boolean {
  return stale.has(error.code)
}
