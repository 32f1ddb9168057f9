// WebSocket framing as a layer, client role, binary only (RFC 6455 §5-§7). Message boundaries mean nothing here: relays
// re-frame, so payload rises as it arrives. Liveness is not judged here: Teleport servers never answer a ping.
import { type Bytes, fromUtf8, utf8 } from '../bytes/index.js'
import { type ErrorCode, failure, TunnelError } from '../errors.js'
import type { Layer, Sink } from '../layer.js'
import { printable } from './http-head.js'
import {
  type FrameHeader,
  type FrameKind,
  frameHeaderReader,
  isControl,
  maskedFrame,
  maskingKeys,
} from './websocket-frame.js'

/** A framing has nothing to tell when it opens. */
export type FramingInfo = Readonly<Record<string, never>>

export interface WebSocketOptions {
  /** Strong random bytes for masking keys. */
  readonly random: (length: number) => Bytes
  /** `zero-mask` masks with zeros, for servers that do not unmask (Teleport 15.3.7 to 16.1). */
  readonly compat?: 'zero-mask'
  readonly limits?: {
    /** Payload bytes that one received frame may claim; default 1 MiB. Payload is never held back, whatever its size. */
    readonly frame?: number
    /** Received data frames without payload in a row; default 256. */
    readonly emptyFrames?: number
    /** Pings and pongs in one received chunk; default 1024, hours of a paused reader's backlog. */
    readonly controlFrames?: number
  }
}

/** Frames for a connection whose upgrade was granted. Fails with ERR_WS_*; see `Layer` for how ends are told. */
export function webSocket(options: WebSocketOptions): Layer<FramingInfo> {
  const limits = options.limits ?? {}
  const maxEmpty = limits.emptyFrames ?? 256
  const maxControl = limits.controlFrames ?? 1024
  const nextKey = options.compat === 'zero-mask' ? () => 0 : maskingKeys(options.random)
  const readHeader = frameHeaderReader(limits.frame ?? 1024 * 1024)
  /** Payload of the control frame being read. */
  const control = new Uint8Array(125)

  let frame: FrameHeader | undefined
  let remaining = 0
  /** Any byte of a frame was read and its last one was not. */
  let inside = false
  /** A message was begun and its final fragment has not begun. */
  let fragmented = false
  let emptyFrames = 0
  let controlFrames = 0
  /** Payload of the latest ping not answered yet. */
  let owedPong: Bytes | undefined
  let closeSent = false
  let closeReceived = false
  let belowEnded = false

  function write(kind: FrameKind, payload: Uint8Array, sink: Sink<FramingInfo>): void {
    sink.trace(traced('sent', kind, payload.length))
    sink.down(maskedFrame(kind, payload, nextKey()))
  }

  function close(payload: Uint8Array, sink: Sink<FramingInfo>): void {
    if (closeSent) return
    closeSent = true
    write('close', payload, sink)
  }

  function answerPing(sink: Sink<FramingInfo>): void {
    if (owedPong === undefined) return
    // RFC 6455 §5.5.3: of several pings only the most recent need be answered.
    write('pong', owedPong, sink)
    owedPong = undefined
  }

  /** A header was read: may this frame stand here? */
  function begin({ kind, fin, length }: FrameHeader, sink: Sink<FramingInfo>): void {
    sink.trace(traced('received', kind, length))
    if (isControl(kind)) {
      if (++controlFrames > maxControl) throw failure('ERR_WS_PROTOCOL', 'a flood of pings or pongs')
      return
    }
    // RFC 6455 §5.4: a continuation continues something, and nothing else may come in between.
    if (fragmented !== (kind === 'continuation'))
      throw failure(
        'ERR_WS_PROTOCOL',
        fragmented ? 'a message inside a message' : 'a continuation of nothing',
      )
    fragmented = !fin
    if (length > 0) emptyFrames = 0
    else if (++emptyFrames > maxEmpty) throw failure('ERR_WS_PROTOCOL', 'a flood of empty frames')
  }

  function finishControl({ kind, length }: FrameHeader, sink: Sink<FramingInfo>): void {
    // Pongs need nothing (RFC 6455 §5.5.3 allows unsolicited ones).
    if (kind === 'ping') owedPong = control.slice(0, length)
    if (kind !== 'close') return
    const payload = control.slice(0, length)
    const cause = closeCause(payload)
    closeReceived = true
    answerPing(sink)
    // RFC 6455 §5.5.1: a Close is answered with a Close of the same code.
    close(payload.subarray(0, 2), sink)
    sink.eof(cause)
    sink.finish()
  }

  function read(chunk: Uint8Array, sink: Sink<FramingInfo>): void {
    controlFrames = 0
    // RFC 6455 §1.4: what follows a Close is discarded.
    for (let at = 0; at < chunk.length && !closeReceived; ) {
      if (frame === undefined) {
        inside = true
        frame = readHeader(chunk[at++]!)
        if (frame === undefined) continue
        begin(frame, sink)
        remaining = frame.length
      }
      const part = chunk.subarray(at, at + remaining)
      if (isControl(frame.kind)) control.set(part, frame.length - remaining)
      else if (part.length > 0) sink.up(part)
      at += part.length
      remaining -= part.length
      if (remaining > 0) return
      const whole = frame
      frame = undefined
      inside = false
      if (isControl(whole.kind)) finishControl(whole, sink)
    }
  }

  return {
    name: 'websocket',
    start(sink) {
      sink.open({})
    },
    receive(chunk, sink) {
      try {
        read(chunk, sink)
      } catch (error) {
        const status = error instanceof TunnelError ? closeStatus[error.code] : undefined
        // RFC 6455 §7.1.7: failing a connection says why first.
        if (status !== undefined) close(new Uint8Array([status >> 8, status & 255]), sink)
        throw error
      }
      answerPing(sink)
    },
    eof(cause, sink) {
      belowEnded = true
      if (closeReceived) return
      // RFC 6455 §7.1.5: no Close was received: 1006.
      sink.eof(failure('ERR_WS_ABNORMAL', inside || fragmented ? 'inside a message' : undefined, { cause }))
      if (closeSent) sink.finish()
    },
    send(chunk, sink) {
      // RFC 6455 §5.5.1: no data after a Close. Above may not have heard of it yet.
      if (closeSent) return
      for (let at = 0; at < chunk.length; at += MAX_PAYLOAD)
        write('binary', chunk.subarray(at, at + MAX_PAYLOAD), sink)
    },
    end(sink) {
      if (closeReceived) return
      close(new Uint8Array([NORMAL >> 8, NORMAL & 255]), sink)
      if (belowEnded) sink.finish()
    },
    ping(sink) {
      if (!closeSent) write('ping', PING_PAYLOAD, sink)
    },
  }
}

/** Larger writes become several frames: Teleport's reader allocates what a header claims. */
const MAX_PAYLOAD = 64 * 1024
const PING_PAYLOAD: Bytes = utf8('underpass')

// RFC 6455 §7.4.1
const NORMAL = 1000
const NO_STATUS = 1005

/** What the peer is told about its fault. */
const closeStatus: Partial<Record<ErrorCode, number>> = {
  ERR_WS_PROTOCOL: 1002,
  ERR_WS_MASKED: 1002,
  ERR_WS_TEXT: 1003,
  ERR_WS_TOO_LARGE: 1009,
}

/** What a received Close means to the layer above; undefined when it is clean. Throws ERR_WS_PROTOCOL. */
function closeCause(payload: Uint8Array): TunnelError | undefined {
  if (payload.length === 1) throw failure('ERR_WS_PROTOCOL', 'a Close with half a code')
  const status = payload.length === 0 ? NO_STATUS : (payload[0]! << 8) | payload[1]!
  if (payload.length > 0 && !isCloseStatus(status)) throw failure('ERR_WS_PROTOCOL', `close code ${status}`)
  const reason = fromUtf8(payload.subarray(2))
  // RFC 6455 §5.5.1: the reason is UTF-8.
  if (reason === undefined) throw failure('ERR_WS_PROTOCOL', 'a close reason that is not UTF-8')
  if (status === NORMAL || status === NO_STATUS) return undefined
  const evidence = reason === '' ? [] : [`reason: ${printable(reason, 123)}`]
  if (status === 1001) return failure('ERR_WS_GOING_AWAY', undefined, { evidence })
  if (status === 1011) return failure('ERR_WS_SERVER_ERROR', undefined, { evidence })
  // IANA WebSocket Close Code registry: 1012 Service Restart, 1013 Try Again Later.
  return failure('ERR_WS_CLOSED', `close code ${status}`, {
    evidence,
    retryable: status === 1012 || status === 1013,
  })
}

/** RFC 6455 §7.4 and the IANA registry: codes that may stand on the wire (1004 to 1006 and 1015 may not). */
function isCloseStatus(status: number): boolean {
  return (
    (status >= 1000 && status <= 1003) ||
    (status >= 1007 && status <= 1014) ||
    (status >= 3000 && status <= 4999)
  )
}

function traced(direction: 'sent' | 'received', kind: FrameKind, length: number) {
  return { type: 'frame', direction, framing: 'websocket', kind, length } as const
}
