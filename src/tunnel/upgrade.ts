// The HTTP connection upgrade as a layer: one request, one answer, then bytes pass untouched. Nothing goes down before
// the 101 (Caddy loses such bytes), and what follows the 101 in the same chunk rises. RFC 9110 §7.8, RFC 6455 §4.
import { type Bytes, base64, equalConstantTime, latin1 } from '../bytes/index.js'
import type { CryptoProvider, Hash } from '../crypto/provider.js'
import { failure, loaded } from '../errors.js'
import type { Layer, Sink } from '../layer.js'
import { fieldTokens, fieldValues, httpHeadParser, type ResponseHead, serverOf } from './http-head.js'
import { type RequestOptions, type UpgradeProtocol, upgradeRequest } from './upgrade-request.js'

export interface UpgradeOptions extends RequestOptions {
  readonly crypto: Pick<CryptoProvider, 'random'>
  readonly limits?: {
    /** Bytes of response head, interim responses included; default 64 KiB. */
    readonly httpHead?: number
    /** Interim (1xx) responses before the final one; default 8. */
    readonly interim?: number
  }
}

export interface UpgradeInfo {
  readonly status: 101
  /** How bytes travel from here on: which layer belongs above this one. */
  readonly framing: 'websocket' | 'ping' | 'raw'
  /** The WebSocket subprotocol, when framing is `websocket`. */
  readonly subprotocol?: string
  /** Who answered, by its Server and Via headers. */
  readonly server?: string
}

/**
 * Ask for one connection upgrade and open when it is granted. Throws ERR_CONFIG_INVALID at once for unusable options;
 * the layer fails with ERR_UPGRADE_*, whose `evidence` holds status line, server headers and the start of the body.
 */
export function upgrade(options: UpgradeOptions): Layer<UpgradeInfo> {
  const request = upgradeRequest(options)
  const parser = httpHeadParser({
    bytes: options.limits?.httpHead ?? 64 * 1024,
    interim: options.limits?.interim ?? 8,
  })
  let accept: Promise<Bytes> | undefined
  let hide = (text: string) => text
  let opened = false

  async function answered(head: ResponseHead, rest: Uint8Array, sink: Sink<UpgradeInfo>): Promise<void> {
    // What shows an answer and what says why it is none is loaded when it is asked for.
    if (!sink.unwatched || head.status !== 101) {
      const { refusal, shownHead } = await loaded(import('./upgrade-refusal.js'))
      sink.trace({ type: 'http', direction: 'received', head: hide(shownHead(head)) })
      if (head.status !== 101) throw refusal(head, rest, hide)
    }
    const info = switched(head, await accept, options, hide)
    opened = true
    sink.open(info)
    if (rest.length > 0) sink.up(rest)
  }

  return {
    name: 'upgrade',
    start(sink) {
      // RFC 6455 §4.1: a nonce of 16 random bytes, fresh for each connection.
      const key = base64(options.crypto.random(16))
      if (options.protocol === 'websocket') {
        accept = acceptOf(key)
        // Whoever waits for it hears of a failure.
        accept.catch(() => {})
      }
      const { head, shown, hide: hideOurs } = request(key)
      hide = hideOurs
      sink.trace({ type: 'http', direction: 'sent', head: shown })
      sink.down(latin1(head))
    },
    receive(chunk, sink) {
      if (opened) return sink.up(chunk)
      const answer = parser.feed(chunk)
      return answer && answered(answer.head, answer.rest, sink)
    },
    eof(cause, sink) {
      if (!opened) throw failure('ERR_UPGRADE_EOF', `after ${parser.size()} bytes of its head`, { cause })
      sink.eof(cause)
    },
    send(chunk, sink) {
      if (!opened) throw failure('ERR_INTERNAL', 'sent before the answer')
      sink.down(chunk)
    },
    end(sink) {
      sink.finish()
    },
  }
}

const framings: Readonly<Record<UpgradeProtocol, UpgradeInfo['framing']>> = {
  websocket: 'websocket',
  'alpn-ping': 'ping',
  alpn: 'raw',
}

/** RFC 6455 §1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** What a peer makes of the key of a request that it read. SHA-1 is loaded while the answer is on its way. */
async function acceptOf(key: string): Promise<Bytes> {
  sha1 ??= (await loaded(import('../crypto/sha1.js'))).sha1
  return latin1(base64(sha1.digest(latin1(key + ACCEPT_GUID))))
}

let sha1: Hash | undefined

/** Check that a 101 grants what was asked; `expected` is its Sec-WebSocket-Accept. */
function switched(
  head: ResponseHead,
  expected: Bytes | undefined,
  options: UpgradeOptions,
  hide: (text: string) => string,
): UpgradeInfo {
  const { protocol } = options
  const tokens = fieldTokens(head, 'upgrade')
  // RFC 9110 §7.8: a 101 names what it switched to; a list with anything else in it is another protocol stack.
  if (tokens.length === 0 || tokens.some((token) => token !== protocol))
    throw failure('ERR_UPGRADE_MISMATCH', `${protocol} was asked for and not named by Upgrade`)
  const server = serverOf(head)
  const granted = { status: 101, framing: framings[protocol], server: server && hide(server) } as const
  // Some load balancers drop `Connection` from a 101 that is not a WebSocket's: tolerated there.
  if (protocol !== 'websocket') return granted

  // RFC 6455 §4.1: Connection must hold the token Upgrade.
  if (!fieldTokens(head, 'connection').includes('upgrade'))
    throw failure('ERR_UPGRADE_MISMATCH', 'Connection does not say Upgrade')
  // RFC 6455 §4.1: Accept proves that the peer read this request and speaks WebSocket; exactly one (§11.3.3).
  const accepts = fieldValues(head, 'sec-websocket-accept')
  if (accepts.length !== 1 || !equalConstantTime(latin1(accepts[0]!), expected!))
    throw failure('ERR_UPGRADE_MISMATCH', 'Sec-WebSocket-Accept is missing or wrong')
  // RFC 6455 §4.1: an extension that was not offered fails the connection, and none was.
  if (fieldTokens(head, 'sec-websocket-extensions').length > 0)
    throw failure('ERR_UPGRADE_MISMATCH', 'Sec-WebSocket-Extensions names an extension')
  // RFC 6455 §4.1: the subprotocol must be one that was offered; without one Teleport closes at once.
  const subprotocol = options.subprotocol ?? 'alpn-ping'
  const chosen = fieldValues(head, 'sec-websocket-protocol')
  if (chosen.length !== 1 || chosen[0] !== subprotocol)
    throw failure('ERR_UPGRADE_SUBPROTOCOL', `${subprotocol} was offered`)
  return { subprotocol, ...granted }
}
