import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { PingDuplex } from '../../../src/gateway/ping-duplex.js'
import { PacketReader, packetHeader } from '../../../src/gateway/ping-framing.js'
import { SocketCarrier } from '../../../src/gateway/socket-carrier.js'

const stream = Buffer.from([0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 1, 4])

describe('PacketReader', () => {
  it('reads the same payload at every split', () => {
    for (let at = 0; at <= stream.length; at++) {
      const reader = new PacketReader(100)
      const payload = [...reader.read(stream.subarray(0, at)), ...reader.read(stream.subarray(at))]
      expect([...Buffer.concat(payload)]).toEqual([1, 2, 3, 4])
      expect(reader.betweenPackets).toBe(true)
    }
  })

  it('knows where a stream may not end', () => {
    const ends = Array.from(stream, (_, at) => {
      const reader = new PacketReader(100)
      reader.read(stream.subarray(0, at))
      return reader.betweenPackets
    })
    expect(ends.flatMap((may, at) => (may ? [at] : []))).toEqual([0, 4, 11, 15])
  })

  it('refuses a claim over the limit before any of it comes', () => {
    const reader = new PacketReader(256 * 1024 * 1024)
    // A TLS record where a packet should be.
    expect(() => reader.read(Buffer.from([0x16, 3, 1, 0]))).toThrow(
      expect.objectContaining({ code: 'ERR_PING_TOO_LARGE' }),
    )
  })

  it('takes lengths above 2^31', () => {
    const reader = new PacketReader(2 ** 32)
    reader.read(Buffer.from([0xff, 0xff, 0xff, 0xff]))
    expect(reader.betweenPackets).toBe(false)
  })
})

describe('packetHeader', () => {
  it('is big-endian', () => {
    expect([...packetHeader(0x01020304)]).toEqual([1, 2, 3, 4])
  })
})

describe('a stream that ends inside a packet', () => {
  it.each([
    [
      'outside TLS',
      (below: PassThrough) =>
        new SocketCarrier(below, { framing: 'ping', packet: 9, buffer: 9, linger: 1, pings: 9 }),
    ],
    ['inside TLS', (below: PassThrough) => new PingDuplex(below, { packet: 9, buffer: 9 })],
  ])('fails with ERR_PING_TRUNCATED %s', async (_, framed) => {
    const below = new PassThrough()
    const above = framed(below)
    above.resume()
    const error = new Promise((resolve) => above.once('error', resolve))
    below.end(Buffer.from([0, 0, 0]))
    expect(await error).toMatchObject({ code: 'ERR_PING_TRUNCATED' })
  })
})
