// Raw TCP where it opens, the runtime's WebSocket where it does not: for runtimes that have both and refuse the first for
// some addresses. The layers that raw TCP needs are loaded with the first dial, so that nobody carries them who does
// without.
import { asTunnelError, DialError, loaded, type TunnelError, UpgradeError } from '../errors.js'
import { checkedFields, checkedHost, checkedPath } from '../tunnel/upgrade-request.js'
import type { VerdictCache } from './cache.js'
import { requireSecureForDirect } from './plan.js'
import type { Approach, Reach, Site, Way } from './reach.js'
import { retold } from './retold.js'
import { observe, type Run, step } from './run.js'
import { headerList, type Settings } from './settings.js'
import { overWebSocket } from './web-socket.js'

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
        const ways: Ways = { tcp, webSocket: await overWebSocket(site).begin(run), refused }
        return {
          reach: () => firstOf(run, ways, (approach) => approach.reach()),
          classify: () => firstOf(run, ways, (approach) => approach.classify()),
        }
      },
    }
  }
}

interface Ways {
  readonly tcp: Approach
  readonly webSocket: Approach
  readonly refused: VerdictCache
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

async function firstOf<T>(run: Run, ways: Ways, act: (approach: Approach) => Promise<T>): Promise<T> {
  const { tcp, webSocket, refused } = ways
  const { key } = run.settings.origin
  const known = refused.get(key)
  if (known !== undefined) {
    observe(run, `remembered: ${known.evidence.join('; ')}`)
    step(run, 'transport', { transport: 'websocket', remembered: true })
    try {
      return await act(webSocket)
    } catch (thrown) {
      // The next dial asks raw TCP again.
      if (thrown instanceof DialError) refused.drop(key)
      throw thrown
    }
  }
  let error: TunnelError
  try {
    return await act(tcp)
  } catch (thrown) {
    error = asTunnelError(thrown)
    if (!neverOpened(error)) throw error
  }
  const sentence = `raw TCP does not open (${error.message})`
  observe(run, sentence)
  step(run, 'transport', { transport: 'websocket', remembered: false, code: error.code })
  const remember = () => refused.set(key, { verdict: 'upgrade', evidence: [sentence] })
  try {
    const done = await act(webSocket)
    remember()
    return done
  } catch (thrown) {
    const second = asTunnelError(thrown)
    // Something answered, whatever it said.
    if (second instanceof UpgradeError || second.phase === 'handshake') remember()
    // Neither opened: what was asked for first is what is told, if it said anything.
    if (!(second instanceof DialError && error instanceof DialError)) throw second
    throw retold(error, { evidence: [`raw TCP: ${error.message}`, `WebSocket: ${second.message}`] })
  }
}

// Not a timeout: waiting twice helps nobody, and what is refused is refused at once.
function neverOpened(error: TunnelError): boolean {
  return error.phase === 'dial' && (error instanceof DialError || error.code === 'ERR_UNSUPPORTED_PLATFORM')
}
