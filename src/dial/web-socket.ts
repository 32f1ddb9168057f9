// The way of runtimes without raw TCP: their own WebSocket does TLS, upgrade and framing; ours is the inner TLS alone. ALPN
// cannot be seen from there, so it upgrades always, which works without a load balancer too.
import { failure } from '../errors.js'
import { checkedFields, checkedPath } from '../tunnel/upgrade-request.js'
import { connectionOver, enter, headersFor, orDestroy, upgradeUrl } from './inner.js'
import { requireSecureForDirect } from './plan.js'
import type { Reach } from './reach.js'
import { observe, type Reached, type Run, step, timed } from './run.js'
import { headerList, type Settings } from './settings.js'

/** Throws ERR_CONFIG_INVALID for what no upgrade request could carry. */
export const overWebSocket: Reach = ({ settings }) => {
  const { path, headers } = settings
  because(settings)
  checkedPath(path)
  if (typeof headers === 'object') checkedFields(headerList(headers))
  return {
    check: (settings) => void because(settings),
    async begin(run) {
      const sentence = because(run.settings)
      return {
        reach() {
          observe(run, sentence)
          return climbRuntimeWebSocket(run)
        },
        async classify() {
          observe(run, sentence)
          return { verdict: 'upgrade', outer: undefined, roundTrips: 0 }
        },
      }
    },
  }
}

/** The evidence, in a sentence. Throws ERR_UNSUPPORTED_PLATFORM unless a WebSocket is among the modes. */
function because(settings: Settings): string {
  const { mode } = settings
  if (mode === 'auto') return 'this runtime cannot see ALPN: always upgrade'
  requireSecureForDirect(settings)
  const named = `mode ${mode.join(', ')}`
  if (!mode.includes('websocket'))
    throw failure('ERR_UNSUPPORTED_PLATFORM', `${named} needs raw TCP; use 'websocket'`)
  return `${named} was asked for`
}

async function climbRuntimeWebSocket(run: Run): Promise<Reached> {
  const { platform, settings } = run
  const { connect, handshake, upgrade } = settings.timeouts
  step(run, 'attempt', { mode: 'websocket', attempt: 1 })
  const unable = (what: string) => failure('ERR_UNSUPPORTED_PLATFORM', `${platform.name} ${what}`)
  const dial = platform.dialWebSocket?.bind(platform)
  if (dial === undefined) throw unable('opens no transport')
  if (settings.host !== settings.origin.authority) throw unable('sets the Host header itself')
  if (settings.compat.length > 0) throw unable('frames by itself: `compat` has no effect')
  // One deadline for what cannot be told apart from here. 0 stands for no limit, in one part and so for the whole.
  const milliseconds = connect && handshake && upgrade && connect + handshake + upgrade
  run.connections++
  const wire = await timed(
    run,
    'tcp',
    { milliseconds, phase: 'upgrade' },
    async (signal) => {
      const headers = checkedFields(await headersFor(run, 'websocket'))
      step(run, 'websocket', { host: settings.host, connection: run.connections })
      return dial(upgradeUrl(run, 'ws'), ['alpn-ping'], {
        signal,
        trace: (name, facts) => step(run, name, facts),
        ...(headers.length > 0 && { headers }),
      })
    },
    (late) => late.destroy(),
  )
  const connection = connectionOver(run, wire)
  return orDestroy(connection, async () => {
    if (wire.subprotocol !== 'alpn-ping')
      throw failure('ERR_UPGRADE_SUBPROTOCOL', `'${wire.subprotocol}' for the offered alpn-ping`)
    return enter(run, connection, 'websocket')
  })
}
