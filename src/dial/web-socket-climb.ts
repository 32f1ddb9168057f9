// One dial over the runtime's own WebSocket: open it, and put the inner TLS on it. Apart from how it is decided on
// (web-socket.ts), so that runtimes with raw TCP load it when they need it.
import { failure } from '../errors.js'
import { checkedFields } from '../tunnel/upgrade-request.js'
import { connectionOver, enter, headersFor, orDestroy, upgradeUrl } from './inner.js'
import type { Reach } from './reach.js'
import { type Reached, type Run, step, timed } from './run.js'
import { overWebSocketBy } from './web-socket.js'

/** For runtimes that have no other way. */
export const overWebSocket: Reach = /* @__PURE__ */ overWebSocketBy(climbWebSocket)

export async function climbWebSocket(run: Run): Promise<Reached> {
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
