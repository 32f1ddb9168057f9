// The wire over WebSocketStream, on streams of Node with a scripted other end. With a real one: test/e2e/chromium-*.test.ts.
import { describe, expect, it } from 'vitest'
import type { TunnelError } from '../../../src/errors.js'
import {
  openWebSocketStream,
  type WebSocketStreamMaker,
} from '../../../src/platform/browser/web-socket-stream.js'
import type { Wire, WireEvents } from '../../../src/stream/byte-stream.js'

const mebibyte = 1024 * 1024

/** One that opens at once; the test is the server. */
function scripted() {
  const sent: Uint8Array[] = []
  const closes: unknown[] = []
  let incoming!: ReadableStreamDefaultController<unknown>
  let outgoing!: WritableStreamDefaultController
  let take: (() => void) | undefined
  let closed!: { resolve(info: object): void; reject(error: object): void }
  const gate = { shut: false }
  class Maker {
    readonly opened = Promise.resolve({
      protocol: 'alpn-ping',
      readable: new ReadableStream<unknown>({
        start: (controller) => {
          incoming = controller
        },
      }),
      writable: new WritableStream<Uint8Array>({
        start: (controller) => {
          outgoing = controller
        },
        async write(chunk) {
          if (gate.shut) await new Promise<void>((resolve) => (take = resolve))
          sent.push(chunk)
        },
      }),
    })
    readonly closed = new Promise<object>((resolve, reject) => {
      closed = { resolve, reject }
    })
    close(info: unknown): void {
      closes.push(info)
    }
  }
  return {
    Maker: Maker as unknown as WebSocketStreamMaker,
    sent,
    closes,
    gate,
    /** Messages that nobody has read. */
    queued: () => 1 - (incoming.desiredSize ?? 0),
    take: () => take?.(),
    says: (message: unknown) => incoming.enqueue(message),
    /** Nothing more is taken from the page. */
    refuses: () => outgoing.error(new DOMException('gone', 'WebSocketError')),
    ends(closeCode: number) {
      incoming.close()
      closed.resolve({ closeCode })
    },
    breaks(closeCode: number) {
      const error = Object.assign(new DOMException('not clean', 'WebSocketError'), { closeCode })
      incoming.error(error)
      closed.reject(error)
    },
  }
}

const open = (server: ReturnType<typeof scripted>) =>
  openWebSocketStream(server.Maker, 'ws://lb.test', ['alpn-ping'], new AbortController().signal)

/** Everything that the wire tells, until it ends. */
function hear(wire: { start(events: WireEvents): void }, taking: () => Promise<void> | void = () => {}) {
  const heard: number[] = []
  const over = new Promise<TunnelError | undefined>((resolve) => {
    wire.start({
      data(chunk) {
        heard.push(chunk.length)
        return taking()
      },
      end: resolve,
      fail: resolve,
    })
  })
  return { heard, over }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a wire over WebSocketStream', () => {
  it('hears what comes in order, and a clean end', async () => {
    const server = scripted()
    const wire = await open(server)
    expect(wire.subprotocol).toBe('alpn-ping')
    server.says(new ArrayBuffer(1))
    server.says(new Uint8Array(2))
    const { heard, over } = hear(wire)
    await turn()
    server.ends(1000)
    expect(await over).toBeUndefined()
    expect(heard).toEqual([1, 2])
    expect(server.closes).toEqual([{ closeCode: 1000 }])
  })

  it.each([
    [1006, true, 'ERR_WS_ABNORMAL'],
    [1001, true, 'ERR_WS_GOING_AWAY'],
    [1006, false, 'ERR_WS_UNANSWERED'],
  ] as const)('tells the end %s (answered: %s) as %s', async (closeCode, answered, code) => {
    const server = scripted()
    const wire = await open(server)
    const { over } = hear(wire)
    await wire.write([new Uint8Array(1)])
    if (answered) server.says(new ArrayBuffer(1))
    await turn()
    server.breaks(closeCode)
    expect((await over)?.code).toBe(code)
    expect(() => wire.write([new Uint8Array(1)])).toThrow(
      expect.objectContaining({ code: 'ERR_STREAM_RESET' }),
    )
  })

  it('refuses text', async () => {
    const server = scripted()
    const { over } = hear(await open(server))
    server.says('hello')
    expect((await over)?.code).toBe('ERR_WS_TEXT')
  })

  it('does not open: what the browser says is nothing, what an abort says is its reason', async () => {
    const fails = (signal: AbortSignal) =>
      openWebSocketStream(
        class {
          opened = Promise.reject(new DOMException('closed', 'WebSocketError'))
          closed = this.opened
        } as unknown as WebSocketStreamMaker,
        'ws://lb.test',
        ['alpn-ping'],
        signal,
      )
    await expect(fails(new AbortController().signal)).rejects.toMatchObject({ code: 'ERR_DIAL_FAILED' })
    const reason = new Error('enough')
    await expect(fails(AbortSignal.abort(reason))).rejects.toBe(reason)
  })

  it('makes writers wait behind a mebibyte that is not taken', async () => {
    const server = scripted()
    const wire = await open(server)
    server.gate.shut = true
    expect(wire.write([new Uint8Array(mebibyte)])).toBeUndefined()
    let written = false
    const writing = Promise.resolve(wire.write([new Uint8Array(1)])).then(() => {
      written = true
    })
    await turn()
    expect(written).toBe(false)
    server.gate.shut = false
    server.take()
    await writing
    await turn()
    expect(server.sent.map(({ length }) => length)).toEqual([...Array(16).fill(65_536), 1])
  })

  it('stops reading when its reader is far behind, and goes on when it has caught up', async () => {
    const server = scripted()
    const wire = await open(server)
    let taken: () => void = () => {}
    const { heard, over } = hear(wire, () => new Promise<void>((resolve) => (taken = resolve)))
    for (let i = 0; i < 40; i++) {
      server.says(new ArrayBuffer(mebibyte))
      await turn()
    }
    // One is with the reader, a little more than sixteen wait here, the rest stays in the stream.
    expect(server.queued()).toBe(40 - 1 - 17)
    server.ends(1000)
    while (heard.length < 40) {
      taken()
      await turn()
    }
    taken()
    expect(await over).toBeUndefined()
    expect(heard.length).toBe(40)
  })

  // Each takes a place: none may be free.
  it.each([0, 1])('stops reading messages of %d bytes as well', async (size) => {
    const server = scripted()
    const wire = await open(server)
    let catchUp: () => void = () => {}
    const behind = new Promise<void>((resolve) => (catchUp = resolve))
    const { heard, over } = hear(wire, () => behind)
    for (let batch = 0; batch < 40; batch++) {
      for (let i = 0; i < 1000; i++) server.says(new ArrayBuffer(size))
      await turn()
    }
    // One is with the reader, one more waits here than make sixteen mebibytes at 512 bytes each.
    expect(server.queued()).toBe(40_000 - 1 - (32_768 + 1))
    server.ends(1000)
    catchUp()
    expect(await over).toBeUndefined()
    expect(heard.length).toBe(40_000)
  })

  describe('whose engine refuses what is written', () => {
    const ways: ReadonlyArray<readonly [string, (wire: Wire) => Promise<void>]> = [
      [
        'the next write',
        async (wire) => {
          expect(wire.write([new Uint8Array(1)])).toBeUndefined()
          await turn()
          await wire.write([new Uint8Array(1)])
        },
      ],
      ['a writer that waits for room', async (wire) => wire.write([new Uint8Array(2 * mebibyte)])],
      [
        'the end',
        async (wire) => {
          expect(wire.write([new Uint8Array(1)])).toBeUndefined()
          await wire.end()
        },
      ],
    ]

    it.each(ways)('tells %s at once, though nobody reads', async (_, act) => {
      const server = scripted()
      const wire = await open(server)
      hear(wire, () => new Promise(() => {}))
      server.says(new ArrayBuffer(1))
      await turn()
      server.refuses()
      server.breaks(1006)
      await expect(act(wire)).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
      expect(server.sent).toEqual([])
    })

    // The failure would drop what is unread, which a clean end vouches for.
    it.each(ways)('tells %s behind all that is unread after a clean end', async (_, act) => {
      const server = scripted()
      const wire = await open(server)
      let taken: () => void = () => {}
      const { heard, over } = hear(wire, () => new Promise<void>((resolve) => (taken = resolve)))
      for (const size of [1, 2, 3]) server.says(new ArrayBuffer(size))
      server.refuses()
      server.ends(1000)
      let told: string | undefined
      const acting = act(wire).then(
        () => (told = 'taken'),
        ({ code }: TunnelError) => (told = code),
      )
      for (const read of [[1], [1, 2], [1, 2, 3]]) {
        await turn()
        await turn()
        expect([heard, told]).toEqual([read, undefined])
        taken()
      }
      expect(await over).toBeUndefined()
      await acting
      expect(told).toBe('ERR_STREAM_RESET')
    })
  })

  it('lets everything go when it is destroyed', async () => {
    const server = scripted()
    const wire = await open(server)
    hear(wire)
    server.gate.shut = true
    const waiting = [wire.write([new Uint8Array(2 * mebibyte)]), wire.write([new Uint8Array(1)])]
    wire.destroy()
    wire.destroy()
    await Promise.all(waiting)
    expect(server.closes).toEqual([{ closeCode: 1000 }])
  })
})
