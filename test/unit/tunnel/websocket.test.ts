import { describe, expect, it } from 'vitest'
import { FramingError, failure } from '../../../src/errors.js'
import { type FramingInfo, type WebSocketOptions, webSocket } from '../../../src/tunnel/index.js'
import { counting, feed, joined, type Recorder, recorder, thrown, waysToArrive } from './recorder.js'

// RFC 6455 §5.7 masks with this key.
const KEY = [0x37, 0xfa, 0x21, 0x3d]
const rfcRandom = (length: number) => Uint8Array.from({ length }, (_, i) => KEY[i % 4]!)

function started(options: Partial<WebSocketOptions> = {}) {
  const layer = webSocket({ random: rfcRandom, ...options })
  const sink = recorder<FramingInfo>()
  void layer.start(sink)
  expect(sink.calls).toEqual(['open'])
  sink.calls.length = 0
  return { layer, sink }
}

/** A frame as a server sends it. */
function frame(first: number, payload: Uint8Array | string = ''): Buffer {
  const body = Buffer.from(payload as string)
  const header =
    body.length < 126
      ? Buffer.from([first, body.length])
      : body.length < 65536
        ? Buffer.from([first, 126, body.length >> 8, body.length & 255])
        : Buffer.from([
            first,
            127,
            0,
            0,
            0,
            0,
            0,
            body.length >> 16,
            (body.length >> 8) & 255,
            body.length & 255,
          ])
  return Buffer.concat([header, body])
}

/** Undo the masking of one whole client frame, checking its form. */
function unmasked(bytes: Uint8Array): { first: number; payload: Buffer; key: Buffer } {
  const buffer = Buffer.from(bytes)
  expect(buffer[1]! & 0x80).toBe(0x80)
  const short = buffer[1]! & 0x7f
  const at = short === 126 ? 4 : short === 127 ? 10 : 2
  const length =
    short === 126 ? buffer.readUInt16BE(2) : short === 127 ? Number(buffer.readBigUInt64BE(2)) : short
  const key = buffer.subarray(at, at + 4)
  const payload = Buffer.from(buffer.subarray(at + 4).map((byte, i) => byte ^ key[i % 4]!))
  expect(payload.length).toBe(length)
  return { first: buffer[0]!, payload, key }
}

function closeStatusOf(sink: Recorder<FramingInfo>): number {
  const { first, payload } = unmasked(sink.downs.at(-1)!)
  expect(first).toBe(0x88)
  return payload.readUInt16BE()
}

/** Every way to send the bytes fails alike: code, Close status, nothing further. */
function fails(bytes: Uint8Array, code: string, status: number, options: Partial<WebSocketOptions> = {}) {
  for (const chunks of waysToArrive(bytes)) {
    const { layer, sink } = started(options)
    const error = thrown(() => feed(layer, chunks, sink))
    expect(error).toBeInstanceOf(FramingError)
    expect(error.code).toBe(code)
    expect(closeStatusOf(sink)).toBe(status)
    expect(sink.downs.filter((down) => down[0] === 0x88)).toHaveLength(1)
    expect(sink.calls).not.toContain('eof')
  }
}

describe('frames sent', () => {
  it('are final, binary and masked: RFC 6455 §5.7 with opcode 2', () => {
    const { layer, sink } = started()
    void layer.send(new TextEncoder().encode('Hello'), sink)
    expect(joined(sink.downs).toString('hex')).toBe('828537fa213d7f9f4d5158')
  })

  it.each([
    [1, '8281'],
    [125, '82fd'],
    [126, '82fe007e'],
    [127, '82fe007f'],
    [65535, '82feffff'],
    [65536, '82ff0000000000010000'],
  ])('of %d bytes have the shortest length', (length, header) => {
    const { layer, sink } = started()
    const data = counting(length)
    void layer.send(data, sink)
    expect(sink.downs).toHaveLength(1)
    const sent = Buffer.from(sink.downs[0]!)
    expect(sent.subarray(0, header.length / 2).toString('hex')).toBe(header)
    const { payload, key } = unmasked(sent)
    expect([...key]).toEqual(KEY)
    expect(payload.equals(data)).toBe(true)
  })

  it('carry at most 64 KiB each, and nothing of nothing', () => {
    const { layer, sink } = started()
    const data = counting(200_000)
    void layer.send(data, sink)
    const payloads = sink.downs.map((down) => unmasked(down).payload)
    expect(payloads.map((payload) => payload.length)).toEqual([65536, 65536, 65536, 200_000 - 3 * 65536])
    expect(Buffer.concat(payloads).equals(data)).toBe(true)
    void layer.send(new Uint8Array(0), sink)
    expect(sink.downs).toHaveLength(4)
  })

  it('are masked whatever the alignment, and leave the data as it was', () => {
    const { layer, sink } = started()
    const source = counting(64)
    for (let offset = 0; offset < 8; offset++) {
      for (let length = 1; length < 40; length++) {
        const data = source.subarray(offset, offset + length)
        void layer.send(data, sink)
        expect(unmasked(sink.downs.pop()!).payload.equals(data)).toBe(true)
      }
    }
    expect(source).toEqual(counting(64))
  })

  it('have a new key each, drawn in batches', () => {
    let drawn = 0
    const random = (length: number) => {
      const start = drawn
      drawn += length
      return Uint8Array.from({ length }, (_, i) => (start + i) * 7)
    }
    const { layer, sink } = started({ random })
    for (let i = 0; i < 300; i++) void layer.send(counting(3), sink)
    const keys = sink.downs.map((down) => unmasked(down).key)
    const flat = Buffer.concat(keys)
    expect(flat.equals(Uint8Array.from({ length: flat.length }, (_, i) => i * 7))).toBe(true)
    expect(drawn).toBeGreaterThanOrEqual(1200)
    expect(drawn).toBeLessThan(2400)
  })

  it('have a zero key on demand, and draw nothing', () => {
    const random = () => {
      throw new Error('drawn')
    }
    const { layer, sink } = started({ random, compat: 'zero-mask' })
    void layer.send(counting(3), sink)
    void layer.ping!(sink)
    expect(joined(sink.downs).toString('hex')).toBe(
      `82830000000000010289890000${'0000'}${Buffer.from('underpass').toString('hex')}`,
    )
  })

  it('include pings', () => {
    const { layer, sink } = started()
    void layer.ping!(sink)
    expect(unmasked(sink.downs[0]!)).toMatchObject({ first: 0x89, payload: Buffer.from('underpass') })
  })
})

describe('data received', () => {
  it('rises however it arrives', () => {
    const bytes = Buffer.concat([
      frame(0x82, 'one'),
      frame(0x82, ''),
      frame(0x02, 'two'),
      frame(0x89, 'ping'),
      frame(0x00, ''),
      frame(0x00, 'three'),
      frame(0x8a, 'unsolicited'),
      frame(0x80, 'four'),
      frame(0x82, counting(130)),
    ])
    for (const chunks of waysToArrive(bytes)) {
      const { layer, sink } = started()
      feed(layer, chunks, sink)
      expect(joined(sink.ups).equals(Buffer.concat([Buffer.from('onetwothreefour'), counting(130)]))).toBe(
        true,
      )
      expect(sink.ups.every((up) => up.length > 0)).toBe(true)
      expect(sink.downs).toHaveLength(1)
      expect(unmasked(sink.downs[0]!)).toMatchObject({ first: 0x8a, payload: Buffer.from('ping') })
    }
  })

  it('rises as views, before its frame is whole', () => {
    const { layer, sink } = started()
    const bytes = new Uint8Array(frame(0x82, counting(1000))).subarray(0, 500)
    void layer.receive(bytes, sink)
    expect(sink.ups).toHaveLength(1)
    expect(sink.ups[0]!.buffer).toBe(bytes.buffer)
    expect(sink.ups[0]).toHaveLength(496)
  })

  it.each([125, 126, 65535, 65536, 1024 * 1024])('may come in frames of %d bytes', (length) => {
    const { layer, sink } = started()
    void layer.receive(new Uint8Array(frame(0x82, counting(length))), sink)
    expect(joined(sink.ups).equals(counting(length))).toBe(true)
  })
})

describe('pings received', () => {
  it('are answered once for a chunk, the latest one', () => {
    const { layer, sink } = started()
    void layer.receive(
      Buffer.concat([frame(0x89, 'a'), frame(0x82, 'x'), frame(0x89, 'b'), frame(0x89)]),
      sink,
    )
    void layer.receive(frame(0x89, counting(125)), sink)
    expect(sink.downs.map((down) => unmasked(down).payload)).toEqual([
      Buffer.alloc(0),
      Buffer.from(counting(125)),
    ])
  })

  it('are bounded', () => {
    const flood = (count: number) => Buffer.concat(Array<Buffer>(count).fill(frame(0x89)))
    const { layer, sink } = started({ limits: { controlFrames: 10 } })
    void layer.receive(flood(10), sink)
    void layer.receive(flood(10), sink)
    expect(sink.downs).toHaveLength(2)
    const error = thrown(() => layer.receive(flood(11), sink))
    expect(error.code).toBe('ERR_WS_PROTOCOL')
    expect(closeStatusOf(sink)).toBe(1002)
    const byDefault = started()
    expect(thrown(() => byDefault.layer.receive(flood(1025), byDefault.sink)).code).toBe('ERR_WS_PROTOCOL')
  })
})

describe('frames that break the protocol', () => {
  const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

  it.each([
    ['RSV1', 'c200'],
    ['RSV2', 'a200'],
    ['RSV3', '9200'],
    ['opcode 3', '8300'],
    ['opcode 7', '8700'],
    ['opcode 11', '8b00'],
    ['opcode 15', '8f00'],
    ['fragmented ping', '0900'],
    ['fragmented Close', '0802 03e8'],
    ['ping with a 16-bit length', '897e 007e'],
    ['pong with a 64-bit length', '8a7f 0000000000000001'],
    ['continuation of nothing', '8000'],
    ['continuation after a whole message', '820161 8000'],
    ['message inside a message', '020161 820162'],
    ['16-bit length of 125', '827e 007d'],
    ['64-bit length of 65535', '827f 000000000000ffff'],
    ['Close of one byte', '8801 03'],
    ['Close reason that is not UTF-8', '8803 03e8 ff'],
    ['Close reason cut inside a character', '8804 03e8 e282'],
  ])('%s', (_, text) => fails(hex(text), 'ERR_WS_PROTOCOL', 1002))

  it.each([0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535])('close code %d', (code) =>
    fails(Buffer.from([0x88, 2, code >> 8, code & 255]), 'ERR_WS_PROTOCOL', 1002),
  )

  it('masked frames', () => {
    fails(hex('828137fa213d56'), 'ERR_WS_MASKED', 1002)
    fails(hex('898037fa213d'), 'ERR_WS_MASKED', 1002)
  })

  it('text, whole, empty or inside a message', () => {
    fails(hex('810161'), 'ERR_WS_TEXT', 1003)
    fails(hex('8100'), 'ERR_WS_TEXT', 1003)
    fails(hex('020161 8101 61'), 'ERR_WS_TEXT', 1003)
  })

  it('claims over the limit', () => {
    fails(hex('827f 0000000000100001'), 'ERR_WS_TOO_LARGE', 1009)
    fails(hex('827f 8000000000000000'), 'ERR_WS_TOO_LARGE', 1009)
    fails(hex('827f ffffffffffffffff'), 'ERR_WS_TOO_LARGE', 1009)
    fails(hex('827e 00c9'), 'ERR_WS_TOO_LARGE', 1009, { limits: { frame: 200 } })
    fails(hex('8202'), 'ERR_WS_TOO_LARGE', 1009, { limits: { frame: 1 } })
  })

  it('empty frames without end', () => {
    const limits = { emptyFrames: 3 }
    const empty = hex('0200 0000 0000')
    fails(Buffer.concat([empty, hex('0000')]), 'ERR_WS_PROTOCOL', 1002, { limits })
    const { layer, sink } = started({ limits })
    for (let i = 0; i < 10; i++) void layer.receive(Buffer.concat([empty, hex('800161')]), sink)
    expect(joined(sink.ups).toString()).toBe('a'.repeat(10))
    const byDefault = started()
    const flood = Buffer.alloc(2 * 257, hex('8200'))
    expect(thrown(() => byDefault.layer.receive(flood, byDefault.sink)).code).toBe('ERR_WS_PROTOCOL')
  })

  it('are told after the data and before the error', () => {
    const { layer, sink } = started()
    expect(thrown(() => layer.receive(hex('820161 810162'), sink)).code).toBe('ERR_WS_TEXT')
    expect(sink.calls).toEqual(['up', 'down'])
  })
})

describe('the close handshake', () => {
  const close = (code: number, reason = '') =>
    frame(0x88, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]))

  it('begun by us waits for the answer', () => {
    const { layer, sink } = started()
    void layer.end(sink)
    expect(sink.calls).toEqual(['down'])
    expect(closeStatusOf(sink)).toBe(1000)
    // What the peer still sends arrives; what above still says cannot go.
    void layer.send(counting(3), sink)
    void layer.ping!(sink)
    void layer.receive(Buffer.concat([frame(0x82, 'late'), close(1000)]), sink)
    expect(sink.calls).toEqual(['down', 'up', 'eof', 'finish'])
    expect(sink.ends).toEqual([undefined])
  })

  it.each([
    ['1000', close(1000, 'bye'), undefined],
    ['no code', frame(0x88), undefined],
    ['1001', close(1001), 'ERR_WS_GOING_AWAY'],
    ['1011', close(1011), 'ERR_WS_SERVER_ERROR'],
    ['1002', close(1002), 'ERR_WS_CLOSED'],
    ['1014', close(1014), 'ERR_WS_CLOSED'],
    ['3000', close(3000), 'ERR_WS_CLOSED'],
    ['4999', close(4999), 'ERR_WS_CLOSED'],
  ])('begun by the peer with %s is answered alike', (_, bytes, code) => {
    for (const chunks of waysToArrive(bytes)) {
      const { layer, sink } = started()
      feed(layer, chunks, sink)
      expect(sink.calls).toEqual(['down', 'eof', 'finish'])
      expect(sink.ends.map((cause) => cause?.code)).toEqual([code])
      const answer = unmasked(sink.downs[0]!)
      expect(answer.first).toBe(0x88)
      expect(answer.payload.equals(bytes.subarray(2, 4))).toBe(true)
      // Nothing follows, from either side.
      void layer.receive(Buffer.concat([frame(0x82, 'x'), frame(0x81, 'y')]), sink)
      void layer.send(counting(1), sink)
      void layer.ping!(sink)
      void layer.end(sink)
      void layer.eof(undefined, sink)
      expect(sink.calls).toEqual(['down', 'eof', 'finish'])
    }
  })

  it('tells code and reason, and what may be tried again', () => {
    const causeOf = (code: number, reason: string) => {
      const { layer, sink } = started()
      void layer.receive(close(code, reason), sink)
      return sink.ends[0]!
    }
    expect(causeOf(1001, 'a\u001bb\u20ac').evidence).toEqual(['reason: a b'])
    expect(causeOf(1008, '').evidence).toEqual([])
    expect(causeOf(1008, '').message).toContain('1008')
    expect([1008, 1012, 1013].map((code) => causeOf(code, '').retryable)).toEqual([false, true, true])
  })

  it('discards what follows a Close in the same chunk, after the pong that is owed', () => {
    const { layer, sink } = started()
    void layer.receive(Buffer.concat([frame(0x89, 'p'), close(1000), frame(0x81, 'x')]), sink)
    expect(sink.downs.map((down) => down[0])).toEqual([0x8a, 0x88])
    expect(sink.calls).toEqual(['down', 'down', 'eof', 'finish'])
  })
})

describe('an end without Close', () => {
  it('is ERR_WS_ABNORMAL, with its cause', () => {
    const cause = failure('ERR_STREAM_RESET')
    for (const heard of ['', '82', '820261', '0201', '020161', '89', '820161']) {
      const { layer, sink } = started()
      void layer.receive(Buffer.from(heard, 'hex'), sink)
      sink.calls.length = 0
      void layer.eof(cause, sink)
      expect(sink.calls).toEqual(['eof'])
      expect(sink.ends[0]?.code).toBe('ERR_WS_ABNORMAL')
      expect(sink.ends[0]?.cause).toBe(cause)
      // The other direction is ended by its owner.
      void layer.end(sink)
      expect(sink.calls).toEqual(['eof', 'down', 'finish'])
      expect(closeStatusOf(sink)).toBe(1000)
    }
  })

  it('after our Close ends both directions', () => {
    const { layer, sink } = started()
    void layer.end(sink)
    void layer.eof(undefined, sink)
    expect(sink.calls).toEqual(['down', 'eof', 'finish'])
    expect(sink.ends[0]?.code).toBe('ERR_WS_ABNORMAL')
  })
})

it('traces frames without their payload', () => {
  const { layer, sink } = started()
  void layer.receive(
    Buffer.concat([frame(0x02, 'ab'), frame(0x89, 'p'), frame(0x80, 'c'), frame(0x8a)]),
    sink,
  )
  void layer.send(counting(3), sink)
  void layer.ping!(sink)
  void layer.end(sink)
  const seen = sink.traces.map((event) => {
    if (event.type !== 'frame') throw new Error(event.type)
    expect(event.framing).toBe('websocket')
    return `${event.direction} ${event.kind} ${event.length}`
  })
  expect(seen).toEqual([
    'received binary 2',
    'received ping 1',
    'received continuation 1',
    'received pong 0',
    'sent pong 1',
    'sent binary 3',
    'sent ping 9',
    'sent close 2',
  ])
})
