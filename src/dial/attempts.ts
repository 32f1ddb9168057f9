// Several ways, one after the other: each on a fresh connection, each traced, the next only after a refusal that it can
// better. The two kinds of way, upgraded and direct, are put together here from attempt.ts.
import { asTunnelError, type TunnelError } from '../errors.js'
import { climb, type Opened, openOuter, openWire, standOn } from './attempt.js'
import type { Mode, UpgradeMode } from './plan.js'
import { movesOn, refusalOf } from './plan.js'
import { retold } from './retold.js'
import type { Reached } from './run.js'
import { observe, step } from './run.js'
import type { TcpRun } from './tcp-run.js'

/** A plan that is fixed: what was asked for, or what needs no asking. */
export async function reachFixed(
  run: TcpRun,
  attempts: readonly Mode[],
  automatically: boolean,
): Promise<Reached> {
  return inOrder(run, attempts, automatically, async (mode) => {
    return mode === 'direct' ? reachDirect(run) : climb(run, await openForUpgrade(run), mode)
  })
}

/** Upgrades in order, the first of them on `opened` if it is given. */
export async function climbInOrder(
  run: TcpRun,
  upgrades: readonly UpgradeMode[],
  automatically: boolean,
  opened?: Opened,
): Promise<Reached> {
  let first = opened
  return inOrder(run, upgrades, automatically, async (mode) => {
    const base = first ?? (await openForUpgrade(run))
    first = undefined
    return climb(run, base, mode)
  })
}

/** The first attempt that succeeds, or what is to be said about all that did not. */
export async function inOrder<M extends Mode, T>(
  run: TcpRun,
  attempts: readonly M[],
  automatically: boolean,
  act: (mode: M) => Promise<T>,
): Promise<T> {
  const failures: Array<{ mode: Mode; error: TunnelError }> = []
  for (const mode of attempts) {
    step(run, 'attempt', { mode, attempt: failures.length + 1 })
    try {
      return await act(mode)
    } catch (thrown) {
      const error = asTunnelError(thrown)
      failures.push({ mode, error })
      if (!movesOn(error, mode, automatically)) throw withEarlier(failures, error)
      observe(run, `${mode} was refused: ${error.message}`)
    }
  }
  throw refusalOf(failures)
}

/** TCP and, for https, a TLS that offers no application protocol: what every load balancer takes. */
export async function openForUpgrade(run: TcpRun): Promise<Opened> {
  const { dialTls } = run.tcp
  const connection = await openWire(run, dialTls)
  if (!run.settings.origin.secure || dialTls !== undefined) return { connection, outer: undefined }
  return openOuter(run, connection, {
    alpn: [],
    serverName: run.settings.origin.address.host,
    required: false,
    isOurs: () => false,
  })
}

/** Directly, as asked for: our ALPN must be selected, and the inner server name goes into the hello. */
export async function reachDirect(run: TcpRun): Promise<Reached> {
  const { alpn, serverName } = run.settings
  const connection = await openWire(run)
  const opened = await openOuter(run, connection, {
    alpn,
    serverName,
    required: true,
    isOurs: (selected) => selected !== undefined && alpn.includes(selected),
  })
  return standOn(run, opened)
}

function withEarlier(
  failures: ReadonlyArray<{ mode: Mode; error: TunnelError }>,
  last: TunnelError,
): TunnelError {
  if (failures.length < 2) return last
  const evidence = failures.slice(0, -1).map(({ mode, error }) => `${mode}: ${error.message}`)
  return retold(last, { evidence: [...evidence, ...last.evidence] })
}
