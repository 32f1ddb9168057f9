import { describe, expect, it } from 'vitest'
import { memoryPair } from '../../../src/platform/memory/index.js'
import { pipe, streamFromWire } from '../../../src/stream/index.js'
import { bytes, hear, pattern, tick } from './toys.js'

describe('pipe', () => {
  it('joins two wires: bytes, half-close both ways, counts', async () => {
    const [client, front] = memoryPair({ chop: 300 })
    const [back, server] = memoryPair()
    const done = pipe(front, back)
    const atServer = hear(server)
    const atClient = hear(client)
    const content = pattern(10_000)
    await client.write([content])
    await client.end()
    await atServer.end
    expect(Buffer.compare(atServer.all(), content)).toBe(0)
    await server.write([bytes('answer')])
    await server.end()
    await atClient.end
    expect(atClient.text()).toBe('answer')
    expect(await done).toEqual({ forth: 10_000, back: 6 })
  })

  it('joins a stream and a wire', async () => {
    const [client, front] = memoryPair()
    const [back, server] = memoryPair()
    const done = pipe(streamFromWire(front), back)
    const atServer = hear(server)
    await client.write([bytes('ask')])
    await Promise.all([client.end(), server.end()])
    await atServer.end
    expect(atServer.text()).toBe('ask')
    hear(client)
    expect(await done).toEqual({ forth: 3, back: 0 })
  })

  it('passes backpressure on', async () => {
    const [client, front] = memoryPair({ capacity: 1000 })
    const [back, server] = memoryPair({ capacity: 1000 })
    pipe(front, back).catch(() => {})
    server.start({ data: () => new Promise(() => {}), end() {}, fail() {} })
    let written = 0
    const writing = (async () => {
      for (;;) {
        await client.write([new Uint8Array(100)])
        written += 100
      }
    })()
    await tick(10)
    expect(written).toBeLessThan(4000)
    client.destroy()
    await expect(writing).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('destroys both sides and rejects when one fails', async () => {
    const [client, front] = memoryPair()
    const [back, server] = memoryPair()
    const done = pipe(front, back)
    const atServer = hear(server)
    client.destroy()
    await expect(done).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(atServer.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('is aborted by its signal', async () => {
    const [client, front] = memoryPair()
    const [back] = memoryPair()
    const controller = new AbortController()
    const done = pipe(front, back, { signal: controller.signal })
    const atClient = hear(client)
    controller.abort()
    await expect(done).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect(atClient.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(pipe(client, back, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    })
  })
})
