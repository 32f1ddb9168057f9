// The driver in bad weather: a layer that throws has its last word, a wire that breaks drops everything, an abort leaves
// nothing behind, and nobody hears of it by way of an unhandled rejection.
import { describe, expect, it } from 'vitest'
import { failure } from '../../../src/errors.js'
import type { Layer } from '../../../src/layer.js'
import { Connection } from '../../../src/stream/index.js'
import { bytes, clock, connected, failing, framed, hear, type Moment, mute, slow, tick, xor } from './toys.js'

const bad = expect.objectContaining({ code: 'ERR_TLS_BAD_RECORD_MAC', alert: 'bad_record_mac' })

describe.each(['sync', 'async'] as const)('a layer that throws (%s)', (how) => {
  it.each<Moment>(['receive', 'send', 'end', 'eof'])(
    'in %s: the alert goes out, then everybody hears it',
    async (moment) => {
      const { connection, far } = connected({}, { limits: { linger: 50 } })
      const distant = hear(far)
      await connection.push(xor(0))
      await connection.push(failing(moment, how))
      const heard = hear(connection.wire())
      const wire = connection.wire()
      if (moment === 'receive') far.write([bytes('x')])
      if (moment === 'eof') far.end()
      const doomed = moment === 'send' ? wire.write([bytes('x')]) : moment === 'end' ? wire.end() : undefined
      if (doomed !== undefined) await expect(doomed).rejects.toEqual(bad)
      await expect(heard.end).rejects.toEqual(bad)
      expect(await distant.end).toBeUndefined()
      expect(distant.text()).toBe('ALERT')
      await expect(wire.write([bytes('later')])).rejects.toEqual(bad)
      await expect(connection.push(xor(0))).rejects.toEqual(bad)
      await expect(connection.closed).rejects.toEqual(bad)
    },
  )

  it('in start: push rejects behind the alert', async () => {
    const { connection, far } = connected({}, { limits: { linger: 50 } })
    const distant = hear(far)
    await connection.push(xor(0))
    await expect(connection.push(failing('start', how))).rejects.toEqual(bad)
    await distant.end
    expect(distant.text()).toBe('ALERT')
    far.end()
    await expect(connection.closed).rejects.toEqual(bad)
  })
})

describe('failing', () => {
  it('reaches the application behind the bytes that came before it', async () => {
    const { connection, far } = connected()
    hear(far)
    await connection.push(framed())
    const order: string[] = []
    const gates: Array<() => void> = []
    connection.wire().start({
      data: (chunk) => {
        order.push(new TextDecoder().decode(chunk))
        return new Promise((resolve) => gates.push(resolve))
      },
      end: () => void order.push('end'),
      fail: (error) => void order.push(error.code),
    })
    far.write([bytes('\x03one\x03two')])
    far.end()
    await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_TLS_TRUNCATED' })
    expect(order).toEqual(['one'])
    gates[0]!()
    await tick()
    gates[1]!()
    await tick()
    expect(order).toEqual(['one', 'two', 'ERR_TLS_TRUNCATED'])
  })

  it('waits for slow layers below to carry the alert', async () => {
    const { connection, far } = connected()
    const distant = hear(far)
    await connection.push(slow())
    await expect(connection.push(failing('start', 'sync'))).rejects.toEqual(bad)
    expect(distant.text()).toBe('ALERT')
    connection.destroy()
    await expect(connection.closed).rejects.toEqual(bad)
  })

  it('gives a peer that does not read no longer than the linger', async () => {
    const { connection, near } = connected({ capacity: 1 }, { limits: { linger: 10 } })
    near.write([bytes('full')])
    await expect(connection.push(failing('start', 'sync'))).rejects.toEqual(bad)
    await expect(connection.closed).rejects.toEqual(bad)
  })

  it('of an unknown kind becomes ERR_INTERNAL', async () => {
    const { connection } = connected({}, { limits: { linger: 1 } })
    const broken: Layer<object> = {
      ...xor(0),
      start() {
        throw new Error('a bug')
      },
    }
    await expect(connection.push(broken)).rejects.toMatchObject({ code: 'ERR_INTERNAL' })
    await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_INTERNAL' })
  })

  it('of the application destroys the connection', async () => {
    const { connection, far } = connected()
    await connection.push(xor(0))
    connection.wire().start({
      data() {
        throw new Error('mine')
      },
      end() {},
      fail() {},
    })
    far.write([bytes('x')])
    await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_INTERNAL' })
  })

  it('twice: the first error counts', async () => {
    const { connection, far } = connected({}, { limits: { linger: 10 } })
    hear(far)
    await connection.push(failing('end', 'sync'))
    await expect(connection.push(failing('start', 'sync', 'first'))).rejects.toEqual(bad)
    await expect(connection.closed).rejects.toEqual(bad)
  })

  it('of a layer that ends before it opened rejects its push', async () => {
    const { connection, far } = connected({}, { limits: { linger: 10 } })
    const refused: Layer<object> = { ...xor(0), start() {}, eof: (cause, sink) => sink.eof(cause) }
    far.end()
    await expect(connection.push(refused)).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })
})

describe('a wire that fails', () => {
  it('before a layer opened: push rejects', async () => {
    const { connection, far } = connected()
    const pushing = connection.push(mute())
    far.destroy()
    await expect(pushing).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('later: the application, pending writes and `closed` hear it', async () => {
    const { connection, far } = connected({ capacity: 10 })
    await connection.push(xor(0))
    const heard = hear(connection.wire())
    const pending = connection.wire().write([new Uint8Array(2 ** 20)])
    await tick()
    far.destroy()
    const reset = { code: 'ERR_STREAM_RESET' }
    await expect(pending).rejects.toMatchObject(reset)
    await expect(heard.end).rejects.toMatchObject(reset)
    await expect(connection.wire().write([bytes('x')])).rejects.toMatchObject(reset)
    await expect(connection.closed).rejects.toMatchObject(reset)
  })

  it('behind an alert that is still being read: the alert says more', async () => {
    const { connection, far } = connected()
    const pushing = connection.push({ ...failing('receive', 'async'), start() {} })
    far.write([bytes('fatal')])
    far.destroy()
    await expect(pushing).rejects.toEqual(bad)
  })

  it('when a write throws', async () => {
    const connection = new Connection(
      {
        start() {},
        write() {
          throw new Error('EPIPE')
        },
        end() {},
        destroy() {},
      },
      { clock },
    )
    await connection.push(xor(0))
    await expect(connection.wire().write([bytes('x')])).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it.each([
    ['nothing but our goodbye', false],
    ['bytes of the application', true],
  ])('behind a clean end of the peer, with %s unheard', async (_what, writes) => {
    let fin: () => void = () => {}
    let gone = false
    const connection = new Connection(
      {
        start: (events) => {
          fin = () => void events.data(new Uint8Array([0]))
        },
        write() {
          if (gone) throw failure('ERR_STREAM_RESET')
        },
        end() {},
        destroy() {},
      },
      { clock },
    )
    await connection.push(framed())
    const heard = hear(connection.wire())
    fin()
    await heard.end
    if (writes) connection.wire().write([bytes('x')])
    gone = true
    const ending = Promise.resolve(connection.wire().end())
    if (writes) {
      await expect(ending).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
      await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    } else {
      await ending
      await connection.closed
    }
  })

  it('ended by the peer while we write: the write fails, not the process', async () => {
    const { connection, far } = connected({ capacity: 100 })
    await connection.push(xor(0))
    const heard = hear(connection.wire())
    const writing = connection.wire().write([new Uint8Array(2 ** 18)])
    await far.end()
    expect(await heard.end).toBeUndefined()
    far.destroy()
    await expect(writing).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })
})

/** An AbortSignal that knows who listens. */
function counted() {
  const controller = new AbortController()
  const { signal } = controller
  const listeners = new Set<unknown>()
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = ((type: 'abort', listener: () => void) => {
    listeners.add(listener)
    addEventListener.call(signal, type, listener)
  }) as never
  signal.removeEventListener = ((type: 'abort', listener: () => void) => {
    listeners.delete(listener)
    removeEventListener.call(signal, type, listener)
  }) as never
  return { controller, signal, listeners }
}

describe('abort', () => {
  it('before: nothing is started, the wire is freed', async () => {
    const { connection, far } = connected()
    const distant = hear(far)
    const { controller, signal, listeners } = counted()
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(connection.push(mute(), signal)).rejects.toMatchObject({
      code: 'ERR_ABORTED',
      cause: reason,
    })
    await expect(distant.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    expect(listeners.size).toBe(0)
  })

  it('during: push and `closed` reject, the wire is freed, nobody listens any more', async () => {
    const { connection, far } = connected()
    const distant = hear(far)
    const { controller, signal, listeners } = counted()
    await connection.push(xor(0), signal)
    expect(listeners.size).toBe(0)
    const pushing = connection.push(mute(), signal)
    expect(listeners.size).toBe(1)
    controller.abort()
    expect(listeners.size).toBe(0)
    await expect(pushing).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect(distant.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('with one of our errors as reason rejects with that', async () => {
    const { connection } = connected()
    const controller = new AbortController()
    const pushing = connection.push(mute(), controller.signal)
    const reason = failure('ERR_TIMEOUT', undefined, { phase: 'handshake' })
    controller.abort(reason)
    await expect(pushing).rejects.toBe(reason)
  })

  it('after: the connection lives', async () => {
    const { connection, far } = connected()
    const distant = hear(far)
    const { controller, signal } = counted()
    await connection.push(xor(0), signal)
    controller.abort()
    await connection.wire().write([bytes('alive')])
    await tick()
    expect(distant.text()).toBe('alive')
    connection.destroy()
  })

  it('a failed push leaves no listener', async () => {
    const { connection, far } = connected({}, { limits: { linger: 10 } })
    hear(far)
    const { signal, listeners } = counted()
    await expect(connection.push(failing('start', 'async'), signal)).rejects.toEqual(bad)
    expect(listeners.size).toBe(0)
  })
})

describe('destroy', () => {
  it('is immediate and idempotent; the first reason counts', async () => {
    const { connection } = connected()
    await connection.push(xor(0))
    const heard = hear(connection.wire())
    const reason = failure('ERR_PING_TIMEOUT')
    connection.destroy(reason)
    connection.destroy(failure('ERR_ABORTED'))
    connection.wire().destroy()
    await expect(heard.end).rejects.toBe(reason)
    await expect(connection.closed).rejects.toBe(reason)
  })

  it('before the application looked: it hears of it when it does', async () => {
    const { connection, far } = connected()
    await connection.push(xor(0))
    await far.write([bytes('lost')])
    connection.destroy()
    await expect(hear(connection.wire()).end).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })

  it('by the application tells everyone but the application', async () => {
    const { connection, far } = connected()
    const distant = hear(far)
    await connection.push(xor(0))
    let told = false
    connection.wire().start({
      data() {},
      end() {},
      fail: () => {
        told = true
      },
    })
    connection.wire().destroy()
    await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect(distant.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    expect(told).toBe(false)
  })
})
