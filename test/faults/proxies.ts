// Sampled faults through a real load balancer: a relay that breaks connections, in front of it or behind it, and the gateway at
// the end. What has to hold is what has to hold in memory.
import { concat } from '../../src/bytes/index.js'
import { TunnelError } from '../../src/errors.js'
import type { Mode } from '../../src/index.js'
import type { LoadBalancerOptions, ServerProcess } from '../support/servers/index.js'
import { startEcho } from '../support/services.js'
import { createStage, type Stage } from '../support/stage.js'
import { sample } from '../support/traffic.js'
import { type Chaos, type ChaosRelay, startChaosRelay } from './chaos-relay.js'

export interface ProxyCase {
  readonly place: 'in front' | 'behind'
  readonly mode: Exclude<Mode, 'direct'>
  readonly chaos: Chaos
}

export interface ProxyResult extends ProxyCase {
  /** `whole`, or the code. */
  readonly end: string
  readonly violation: string | undefined
}

const data = sample(30_000)
const kinds = ['fin', 'rst', 'silence', 'slow', 'bytes'] as const
const offsets = [0, 150, 400, 900, 1700, 2600, 4100, 9000, 21_000, 33_000]

/** Every place, mode, kind and direction, at an offset of the list. */
export function proxyCases(): ProxyCase[] {
  const cases: ProxyCase[] = []
  for (const place of ['in front', 'behind'] as const)
    for (const mode of ['websocket', 'alpn-ping', 'alpn'] as const)
      for (const direction of ['up', 'down'] as const)
        for (const kind of kinds)
          cases.push({
            place,
            mode,
            chaos: { kind, direction, at: offsets[(cases.length * 7) % offsets.length]! },
          })
  return cases
}

export async function runProxies(
  start: (options: LoadBalancerOptions) => Promise<ServerProcess>,
  cases: readonly ProxyCase[],
): Promise<ProxyResult[]> {
  const none = { kind: 'none', direction: 'up', at: 0 } as const
  const echo = await startEcho()
  const stage = await createStage({ echo: echo.port })
  const behind = await startChaosRelay(stage.upgradePort, none)
  const balancer = await start({ upstreamPort: behind.port, certificate: stage.lbCertificate })
  const inFront = await startChaosRelay(balancer.port, none)
  const results: ProxyResult[] = []
  try {
    for (const one of cases) {
      behind.chaos = one.place === 'behind' ? one.chaos : none
      inFront.chaos = one.place === 'in front' ? one.chaos : none
      results.push({ ...one, ...(await exchange(stage, inFront, one)) })
    }
  } finally {
    await Promise.all([inFront.stop(), behind.stop(), balancer.stop()])
    await stage[Symbol.asyncDispose]()
    await echo.stop()
  }
  return results
}

async function exchange(
  stage: Stage,
  relay: ChaosRelay,
  { mode, chaos }: ProxyCase,
): Promise<Pick<ProxyResult, 'end' | 'violation'>> {
  const silent = chaos.kind === 'silence'
  const abort = new AbortController()
  const wait = silent ? 500 : 20_000
  const dialer = stage.dialer(relay.port, {
    mode,
    signal: abort.signal,
    timeouts: { connect: wait, upgrade: wait, handshake: wait, linger: silent ? 200 : 3000 },
  })
  const got: Uint8Array[] = []
  let end = 'whole'
  let patience: NodeJS.Timeout | undefined
  try {
    const socket = await dialer.connect({ alpn: ['echo'] })
    socket.closed.catch(() => {})
    patience = setTimeout(() => abort.abort(), wait)
    const writer = socket.writable.getWriter()
    const written = (async () => {
      for (let at = 0; at < data.length; at += 7000) await writer.write(data.slice(at, at + 7000))
      await writer.close()
    })()
    written.catch(() => {})
    for (const reader = socket.readable.getReader(); ; ) {
      const { done, value } = await reader.read()
      if (done) break
      got.push(value)
    }
    await written
    await socket.closed
  } catch (error) {
    end = error instanceof TunnelError ? error.code : `not named: ${String(error)}`
  } finally {
    clearTimeout(patience)
    await dialer.close().catch(() => {})
  }
  return { end, violation: problem(end, chaos, concat(...got)) }
}

function problem(end: string, { kind }: Chaos, received: Uint8Array): string | undefined {
  if (received.length > data.length || received.some((byte, i) => byte !== data[i]))
    return 'what arrived is no prefix of what was sent'
  if (end === 'whole')
    return received.length === data.length ? undefined : `a clean end after ${received.length} bytes`
  if (!/^ERR_/.test(end) || end === 'ERR_INTERNAL') return end
  // Slow is not broken.
  return kind === 'slow' || kind === 'bytes' ? `${end} on a path that is only slow` : undefined
}
