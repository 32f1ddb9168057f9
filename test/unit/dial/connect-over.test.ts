import { describe, expect, it } from 'vitest'
import { failure } from '../../../src/errors.js'
import { connectOver, type Layer, pingFraming } from '../../../src/index.js'
import { memoryPair } from '../../../src/platform/memory/index.js'
import { streamFromWire } from '../../../src/stream/index.js'

function named<Info>(name: string, info: Info): Layer<Info> {
  return {
    name,
    start: (sink) => sink.open(info),
    receive: (chunk, sink) => sink.up(chunk),
    send: (chunk, sink) => sink.down(chunk),
    end: (sink) => sink.finish(),
    eof: (cause, sink) => sink.eof(cause),
  }
}

describe('connectOver()', () => {
  it('stacks layers over any byte stream; the last one’s info is the socket’s', async () => {
    const [near, far] = memoryPair()
    const server = streamFromWire(far)
    const socket = await connectOver(streamFromWire(near), [pingFraming(), named('top', { answer: 42 })])
    const answer: 42 | number = socket.info.answer
    expect(answer).toBe(42)
    const writer = socket.writable.getWriter()
    const writing = writer.write(new Uint8Array([7, 8]))
    const { value } = await server.readable.getReader().read()
    await writing
    expect([...(value ?? [])]).toEqual([0, 0, 0, 2, 7, 8])
    far.destroy()
    await socket.close()
  })

  it('frees the stream when a layer fails', async () => {
    const [near, far] = memoryPair()
    const gone = new Promise<void>((resolve) =>
      far.start({ data: () => {}, end: () => resolve(), fail: () => resolve() }),
    )
    const failing: Layer = {
      ...named('failing', {}),
      start() {
        throw failure('ERR_TLS_DECODE')
      },
    }
    await expect(connectOver(streamFromWire(near), [failing])).rejects.toMatchObject({
      code: 'ERR_TLS_DECODE',
    })
    await gone
  })

  it('close() waits no longer than the linger for a peer that does not end', async () => {
    const [near] = memoryPair()
    const socket = await connectOver(streamFromWire(near), [named('top', {})])
    const reading = socket.readable.getReader().read()
    await socket.close()
    await expect(reading).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect(socket.closed).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })

  it('is aborted by its signal', async () => {
    const [near] = memoryPair()
    const silent: Layer = { ...named('silent', {}), start: () => {} }
    const controller = new AbortController()
    const opening = connectOver(streamFromWire(near), [silent], { signal: controller.signal })
    controller.abort()
    await expect(opening).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })
})
