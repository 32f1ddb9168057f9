// Inner TLS on a socket: raw (`alpn`, and the direct door) or ping-framed (`alpn-ping`). A stream of its own rather than
// the socket itself, because TLS on a socket would send FIN with its close_notify and would not say whether the peer's
// end came with one.
import type { Duplex } from 'node:stream'
import { failure } from '../errors-node.js'
import { Carrier } from './carrier.js'
import { PacketReader, packetHeader, pingPacket } from './ping-framing.js'

export interface SocketCarrierOptions {
  readonly framing: 'raw' | 'ping'
  readonly buffer: number
  readonly linger: number
  /** Bytes a packet may claim. */
  readonly packet: number
  /** Pings that a client may send between two of ours. */
  readonly pings: number
}

/**
 * A client that pings is taken at its word: silent for this many of its own intervals, it is dead. One that never pings
 * (Teleport's never do) may be silent for ever, because the framing has no answer to a ping.
 */
const deadAfterIntervals = 3

export class SocketCarrier extends Carrier {
  readonly #socket: Duplex
  readonly #packets: PacketReader | undefined
  readonly #maxPings: number
  #pingsSeen = 0
  #longestGap = 0
  #lastPing = performance.now()
  #lastTick = performance.now()
  #heard = performance.now()

  constructor(socket: Duplex, options: SocketCarrierOptions) {
    super(options, new Promise((resolve) => socket.once('close', () => resolve())))
    this.#socket = socket
    this.#maxPings = options.pings
    this.#packets = options.framing === 'ping' ? new PacketReader(options.packet) : undefined
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.once('end', () => this.#receiveEnd())
    socket.on('error', (cause) => this.destroy(failure('ERR_STREAM_RESET', undefined, { cause })))
    // A socket that closes without having ended was cut; after its end, what was buffered may still be read.
    socket.once('close', () => {
      if (!socket.readableEnded) this.destroy()
    })
    socket.pause()
  }

  override ping(): void {
    if (this.#packets !== undefined && this.#isDead(this.#packets.pings)) {
      this.destroy(failure('ERR_PING_TIMEOUT', 'the client has stopped pinging'))
      this.cut()
      return
    }
    // Where bytes are waiting, the path is not idle; and pings must not pile up behind them.
    if (this.#packets !== undefined && this.#socket.writable && this.#socket.writableLength === 0) {
      this.#socket.write(pingPacket)
    }
  }

  override cut(): void {
    this.#socket.destroy()
  }

  protected override sayGoodbye(): void {
    this.#socket.end()
    // Read on and drop it: a close with unread bytes would be a reset, and the peer would lose what we said last.
    this.#socket.resume()
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this._writev([{ chunk }], callback)
  }

  override _writev(chunks: ReadonlyArray<{ chunk: Buffer }>, callback: (error?: Error | null) => void): void {
    const socket = this.#socket
    if (!socket.writable) {
      callback(failure('ERR_STREAM_RESET', 'the client has closed the outer connection'))
      return
    }
    socket.cork()
    if (this.#packets !== undefined) {
      socket.write(packetHeader(chunks.reduce((total, { chunk }) => total + chunk.length, 0)))
    }
    const last = chunks.length - 1
    for (let i = 0; i < last; i++) socket.write(chunks[i]!.chunk)
    socket.write(chunks[last]!.chunk, callback)
    socket.uncork()
  }

  #receive(chunk: Buffer): void {
    this.#heard = performance.now()
    if (this.hungUp) return
    let room = true
    try {
      for (const payload of this.#packets?.read(chunk) ?? [chunk]) room = this.push(payload)
    } catch (error) {
      this.destroy(error as Error)
    }
    if (!room) this.#socket.pause()
    this.#countPings()
  }

  #countPings(): void {
    const came = (this.#packets?.pings ?? 0) - this.#pingsSeen
    if (came === 0) return
    this.#longestGap = Math.max(this.#longestGap, this.#heard - this.#lastPing)
    this.#lastPing = this.#heard
    if (came <= this.#maxPings || this.destroyed) return
    this.destroy(failure('ERR_GATEWAY_LIMIT', 'limits.pings'))
  }

  #isDead(pings: number): boolean {
    const now = performance.now()
    const tick = now - this.#lastTick
    this.#lastTick = now
    this.#pingsSeen = pings
    // While reading is paused nothing can be heard.
    if (this.#socket.isPaused()) this.#heard = now
    const interval = Math.max(tick, this.#longestGap)
    return pings > 0 && now - this.#heard > deadAfterIntervals * interval
  }

  #receiveEnd(): void {
    if (this.#packets?.betweenPackets === false) this.destroy(failure('ERR_PING_TRUNCATED'))
    else this.push(null)
  }
}
