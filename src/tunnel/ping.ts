// Teleport's ping framing as a layer, the same both ways: a 32-bit big-endian length, then so many bytes; a length of 0 is
// a keep-alive. Used under the inner TLS (upgrade type `alpn-ping`) and inside it (ALPN names that end in `-ping`).
import { failure } from '../errors.js'
import type { Layer } from '../layer.js'
import type { FramingInfo } from './websocket.js'

export interface PingOptions {
  readonly limits?: {
    /** Bytes that one packet may claim, received or sent; default 16 MiB. Packets are never held back whole. */
    readonly packet?: number
  }
}

/**
 * Throws ERR_CONFIG_INVALID at once for an unusable limit. Fails with ERR_PING_TOO_LARGE; an end inside a packet rises as
 * ERR_PING_TRUNCATED. There is no close marker: `end` ends the layer below.
 */
export function pingFraming(options: PingOptions = {}): Layer<FramingInfo> {
  const limit = options.limits?.packet ?? 16 * 1024 * 1024
  // A length is 32 bits, and no packet that is sent may be empty.
  if (!Number.isInteger(limit) || limit < 1 || limit > 0xffff_ffff)
    throw failure('ERR_CONFIG_INVALID', 'limits.packet')
  let headerBytes = 0
  let claimed = 0
  let remaining = 0

  return {
    name: 'ping',
    start(sink) {
      sink.open({})
    },
    receive(chunk, sink) {
      for (let at = 0; at < chunk.length; ) {
        if (remaining > 0) {
          const part = chunk.subarray(at, at + remaining)
          at += part.length
          remaining -= part.length
          sink.up(part)
          continue
        }
        claimed = claimed * 256 + chunk[at++]!
        if (++headerBytes < HEADER) continue
        sink.trace(traced('received', claimed))
        if (claimed > limit) throw failure('ERR_PING_TOO_LARGE', `${claimed} bytes, limit ${limit}`)
        remaining = claimed
        claimed = 0
        headerBytes = 0
      }
    },
    eof(cause, sink) {
      if (headerBytes === 0 && remaining === 0) sink.eof(cause)
      else {
        const detail = remaining > 0 ? `${remaining} bytes missing` : 'inside a length'
        sink.eof(failure('ERR_PING_TRUNCATED', detail, { cause }))
      }
    },
    send(chunk, sink) {
      // No packet for an empty chunk: a length of 0 would be a ping.
      for (let at = 0; at < chunk.length; at += limit) {
        const packet = chunk.subarray(at, at + limit)
        sink.trace(traced('sent', packet.length))
        // The header travels with the first bytes, never alone; of large packets the rest is not copied.
        const first = packet.subarray(0, GLUED)
        const glued = new Uint8Array(HEADER + first.length)
        new DataView(glued.buffer).setUint32(0, packet.length)
        glued.set(first, HEADER)
        sink.down(glued)
        if (packet.length > GLUED) sink.down(packet.subarray(GLUED))
      }
    },
    end(sink) {
      sink.finish()
    },
    ping(sink) {
      sink.trace(traced('sent', 0))
      sink.down(new Uint8Array(HEADER))
    },
  }
}

const HEADER = 4
/** A TLS record and a bit: what is copied to keep a header and its payload in one chunk. */
const GLUED = 17 * 1024

function traced(direction: 'sent' | 'received', length: number) {
  return { type: 'frame', direction, framing: 'ping', kind: length === 0 ? 'ping' : 'data', length } as const
}
