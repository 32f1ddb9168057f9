import { describe, expect, it } from 'vitest'
import { failure } from '../../../src/errors.js'
import { type FramingInfo, type PingOptions, pingFraming } from '../../../src/tunnel/index.js'
import { counting, feed, joined, recorder, thrown, waysToArrive } from './recorder.js'

function started(options?: PingOptions) {
  const layer = pingFraming(options)
  const sink = recorder<FramingInfo>()
  void layer.start(sink)
  expect(sink.calls).toEqual(['open'])
  sink.calls.length = 0
  return { layer, sink }
}

function packet(payload: Uint8Array): Buffer {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(payload.length)
  return Buffer.concat([header, payload])
}

const ping = Buffer.alloc(4)

describe('sending', () => {
  it('puts length and payload in one chunk', () => {
    const { layer, sink } = started()
    void layer.send(counting(3), sink)
    expect(sink.downs.map((down) => Buffer.from(down).toString('hex'))).toEqual(['00000003000102'])
  })

  it('does not copy all of a large packet, nor lets a header travel alone', () => {
    const { layer, sink } = started()
    const data = counting(100_000)
    void layer.send(data, sink)
    expect(joined(sink.downs).equals(packet(data))).toBe(true)
    expect(sink.downs[0]!.length).toBeGreaterThan(4)
    expect(sink.downs[1]!.buffer).toBe(data.buffer)
  })

  it('never makes a packet of nothing: that would be a ping', () => {
    const { layer, sink } = started()
    void layer.send(new Uint8Array(0), sink)
    expect(sink.calls).toEqual([])
  })

  it('splits what is larger than a packet may be', () => {
    const { layer, sink } = started({ limits: { packet: 2 } })
    void layer.send(counting(5), sink)
    expect(joined(sink.downs).toString('hex')).toBe('00000002000100000002020300000001' + '04')
  })

  it('pings with four zero bytes, fresh each time', () => {
    const { layer, sink } = started()
    void layer.ping!(sink)
    void layer.ping!(sink)
    expect(joined(sink.downs).toString('hex')).toBe('0000000000000000')
    expect(sink.downs[0]).not.toBe(sink.downs[1])
  })

  it('ends without a marker', () => {
    const { layer, sink } = started()
    void layer.end(sink)
    expect(sink.calls).toEqual(['finish'])
  })
})

describe('receiving', () => {
  it('gives the payload however it arrives, pings skipped anywhere', () => {
    const bytes = Buffer.concat([
      ping,
      packet(counting(3)),
      ping,
      ping,
      packet(counting(1)),
      packet(counting(20)),
      ping,
    ])
    for (const chunks of waysToArrive(bytes)) {
      const { layer, sink } = started()
      feed(layer, chunks, sink)
      expect(joined(sink.ups).equals(Buffer.concat([counting(3), counting(1), counting(20)]))).toBe(true)
      expect(sink.ups.every((up) => up.length > 0)).toBe(true)
      expect(sink.downs).toEqual([])
      void layer.eof(undefined, sink)
      expect(sink.ends).toEqual([undefined])
    }
  })

  it('passes views of packets that are not whole', () => {
    const { layer, sink } = started()
    const bytes = new Uint8Array(packet(counting(1000))).subarray(0, 500)
    void layer.receive(bytes, sink)
    expect(sink.ups[0]!.buffer).toBe(bytes.buffer)
    expect(sink.ups[0]).toHaveLength(496)
  })

  it('refuses claims over the limit', () => {
    const claims = [
      ['01000001', undefined],
      ['ffffffff', undefined],
      ['48545450', undefined],
      ['00000003', { limits: { packet: 2 } }],
    ] as const
    for (const [claim, options] of claims) {
      for (const chunks of waysToArrive(Buffer.from(claim, 'hex'))) {
        const { layer, sink } = started(options)
        expect(thrown(() => feed(layer, chunks, sink)).code).toBe('ERR_PING_TOO_LARGE')
        expect(sink.calls).toEqual([])
      }
    }
    const { layer, sink } = started()
    void layer.receive(Buffer.from('0100000061', 'hex'), sink)
    expect(sink.ups).toHaveLength(1)
  })

  it('tells an end inside a packet from one between packets', () => {
    const cause = failure('ERR_STREAM_RESET')
    const bytes = packet(counting(3))
    for (let at = 0; at <= bytes.length; at++) {
      const { layer, sink } = started()
      void layer.receive(bytes.subarray(0, at), sink)
      void layer.eof(cause, sink)
      if (at === 0 || at === bytes.length) expect(sink.ends).toEqual([cause])
      else {
        expect(sink.ends.map((end) => end?.code)).toEqual(['ERR_PING_TRUNCATED'])
        expect(sink.ends[0]?.cause).toBe(cause)
      }
    }
  })
})

it('refuses limits that cannot be', () => {
  for (const limit of [0, -1, 1.5, Number.NaN, 2 ** 32])
    expect(thrown(() => pingFraming({ limits: { packet: limit } })).code).toBe('ERR_CONFIG_INVALID')
})

it('traces packets and pings without their payload', () => {
  const { layer, sink } = started()
  void layer.receive(Buffer.concat([ping, packet(counting(3))]), sink)
  void layer.send(counting(2), sink)
  void layer.ping!(sink)
  const common = { type: 'frame', framing: 'ping' }
  expect(sink.traces).toEqual([
    { ...common, direction: 'received', kind: 'ping', length: 0 },
    { ...common, direction: 'received', kind: 'data', length: 3 },
    { ...common, direction: 'sent', kind: 'data', length: 2 },
    { ...common, direction: 'sent', kind: 'ping', length: 0 },
  ])
})
