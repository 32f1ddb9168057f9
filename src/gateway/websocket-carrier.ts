// Inner TLS in binary WebSocket messages (RFC 6455). Message boundaries mean nothing. Reading stops when nobody takes
// the bytes, writing when the socket does not take them; pings find out whether the peer still lives.
import type { RawData, WebSocket } from 'ws'
import { failure } from '../errors-node.js'
import { Carrier, type Goodbye, goodbye } from './carrier.js'

export interface WebSocketCarrierOptions {
  readonly buffer: number
  readonly linger: number
  /** Pings, stray pongs and empty messages that a client may send between two pings of ours. */
  readonly pings: number
  /** Bytes that ever came on the socket below: a long message is a sign of life before it is whole. */
  readonly bytesRead: () => number
}

/** Messages go out in pieces that every peer and middlebox takes. */
const maxMessage = 64 * 1024

/** What Teleport's servers say in a ping; peers only echo it. */
const pingPayload = 'teleport'

/** What `ws` calls a message over the limit, one of 2^53 bytes and more, and one in too many pieces. */
const tooLarge: readonly string[] = [
  'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  'WS_ERR_TOO_MANY_BUFFERED_PARTS',
]

/** Pings without a sign of life until the peer counts as dead. */
const maxSilentPings = 2

export class WebSocketCarrier extends Carrier {
  readonly #ws: WebSocket
  readonly #options: WebSocketCarrierOptions
  #silentPings = 0
  #writing = false
  #ponging = false
  #idle = 0
  #bytesSeen = 0

  constructor(ws: WebSocket, options: WebSocketCarrierOptions) {
    super(options, new Promise((resolve) => ws.once('close', () => resolve())))
    this.#ws = ws
    this.#options = options
    ws.on('message', (data, isBinary) => this.#receive(data, isBinary))
    ws.on('pong', () => this.#heardNothing())
    ws.on('ping', (data) => this.#answer(data))
    ws.on('error', (cause) => this.destroy(wsFailure(cause)))
    // Whatever the code: whether the stream is complete, the inner close_notify says.
    ws.once('close', () => this.push(null))
  }

  override ping(): void {
    const ws = this.#ws
    if (ws.readyState !== ws.OPEN) return
    this.#idle = 0
    const bytes = this.#options.bytesRead()
    if (bytes !== this.#bytesSeen) this.#silentPings = 0
    this.#bytesSeen = bytes
    // While reading is paused a pong cannot be seen; while a write is pending the path is not idle.
    if (ws.isPaused || this.#writing) {
      this.#silentPings = 0
      return
    }
    if (this.#silentPings >= maxSilentPings) {
      this.destroy(failure('ERR_PING_TIMEOUT', `${maxSilentPings} pings unanswered`))
      this.cut()
      return
    }
    this.#silentPings++
    ws.ping(pingPayload)
  }

  override cut(): void {
    this.#ws.terminate()
  }

  protected override sayGoodbye(reason: Goodbye, word: string): void {
    this.#ws.close(reason, word)
    // The peer's Close may stand behind messages that nobody will read any more.
    this.#ws.resume()
  }

  override _read(): void {
    if (this.#ws.isPaused) this.#ws.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this._writev([{ chunk }], callback)
  }

  override _writev(chunks: ReadonlyArray<{ chunk: Buffer }>, callback: (error?: Error | null) => void): void {
    if (this.#ws.readyState !== this.#ws.OPEN) {
      callback(failure('ERR_STREAM_RESET', 'the client has closed the outer connection'))
      return
    }
    this.#writing = true
    const messages = gather(chunks.map(({ chunk }) => chunk))
    const last = messages.length - 1
    const written = (error?: Error | null) => {
      this.#writing = false
      callback(error)
    }
    // The last callback comes when the socket has taken all of them.
    for (const [i, message] of messages.entries()) this.#ws.send(message, i === last ? written : undefined)
  }

  #receive(data: RawData, isBinary: boolean): void {
    if ((data as Buffer).length === 0) this.#heardNothing()
    if (this.hungUp) return
    if (!isBinary) {
      this.hangUp(goodbye.notAllowed)
      this.destroy(failure('ERR_WS_TEXT'))
      return
    }
    if (!this.push(data as Buffer)) this.#ws.pause()
  }

  // RFC 6455 §5.5.3: only the most recent ping needs a pong, so a client that does not read makes no queue of them.
  #answer(payload: Buffer): void {
    this.#heardNothing()
    if (this.#ponging || this.#ws.readyState !== this.#ws.OPEN) return
    this.#ponging = true
    this.#ws.pong(payload, false, () => {
      this.#ponging = false
    })
  }

  #heardNothing(): void {
    if (++this.#idle <= this.#options.pings || this.hungUp) return
    this.hangUp(goodbye.policy, 'too many pings')
    this.destroy(failure('ERR_GATEWAY_LIMIT', 'limits.pings'))
  }
}

/** The same bytes in as few messages as `maxMessage` allows. */
function gather(chunks: readonly Buffer[]): Buffer[] {
  if (chunks.length === 1 && chunks[0]!.length <= maxMessage) return [chunks[0]!]
  const all = Buffer.concat(chunks)
  const messages: Buffer[] = []
  for (let at = 0; at < all.length; at += maxMessage) messages.push(all.subarray(at, at + maxMessage))
  return messages
}

function wsFailure(cause: Error & { readonly code?: string }): Error {
  if (tooLarge.includes(cause.code ?? '')) {
    return failure('ERR_WS_TOO_LARGE', undefined, { cause })
  }
  if (cause.code?.startsWith('WS_ERR_') === true) return failure('ERR_WS_PROTOCOL', cause.code, { cause })
  return failure('ERR_STREAM_RESET', undefined, { cause })
}
