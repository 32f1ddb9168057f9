// Ping framing inside TLS, for a negotiated `*-ping` protocol: application bytes on top, packets below. Here `end()` does
// end what is below (close_notify), because this is where half-closes live.
import { Duplex } from 'node:stream'
import { failure } from '../errors-node.js'
import { PacketReader, packetHeader, pingPacket } from './ping-framing.js'

export class PingDuplex extends Duplex {
  readonly #below: Duplex
  readonly #packets: PacketReader

  /** `packet`: bytes a packet may claim. */
  constructor(below: Duplex, options: { readonly buffer: number; readonly packet: number }) {
    super({ highWaterMark: options.buffer, allowHalfOpen: true })
    this.#below = below
    this.#packets = new PacketReader(options.packet)
    below.on('data', (chunk: Buffer) => this.#receive(chunk))
    below.once('end', () => this.#receiveEnd())
    below.on('error', (error) => this.destroy(error))
    below.once('close', () => {
      if (!below.readableEnded) this.destroy()
    })
    below.pause()
    this.on('error', () => {})
  }

  ping(): void {
    if (!this.writableEnded && this.#below.writable && this.#below.writableLength === 0) {
      this.#below.write(pingPacket)
    }
  }

  override _read(): void {
    this.#below.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#below.cork()
    this.#below.write(packetHeader(chunk.length))
    this.#below.write(chunk, callback)
    this.#below.uncork()
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#below.end(callback)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (error !== null || !this.#below.writableEnded) this.#below.destroy()
    callback(error)
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return
    let room = true
    try {
      for (const payload of this.#packets.read(chunk)) room = this.push(payload)
    } catch (error) {
      this.destroy(error as Error)
    }
    if (!room) this.#below.pause()
  }

  #receiveEnd(): void {
    if (this.#packets.betweenPackets) this.push(null)
    else this.destroy(failure('ERR_PING_TRUNCATED'))
  }
}
