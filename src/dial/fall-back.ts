// The second way's turn: tried where the first did not open, remembered as long as it answers. Loaded by tcp-first.ts, which
// decides whether there may be one.
import { asTunnelError, DialError, type TunnelError, UpgradeError } from '../errors.js'
import type { VerdictCache } from './cache.js'
import type { Approach } from './reach.js'
import { retold } from './retold.js'
import { observe, type Run, step } from './run.js'

export interface Ways {
  readonly tcp: Approach
  readonly webSocket: Approach
  readonly refused: VerdictCache
}

/** `act` on the first that opens. */
export async function firstOf<T>(run: Run, ways: Ways, act: (approach: Approach) => Promise<T>): Promise<T> {
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
