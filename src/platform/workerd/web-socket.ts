// A WebSocket by fetch(), as workers open them: unlike a page they may set headers, and they see the answer. The types
// of this runtime are declared here by shape, so that nobody needs its type package.
import { asTunnelError, failure, loaded } from '../../errors.js'
import type { Platform } from '../platform.js'
import { type WebSocketLike, webSocketWire } from '../web-socket.js'

/** The client end that a 101 brings; it is silent until accepted. */
interface WorkerWebSocket extends WebSocketLike {
  accept(): void
}

type UpgradedResponse = Response & { readonly webSocket?: WorkerWebSocket | null }

/** As `Platform.dialWebSocket`. Throws ERR_UPGRADE_* for any answer but 101, ERR_DIAL_FAILED when there is none. */
export const dialWebSocket: NonNullable<Platform['dialWebSocket']> = async (url, subprotocols, options) => {
  const response = await request(url, subprotocols, options)
  const { webSocket } = response
  if (response.status !== 101 || webSocket === undefined || webSocket === null) {
    throw await refused(response, url, options.headers)
  }
  const wire = webSocketWire(webSocket, response.headers.get('sec-websocket-protocol') ?? '')
  webSocket.accept()
  return wire
}

async function request(
  url: string,
  subprotocols: readonly string[],
  options: Parameters<NonNullable<Platform['dialWebSocket']>>[2],
): Promise<UpgradedResponse> {
  const headers = new Headers(options.headers?.map(([name, value]) => [name, value]) ?? [])
  headers.set('Upgrade', 'websocket')
  headers.set('Sec-WebSocket-Protocol', subprotocols.join(', '))
  try {
    // fetch() of this runtime upgrades http(s) URLs and knows no ws(s) ones.
    return await fetch(url.replace(/^ws/, 'http'), { headers, redirect: 'manual', signal: options.signal })
  } catch (thrown) {
    if (options.signal.aborted) throw options.signal.reason
    throw asTunnelError(thrown, 'ERR_DIAL_FAILED')
  }
}

async function refused(
  response: Response,
  url: string,
  headers: ReadonlyArray<readonly [string, string]> = [],
): Promise<Error> {
  if (response.status === 101) return failure('ERR_UPGRADE_MISMATCH', 'the 101 brought no WebSocket')
  const statusLine = `HTTP/1.1 ${response.status} ${response.statusText}`
  const fields = [...response.headers].map(([name, value]) => [name, value] as const)
  await response.body?.cancel()
  const { refusal, hiding } = await loaded(import('../../tunnel/upgrade-refusal.js'))
  const hide = hiding([url.replace(/^[^?]*/, ''), ...headers.map(([, value]) => value)])
  return refusal({ minor: 1, status: response.status, statusLine, fields }, new Uint8Array(0), hide)
}
