// WHATWG streams over wires and wires over WHATWG streams, and the socket made of them.
import { describe, expect, it, vi } from 'vitest'
import { failure } from '../../../src/errors.js'
import { memoryPair } from '../../../src/platform/memory/index.js'
import { streamFromWire, takeWire, tunnelSocket, wireFromStream } from '../../../src/stream/index.js'
import { bytes, connected, framed, hear, pattern, text, tick, xor } from './toys.js'

async function readAll(readable: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of readable) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe('streamFromWire', () => {
  it('carries bytes and half-close both ways', async () => {
    const [near, far] = memoryPair({ chop: 1000 })
    const [a, b] = [streamFromWire(near), streamFromWire(far)]
    const forth = pattern(50_000)
    const writer = a.writable.getWriter()
    const sent = writer.write(forth.slice()).then(() => writer.close())
    expect(Buffer.compare(await readAll(b.readable), forth)).toBe(0)
    await sent
    const answer = b.writable.getWriter()
    answer.write(bytes('late answer'))
    answer.close()
    expect((await readAll(a.readable)).toString()).toBe('late answer')
    await Promise.all([a.closed, b.closed])
  })

  it('takes at most one chunk more than was read', async () => {
    const [near, far] = memoryPair({ capacity: 1 })
    const stream = streamFromWire(near)
    const reader = stream.readable.getReader()
    let written = 0
    const writing = (async () => {
      for (let i = 0; i < 10; i++) {
        await far.write([bytes('x')])
        written++
      }
    })()
    await tick(5)
    expect(written).toBeLessThanOrEqual(2)
    for (let i = 0; i < 10; i++) expect(text((await reader.read()).value!)).toBe('x')
    await writing
  })

  it('fills the buffers of BYOB readers, and keeps what does not fit', async () => {
    const [near, far] = memoryPair()
    const reader = streamFromWire(near).readable.getReader({ mode: 'byob' })
    const first = reader.read(new Uint8Array(3))
    far.write([bytes('abcde')])
    expect(text((await first).value!)).toBe('abc')
    expect(text((await reader.read(new Uint8Array(10))).value!)).toBe('de')
    const last = reader.read(new Uint8Array(10))
    far.end()
    expect((await last).done).toBe(true)
  })

  it('does not take away a buffer of which others hold views', async () => {
    const [near, far] = memoryPair({ chop: 2 })
    const readable = streamFromWire(near).readable
    far.write([bytes('abcd')])
    far.end()
    expect((await readAll(readable)).toString()).toBe('abcd')
  })

  it('errors when the wire fails or ends with a cause, behind what came before', async () => {
    const [near, far] = memoryPair()
    const stream = streamFromWire(near)
    const reader = stream.readable.getReader()
    far.write([bytes('first')])
    far.destroy()
    await tick()
    expect(text((await reader.read()).value!)).toBe('first')
    await expect(reader.read()).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(stream.closed).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(stream.writable.getWriter().write(bytes('x'))).rejects.toMatchObject({
      code: 'ERR_STREAM_RESET',
    })
  })

  it('destroys the wire when it is cancelled or aborted', async () => {
    for (const how of ['cancel', 'abort'] as const) {
      const [near, far] = memoryPair()
      const distant = hear(far)
      const stream = streamFromWire(near)
      const reason = failure('ERR_ABORTED', 'mine')
      if (how === 'cancel') await stream.readable.cancel(reason)
      else await stream.writable.abort(reason)
      await expect(distant.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
      await expect(stream.closed).rejects.toBe(reason)
    }
  })

  it('fails the other direction too when one is cancelled or aborted', async () => {
    const aborted = { code: 'ERR_ABORTED', cause: 'enough' }
    const { connection: first } = connected()
    const cancelled = streamFromWire(first.wire())
    const writer = cancelled.writable.getWriter()
    await cancelled.readable.cancel('enough')
    await expect(writer.closed).rejects.toMatchObject(aborted)
    const { connection: second } = connected()
    const broken = streamFromWire(second.wire())
    const reader = broken.readable.getReader()
    const reading = reader.read()
    await broken.writable.abort('enough')
    await expect(reading).rejects.toMatchObject(aborted)
    await expect(reader.closed).rejects.toMatchObject(aborted)
  })

  it('takes views and buffers, and refuses text', async () => {
    const [near, far] = memoryPair()
    const distant = hear(far)
    const writer = (streamFromWire(near).writable as WritableStream<unknown>).getWriter()
    await writer.write(new Uint16Array([0x6161]))
    await writer.write(new Uint8Array([0x62]).buffer)
    await tick()
    expect(distant.text()).toBe('aab')
    await expect(writer.write('text')).rejects.toThrow(TypeError)
  })
})

describe('wireFromStream', () => {
  it.each(['byte', 'plain'])('carries bytes and half-close over %s streams', async (kind) => {
    const content = pattern(200_000)
    const written: Uint8Array[] = []
    let closed = false
    let at = 0
    const pull = (controller: { enqueue(chunk: Uint8Array<ArrayBuffer>): void; close(): void }) => {
      if (at >= content.length) return controller.close()
      controller.enqueue(content.slice(at, at + 30_001))
      at += 30_001
    }
    const wire = wireFromStream({
      readable:
        kind === 'plain'
          ? new ReadableStream<Uint8Array>({ pull })
          : (new ReadableStream({
              type: 'bytes',
              pull(controller) {
                pull(controller)
                if (at >= content.length && controller.byobRequest !== null && controller.desiredSize === 0)
                  controller.byobRequest.respond(0)
              },
            }) as ReadableStream<Uint8Array>),
      writable: new WritableStream<Uint8Array>({
        write: (chunk) => void written.push(chunk),
        close: () => {
          closed = true
        },
      }),
    })
    const heard = hear(wire, () => tick())
    await wire.write([bytes('a'), bytes('b'), new Uint8Array(100_000), bytes('c')])
    await wire.end()
    expect(written.map(({ length }) => length)).toEqual([2, 100_000, 1])
    expect(closed).toBe(true)
    expect(await heard.end).toBeUndefined()
    expect(Buffer.compare(heard.all(), content)).toBe(0)
  })

  it('fails as the streams do', async () => {
    const broken = wireFromStream({
      readable: new ReadableStream({ pull: (controller) => controller.error(new Error('network')) }),
      writable: new WritableStream({
        write() {
          throw new Error('gone')
        },
      }),
    })
    const heard = hear(broken)
    await expect(heard.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(Promise.resolve(broken.write([bytes('x')]))).rejects.toThrow('gone')
    broken.destroy()
  })

  it('cancels and aborts the streams when it is destroyed', async () => {
    const seen: string[] = []
    const wire = wireFromStream({
      readable: new ReadableStream({ cancel: () => void seen.push('cancel') }),
      writable: new WritableStream({ abort: () => void seen.push('abort') }),
    })
    hear(wire)
    wire.destroy()
    await tick()
    expect(seen.toSorted()).toEqual(['abort', 'cancel'])
  })

  it('and back make a stack on a stack', async () => {
    const { connection, far } = connected()
    await connection.push(xor(1))
    const again = wireFromStream(streamFromWire(connection.wire()))
    const distant = hear(far)
    hear(again)
    await again.write([bytes('`')])
    await tick()
    expect(distant.text()).toBe('a')
    connection.destroy()
  })
})

describe('tunnelSocket', () => {
  it('has the info, opened, and streams', async () => {
    const { connection, far } = connected()
    await connection.push(framed())
    await using socket = tunnelSocket(
      connection.wire(),
      { alpn: 'x' },
      { closed: connection.closed, linger: 5 },
    )
    expect(await socket.opened).toEqual({ alpn: 'x' })
    expect(socket.info).toEqual({ alpn: 'x' })
    far.write([bytes('\x05hello\x00')])
    expect((await readAll(socket.readable)).toString()).toBe('hello')
  })

  it('close() ends our side, waits for the peer to end, and frees everything', async () => {
    const { connection, far } = connected()
    await connection.push(framed())
    const distant = hear(far)
    const socket = tunnelSocket(connection.wire(), undefined, { closed: connection.closed })
    socket.writable.getWriter().write(bytes('last'))
    const closing = socket.close()
    await tick()
    expect(distant.text()).toBe('\x04last\x00')
    far.write([bytes('\x04none\x00')])
    far.end()
    await closing
    await socket.closed
  })

  it('close() lets out what a writer that somebody holds has written', async () => {
    const { connection, far } = connected({ capacity: 10 })
    const distant = hear(far, () => tick())
    const socket = tunnelSocket(connection.wire(), undefined, { closed: connection.closed })
    const writer = socket.writable.getWriter()
    const writes = Array.from({ length: 5 }, () => writer.write(new Uint8Array(100_000)))
    far.end()
    await socket.close()
    await Promise.all(writes)
    await distant.end
    expect(distant.all().length).toBe(500_000)
    await expect(writer.write(bytes('x'))).rejects.toMatchObject({ code: 'ERR_STREAM_CLOSED' })
  })

  it('close() of a socket that nobody touched makes no streams', async () => {
    const { connection, far } = connected()
    await connection.push(framed())
    const distant = hear(far)
    const made: string[] = []
    for (const name of ['ReadableStream', 'WritableStream'] as const) {
      const Original = globalThis[name]
      vi.stubGlobal(
        name,
        new Proxy(Original, {
          construct: (target, given) => {
            made.push(name)
            return Reflect.construct(target, given)
          },
        }),
      )
    }
    try {
      const socket = tunnelSocket(connection.wire(), undefined, { closed: connection.closed })
      far.write([bytes('\x05spare\x00')])
      far.end()
      await socket.close()
      await socket.closed
      expect(distant.text()).toBe('\x00')
      expect(made).toEqual([])
      // Who asks later gets streams that are over.
      expect(await readAll(socket.readable)).toHaveLength(0)
      await socket.writable.getWriter().closed
      expect(new Set(made)).toEqual(new Set(['ReadableStream', 'WritableStream']))
    } finally {
      vi.unstubAllGlobals()
    }
  })

  it('has a failed readable for who asks after the failure', async () => {
    const [near, far] = memoryPair()
    const stream = streamFromWire(near)
    const writer = stream.writable.getWriter()
    far.destroy()
    await expect(stream.closed).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(stream.readable.getReader().read()).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(writer.closed).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('close() waits for a peer that does not end no longer than the linger', async () => {
    const { connection, far } = connected()
    await connection.push(framed())
    const distant = hear(far)
    const socket = tunnelSocket(connection.wire(), undefined, { closed: connection.closed, linger: 5 })
    await socket.close()
    expect(distant.text()).toBe('\x00')
    await expect(socket.closed).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await socket.close()
  })

  it('and ends a reader that waits, also where only the wire is watched', async () => {
    const [near] = memoryPair()
    const socket = tunnelSocket(near, undefined, { linger: 5 })
    const reading = socket.readable.getReader().read()
    await socket.close()
    await expect(reading).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect(socket.closed).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })

  it('watches the wire itself when nobody else does', async () => {
    const [near, far] = memoryPair()
    const socket = tunnelSocket(near, undefined)
    far.end()
    await socket.close()
    await socket.closed
  })

  it('hands out its wire once, and not after its streams', async () => {
    const [near, far] = memoryPair()
    const socket = tunnelSocket(near, undefined, { closed: Promise.resolve() })
    const closed = expect.objectContaining({ code: 'ERR_STREAM_CLOSED' })
    expect(socket[takeWire]()).toBe(near)
    expect(() => socket[takeWire]()).toThrow(closed)
    expect(() => socket.readable).toThrow(closed)
    const distant = hear(far)
    await socket.close()
    await expect(distant.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    const touched = tunnelSocket(memoryPair()[0], undefined)
    touched.readable
    expect(() => touched[takeWire]()).toThrow(closed)
  })
})
