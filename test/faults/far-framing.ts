// The server's half of WebSocket framing, for tunnels in memory: as little as a strict client needs.
import { concat } from '../../src/bytes/index.js'
import { failure } from '../../src/errors.js'
import type { Layer } from '../../src/layer.js'

/** RFC 6455, server role: frames of any length masked, ours unmasked. Ends by Close. */
export function farWebSocket(): Layer<object> {
  let waiting: Uint8Array = new Uint8Array()
  let closed = false
  let heard = false
  const close = (sink: Parameters<Layer['start']>[0]) => {
    if (!closed) sink.down(Uint8Array.of(0x88, 2, 3, 232))
    closed = true
  }
  return {
    name: 'websocket-server',
    start: (sink) => sink.open({}),
    receive(chunk, sink) {
      waiting = concat(waiting, chunk)
      for (;;) {
        const frame = readFrame(waiting)
        if (frame === undefined || heard) return
        waiting = waiting.subarray(frame.used)
        if (frame.opcode === 8) {
          heard = true
          close(sink)
          sink.eof()
          sink.finish()
        } else if (frame.opcode <= 2) sink.up(frame.payload)
      }
    },
    eof(cause, sink) {
      if (!heard) sink.eof(cause ?? failure('ERR_WS_ABNORMAL'))
    },
    send(chunk, sink) {
      if (closed) return
      for (let at = 0; at < chunk.length; at += 0xffff) {
        const part = chunk.subarray(at, at + 0xffff)
        const { length } = part
        const head = length < 126 ? [0x82, length] : [0x82, 126, length >> 8, length & 255]
        sink.down(concat(new Uint8Array(head), part))
      }
    },
    end: (sink) => close(sink),
  }
}

function readFrame(bytes: Uint8Array): { opcode: number; payload: Uint8Array; used: number } | undefined {
  if (bytes.length < 2) return undefined
  const short = bytes[1]! & 0x7f
  const wide = short === 126 ? 2 : short === 127 ? 8 : 0
  const start = 2 + wide + 4
  if (bytes.length < start) return undefined
  let length = wide === 0 ? short : 0
  for (let i = 0; i < wide; i++) length = length * 256 + bytes[2 + i]!
  if (bytes.length < start + length) return undefined
  const key = bytes.subarray(2 + wide, start)
  const payload = bytes.slice(start, start + length).map((byte, i) => byte ^ key[i % 4]!)
  return { opcode: bytes[0]! & 15, payload, used: start + length }
}
