// Raw TCP where it opens, the runtime's WebSocket where it does not: for runtimes that have both and refuse the first for
// some addresses. The layers that raw TCP needs are loaded with the first dial, so that nobody carries them who does
// without.
import { loaded } from '../errors.js'
import { checkedFields, checkedHost, checkedPath } from '../tunnel/upgrade-request.js'
import type { VerdictCache } from './cache.js'
import { requireSecureForDirect } from './plan.js'
import type { Reach, Site, Way } from './reach.js'
import { headerList, type Settings } from './settings.js'
import { overWebSocketLater } from './web-socket.js'

/** As `overTcp`, loaded when it is first needed. What it could refuse at once is refused at once: ERR_CONFIG_INVALID. */
export const overTcpLater: Reach = (site) => {
  const { headers, host, path, compat } = site.settings
  requireSecureForDirect(site.settings)
  checkedPath(path)
  checkedHost(host)
  if (typeof headers === 'object') checkedFields(headerList(headers), compat.includes('teleport-header'))
  let way: Way | undefined
  return {
    check: requireSecureForDirect,
    async begin(run) {
      way ??= (await loaded(import('./tcp.js'))).overTcp(site)
      return way.begin(run)
    },
  }
}

/** Raw TCP, and the WebSocket for origins where it does not open. `refused` remembers these; its keys are origins. */
export function overTcpFirst(refused: VerdictCache): Reach {
  return (site) => {
    const first = overTcpLater(site)
    return {
      check: first.check,
      async begin(run) {
        const tcp = await first.begin(run)
        if (!mayFallBack(site, run.settings)) return tcp
        const { firstOf } = await loaded(import('./fall-back.js'))
        const ways = { tcp, webSocket: await overWebSocketLater(site).begin(run), refused }
        return {
          reach: () => firstOf(run, ways, (approach) => approach.reach()),
          classify: () => firstOf(run, ways, (approach) => approach.classify()),
        }
      },
    }
  }
}

// Who named the signer of the origin, another Host or a quirk of framing asked for what the runtime's WebSocket cannot do:
// leaving that out would be another connection than the one asked for.
function mayFallBack({ originTrust }: Site, { origin, host, compat, mode }: Settings): boolean {
  const trusted = originTrust === undefined || !origin.secure
  return (
    trusted &&
    host === origin.authority &&
    compat.length === 0 &&
    (mode === 'auto' || mode.includes('websocket'))
  )
}
