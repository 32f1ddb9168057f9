// The driver in good weather: order, one write a turn, no promise where none is needed, backpressure, half-close.
import { describe, expect, it, vi } from 'vitest'
import { failure } from '../../../src/errors.js'
import type { Layer } from '../../../src/layer.js'
import type { Wire, WireEvents } from '../../../src/stream/index.js'
import { Connection, streamLimits } from '../../../src/stream/index.js'
import type { TimedTraceEvent } from '../../../src/trace.js'
import { bytes, clock, connected, framed, hear, mute, pattern, slow, text, tick, xor } from './toys.js'

/** A wire that notes writes and lets the test speak. */
function scripted(write: Wire['write'] = () => {}) {
  const writes: Uint8Array[][] = []
  const calls: string[] = []
  let events!: WireEvents
  const wire: Wire = {
    start: (listener) => {
      events = listener
    },
    write: (chunks) => {
      writes.push([...chunks])
      return write(chunks)
    },
    end: () => {
      calls.push('end')
    },
    destroy: () => {
      calls.push('destroy')
    },
  }
  return { wire, writes, calls, say: () => events }
}

describe('bytes through layers', () => {
  it('pass both ways in order through synchronous, framing and slow layers', async () => {
    const overlaps: string[] = []
    const { connection, far } = connected({ chop: 7 })
    const other = new Connection(far, { clock })
    const stack = (one: Connection) =>
      Promise.all([one.push(xor(0x55)), one.push(slow(overlaps)), one.push(framed())])
    await Promise.all([stack(connection), stack(other)])
    const near = hear(connection.wire())
    const distant = hear(other.wire())
    const forth = pattern(3000, 1)
    const back = pattern(2000, 2)
    await Promise.all([
      (async () => {
        for (let at = 0; at < forth.length; at += 500)
          await connection.wire().write([forth.subarray(at, at + 500)])
        await connection.wire().end()
      })(),
      (async () => {
        await other.wire().write([back.subarray(0, 5), back.subarray(5)])
        await other.wire().end()
      })(),
    ])
    expect(await near.end).toBeUndefined()
    expect(await distant.end).toBeUndefined()
    expect(distant.all()).toEqual(forth)
    expect(near.all()).toEqual(back)
    expect(overlaps).toEqual([])
    await Promise.all([connection.closed, other.closed])
  })

  it('pass byte by byte, with empty chunks between', async () => {
    const { connection, far } = connected({ chop: 1, capacity: 1 })
    const other = new Connection(far, { clock })
    for (const one of [connection, other]) {
      await one.push(slow([], () => Promise.resolve()))
      await one.push(framed())
    }
    const distant = hear(other.wire())
    hear(connection.wire())
    const content = pattern(3000)
    for (const chunk of [content.subarray(0, 1), new Uint8Array(0), content.subarray(1)])
      await connection.wire().write([chunk])
    await Promise.all([connection.wire().end(), other.wire().end(), connection.closed, other.closed])
    expect(distant.all()).toEqual(content)
    expect(distant.chunks.every(({ length }) => length > 0)).toBe(true)
  })

  it('resolve push with the info of the layer, in the order of pushes', async () => {
    const { connection } = connected()
    const both = Promise.all([connection.push(xor(1)), connection.push(xor(2))])
    expect(await both).toEqual([{ key: 1 }, { key: 2 }])
    connection.destroy()
  })

  it('make one write of all that a turn put down, without a promise', async () => {
    const { wire, writes } = scripted()
    const connection = new Connection(wire, { clock })
    await connection.push(xor(0))
    await connection.push(framed())
    const pending = connection.wire().write([bytes('ab'), new Uint8Array(0), bytes('cde')])
    expect(pending).toBeUndefined()
    expect(writes).toEqual([[new Uint8Array([2]), bytes('ab'), new Uint8Array([3]), bytes('cde')]])
  })

  it('reach the application in the tick in which they came', async () => {
    const { wire, say } = scripted()
    const connection = new Connection(wire, { clock })
    await connection.push(xor(1))
    const heard = hear(connection.wire())
    expect(say().data(new Uint8Array([0x60, 0x63]))).toBeUndefined()
    expect(heard.text()).toBe('ab')
  })

  it('wait above an open layer until the next one, or the application, is there', async () => {
    const { connection, far } = connected()
    await far.write([bytes('\x04head\x04body')])
    await connection.push(framed())
    await tick()
    const second: Layer<{ first: string }> = {
      ...(mute() as Layer<never>),
      name: 'second',
      receive(chunk, sink) {
        if (text(chunk) === 'head') sink.open({ first: text(chunk) })
        else sink.up(chunk)
      },
    }
    expect(await connection.push(second)).toEqual({ first: 'head' })
    await tick()
    const heard = hear(connection.wire())
    expect(heard.text()).toBe('body')
    connection.destroy()
  })

  it('put down later, from a promise of the layer, leave together', async () => {
    const { wire, writes, say } = scripted()
    const connection = new Connection(wire, { clock })
    const late: Layer<object> = {
      ...xor(0),
      async receive(_chunk, sink) {
        await tick()
        sink.down(bytes('a'))
        sink.down(bytes('b'))
        await tick()
        sink.down(bytes('c'))
      },
    }
    await connection.push(late)
    say().data(bytes('go'))
    await vi.waitFor(() => expect(writes.length).toBe(2))
    expect(writes.map((chunks) => chunks.map(text))).toEqual([['a', 'b'], ['c']])
  })

  it('take an answer to what just came without a promise, and send it in the same turn', async () => {
    const { wire, writes, say } = scripted()
    const connection = new Connection(wire, { clock })
    await connection.push(xor(0x55))
    const top = connection.wire()
    const answers: unknown[] = []
    top.start({
      data: (chunk) => {
        answers.push(top.write([chunk]), top.write([bytes('!')]))
      },
      end() {},
      fail() {},
    })
    say().data(bytes('ping'))
    expect(answers).toEqual([undefined, undefined])
    expect(writes.map((chunks) => chunks.map((chunk) => chunk.length))).toEqual([[4, 1]])
  })

  it('work without any layer', async () => {
    const { connection, far } = connected()
    const distant = hear(far)
    const heard = hear(connection.wire())
    await connection.wire().write([bytes('hello')])
    await far.write([bytes('world')])
    await connection.wire().end()
    await far.end()
    await Promise.all([heard.end, distant.end])
    expect([heard.text(), distant.text()]).toEqual(['world', 'hello'])
    await connection.closed
  })
})

describe('backpressure', () => {
  it('upward: no more is taken from the wire than the bound while the application does not consume', async () => {
    const { connection, far } = connected({ capacity: 16 * 1024 })
    await connection.push(framed())
    let consumed = 0
    let release: () => void = () => {}
    connection.wire().start({
      data: (chunk) => {
        consumed += chunk.length
        return new Promise((resolve) => {
          release = resolve
        })
      },
      end() {},
      fail() {},
    })
    let written = 0
    const message = new Uint8Array(201).fill(7)
    message[0] = 200
    const writing = (async () => {
      for (let i = 0; i < 10_000; i++) {
        await far.write([message])
        written += 200
      }
    })()
    await tick(20)
    const held = written - consumed
    expect(consumed).toBe(200)
    expect(held).toBeLessThan(streamLimits.held)
    expect(written).toBeLessThan(2_000_000)
    for (let i = 0; i < 100; i++) {
      release()
      await Promise.resolve()
    }
    expect(consumed).toBeGreaterThan(200)
    expect(written - consumed).toBeLessThan(streamLimits.held)
    connection.destroy()
    await writing.catch((error) => expect(error.code).toBe('ERR_STREAM_RESET'))
  })

  it('upward: a chunk larger than the bound passes piece by piece', async () => {
    const { connection, far } = connected({ capacity: 1e9 })
    await connection.push(xor(0))
    let greatest = 0
    const heard = hear(connection.wire(), (chunk) => {
      greatest = Math.max(greatest, chunk.length)
      return Promise.resolve()
    })
    const large = pattern(3 * streamLimits.held)
    far.write([large])
    far.end()
    expect(await heard.end).toBeUndefined()
    expect(Buffer.compare(heard.all(), large)).toBe(0)
    expect(greatest).toBeLessThanOrEqual(64 * 1024)
    connection.destroy()
  })

  it('upward: a layer that makes too much out of little ends in ERR_STREAM_LIMIT', async () => {
    const { connection, far } = connected()
    const bomb: Layer<object> = { ...xor(0), receive: (_chunk, sink) => sink.up(new Uint8Array(2 ** 21)) }
    await connection.push(bomb)
    await far.write([bytes('x')])
    await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_STREAM_LIMIT' })
  })

  it('upward: answers that the peer does not read stop our reading', async () => {
    const { wire, say } = scripted(() => new Promise(() => {}))
    const connection = new Connection(wire, { clock })
    const echo: Layer<object> = { ...xor(0), receive: (chunk, sink) => sink.down(chunk) }
    await connection.push(echo)
    let taken = 0
    while (taken < 1e8 && say().data(new Uint8Array(1000)) === undefined) taken += 1000
    expect(taken).toBeLessThanOrEqual(4 * streamLimits.unsent)
    connection.destroy()
  })

  it('downward: write resolves when the wire has drained, and little is passed before', async () => {
    let drain: () => void = () => {}
    const { wire, writes } = scripted(
      () =>
        new Promise((resolve) => {
          drain = resolve
        }),
    )
    const connection = new Connection(wire, { clock })
    await connection.push(xor(0))
    let resolved = false
    const pending = connection.wire().write([new Uint8Array(1024 * 1024)])
    expect(pending).toBeInstanceOf(Promise)
    pending?.then(() => {
      resolved = true
    })
    const passed = () => writes.flat().reduce((sum, chunk) => sum + chunk.length, 0)
    expect(passed()).toBeLessThanOrEqual(streamLimits.unsent + 64 * 1024)
    for (let i = 0; i < 100 && !resolved; i++) {
      drain()
      await tick()
    }
    expect(resolved).toBe(true)
    expect(passed()).toBe(1024 * 1024)
    connection.destroy()
  })

  it('downward: a write waits for an asynchronous layer, and writes keep their order', async () => {
    const { connection, far } = connected()
    const distant = hear(far)
    await connection.push(slow())
    const done: number[] = []
    const wire = connection.wire()
    await Promise.all([
      Promise.resolve(wire.write([bytes('1')])).then(() => done.push(1)),
      Promise.resolve(wire.write([bytes('2')])).then(() => done.push(2)),
      Promise.resolve(wire.end()).then(() => done.push(3)),
    ])
    expect(done).toEqual([1, 2, 3])
    await distant.end
    expect(distant.text()).toBe('12')
    connection.destroy()
  })
})

describe('half-close', () => {
  it('ours first: reading goes on until the peer ends', async () => {
    const { connection, far } = connected()
    await connection.push(framed())
    const distant = hear(far)
    const heard = hear(connection.wire())
    await connection.wire().write([bytes('ask')])
    await connection.wire().end()
    await distant.end
    expect(distant.text()).toBe('\x03ask\x00')
    await far.write([bytes('\x06answer')])
    await tick()
    expect(heard.text()).toBe('answer')
    await far.write([new Uint8Array([0])])
    await far.end()
    expect(await heard.end).toBeUndefined()
    await connection.closed
  })

  it('theirs first: writing goes on until we end', async () => {
    const { connection, far } = connected()
    await connection.push(framed())
    const distant = hear(far)
    const heard = hear(connection.wire())
    await far.write([bytes('\x03bye\x00')])
    await far.end()
    expect(await heard.end).toBeUndefined()
    await connection.wire().write([bytes('late')])
    await connection.wire().end()
    await distant.end
    expect(distant.text()).toBe('\x04late\x00')
    await connection.closed
  })

  it('an end with a cause reaches the application and `closed`', async () => {
    const { wire, say } = scripted()
    const connection = new Connection(wire, { clock })
    await connection.push(xor(0))
    const heard = hear(connection.wire())
    const cause = failure('ERR_WS_GOING_AWAY')
    say().end(cause)
    expect(await heard.end).toBe(cause)
    connection.wire().end()
    await expect(connection.closed).rejects.toBe(cause)
  })

  it('a layer that finishes by itself ends writing: pending and later writes hear it, and so does `closed`', async () => {
    const { wire, say } = scripted(() => new Promise(() => {}))
    const connection = new Connection(wire, { clock, limits: { linger: 5 } })
    const closing: Layer<object> = {
      ...xor(0),
      receive(_chunk, sink) {
        sink.eof()
        sink.finish()
      },
    }
    await connection.push(closing)
    await connection.push(xor(0))
    const heard = hear(connection.wire())
    const pending = Promise.resolve(connection.wire().write([new Uint8Array(2 ** 20)]))
    say().data(bytes('close'))
    await expect(pending).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(connection.wire().write([bytes('x')])).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    expect(await heard.end).toBeUndefined()
    await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('a layer that finishes by itself with nothing of ours on its way: `closed` is clean', async () => {
    const { wire, say } = scripted()
    const connection = new Connection(wire, { clock, limits: { linger: 5 } })
    await connection.push({
      ...xor(0),
      receive(_chunk, sink) {
        sink.eof()
        sink.finish()
      },
    })
    const heard = hear(connection.wire())
    await connection.wire().write([bytes('taken')])
    say().data(bytes('close'))
    expect(await heard.end).toBeUndefined()
    await connection.closed
  })

  it('a peer that never answers our close is left after the linger', async () => {
    const { wire, calls, say } = scripted()
    const connection = new Connection(wire, { clock, limits: { linger: 5 } })
    const waiting: Layer<object> = { ...xor(0), end: (sink) => sink.down(bytes('close?')) }
    await connection.push(waiting)
    await connection.push(framed())
    const heard = hear(connection.wire())
    say().data(new Uint8Array([0]))
    expect(await heard.end).toBeUndefined()
    connection.wire().end()
    await connection.closed
    expect(calls).toEqual(['destroy'])
  })

  it('destroy by the application after both ends does not cut what is still on its way', async () => {
    const { connection, far } = connected({ back: { latency: 5 } })
    await connection.push(framed())
    const distant = hear(far)
    await far.write([new Uint8Array([0])])
    const heard = hear(connection.wire())
    await heard.end
    connection.wire().write([pattern(100)])
    connection.wire().end()
    connection.wire().destroy()
    await distant.end
    expect(distant.all().length).toBe(102)
    await connection.closed
  })
})

describe('keep-alive of the stack', () => {
  it('goes to the topmost open layer that has one', async () => {
    const pings: string[] = []
    const { wire, writes } = scripted()
    const connection = new Connection(wire, { clock })
    expect([connection.ping(), connection.hasPing]).toEqual([false, false])
    await connection.push(framed({ pings }))
    expect(connection.hasPing).toBe(true)
    await connection.push(xor(0))
    expect(connection.ping()).toBe(true)
    expect(pings).toEqual(['ping'])
    expect(writes).toEqual([[new Uint8Array([0xfe])]])
  })

  it('does not pile up before a peer that does not read', async () => {
    const pings: string[] = []
    const { wire } = scripted(() => new Promise(() => {}))
    const connection = new Connection(wire, { clock })
    await connection.push(framed({ pings }))
    connection.wire().write([new Uint8Array(2 ** 20)])
    for (let i = 0; i < 1000; i++) connection.ping()
    expect(pings.length).toBe(0)
    connection.destroy()
  })
})

describe('quiet', () => {
  it('is the time since the peer was heard, and 0 while we do not listen', async () => {
    let now = 100
    const { wire, say } = scripted()
    const connection = new Connection(wire, { clock: () => now })
    await connection.push(xor(0))
    now = 150
    expect(connection.quiet).toBe(50)
    say().data(bytes('x'))
    now = 160
    expect(connection.quiet).toBe(10)
    const paused = say().data(new Uint8Array(streamLimits.held / 2))
    now = 500
    expect(connection.quiet).toBe(0)
    hear(connection.wire())
    await paused
    now = 507
    expect(connection.quiet).toBe(7)
    connection.destroy()
  })
})

describe('traces', () => {
  it('carry time, floor and state', async () => {
    const events: TimedTraceEvent[] = []
    let now = 0
    const { wire, say } = scripted()
    const connection = new Connection(wire, { clock: () => now++, trace: (event) => events.push(event) })
    await connection.push(xor(0))
    await connection.push(framed())
    hear(connection.wire())
    connection.wire().end()
    say().data(new Uint8Array([0]))
    await connection.closed
    expect(events.map(({ layer, event }) => `${layer} ${event.type === 'state' ? event.state : ''}`)).toEqual(
      [
        '0:xor start',
        '0:xor open',
        '1:framed start',
        '1:framed open',
        '1:framed half-closed',
        '0:xor half-closed',
        '1:framed closed',
      ],
    )
    expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).toSorted((a, b) => a - b))
  })

  it('of a watcher that throws disturb nothing', async () => {
    const { connection } = connected(
      {},
      {
        trace: () => {
          throw new Error('mine')
        },
      },
    )
    expect(await connection.push(xor(3))).toEqual({ key: 3 })
    connection.destroy()
  })
})

describe('a layer that takes more while it works', () => {
  it('gets what waits for it, in order, and nothing twice', async () => {
    const { wire, say } = scripted()
    const connection = new Connection(wire, { clock })
    const calls: string[] = []
    let more: (() => Uint8Array | undefined) | undefined
    const layer: Layer<object> = {
      ...xor(0),
      async receive(chunk, sink) {
        more = () => sink.more!()
        calls.push('receive')
        // Its call has returned no promise yet.
        expect(sink.more!()).toBeUndefined()
        await tick()
        for (let next: Uint8Array | undefined = chunk; next !== undefined; next = sink.more!()) sink.up(next)
      },
    }
    await connection.push(layer)
    const heard = hear(connection.wire())
    const busy = ['a', 'b', 'c'].map((letter) => say().data(bytes(letter)))
    void say().end()
    expect(await heard.end).toBeUndefined()
    expect(text(heard.all())).toBe('abc')
    expect(calls).toEqual(['receive'])
    expect(more!()).toBeUndefined()
    await Promise.all(busy)
    connection.destroy()
  })

  it('makes room on the wire by taking', async () => {
    const { wire, say } = scripted()
    const connection = new Connection(wire, { clock, limits: { held: 4096 } })
    let take!: () => Uint8Array | undefined
    let done!: () => void
    const layer: Layer<object> = {
      ...xor(0),
      receive(_chunk, sink) {
        take = () => sink.more!()
        return new Promise((resolve) => {
          done = resolve
        })
      },
    }
    await connection.push(layer)
    hear(connection.wire())
    expect(say().data(new Uint8Array(600))).toBeUndefined()
    const full = say().data(new Uint8Array(600))
    expect(full).toBeInstanceOf(Promise)
    expect(take()).toHaveLength(600)
    await full
    expect(take()).toBeUndefined()
    done()
    await tick()
    expect(say().data(new Uint8Array(600))).toBeUndefined()
    connection.destroy()
  })
})

describe('misuse', () => {
  it('writes after the end, a second start, and a push under the application are refused by ERR_STREAM_CLOSED', async () => {
    const { connection, far } = connected()
    hear(far)
    await connection.push(xor(0))
    const wire = connection.wire()
    expect(connection.wire()).toBe(wire)
    hear(wire)
    expect(() => hear(wire)).toThrow(expect.objectContaining({ code: 'ERR_STREAM_CLOSED' }))
    await expect(connection.push(mute())).rejects.toMatchObject({ code: 'ERR_STREAM_CLOSED' })
    await wire.end()
    await wire.end()
    await expect(wire.write([bytes('x')])).rejects.toMatchObject({ code: 'ERR_STREAM_CLOSED' })
    connection.destroy()
  })

  it('writes after a clean close are refused by ERR_STREAM_CLOSED', async () => {
    const { connection, far } = connected()
    hear(far)
    hear(connection.wire())
    await connection.wire().end()
    await far.end()
    await connection.closed
    await expect(connection.wire().write([bytes('x')])).rejects.toMatchObject({ code: 'ERR_STREAM_CLOSED' })
    await expect(connection.push(mute())).rejects.toMatchObject({ code: 'ERR_STREAM_CLOSED' })
  })
})
