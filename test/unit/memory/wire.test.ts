// The knobs of the memory wire, and the platform made of it.
import { describe, expect, it } from 'vitest'
import { failure } from '../../../src/errors.js'
import { memoryPair, memoryPlatform } from '../../../src/platform/memory/index.js'
import { bytes, hear, tick } from '../stream/toys.js'

describe('memoryPair', () => {
  it('carries bytes and ends both ways', async () => {
    const [a, b] = memoryPair({ facts: { name: 'pair' } })
    const [atA, atB] = [hear(a), hear(b)]
    a.write([bytes('one'), bytes('two')])
    a.end()
    await atB.end
    b.write([bytes('three')])
    b.end()
    await atA.end
    expect([atA.text(), atB.text()]).toEqual(['three', 'onetwo'])
    expect(a.facts).toEqual({ name: 'pair' })
  })

  it('keeps what arrives until somebody listens', async () => {
    const [a, b] = memoryPair()
    a.write([bytes('early')])
    a.end()
    await tick()
    const heard = hear(b)
    await heard.end
    expect(heard.text()).toBe('early')
  })

  it.each([
    ['a number', 2, [2, 2, 1]],
    ['a function', (left: number) => (left > 3 ? 3 : 1), [3, 1, 1]],
  ])('chops by %s', async (_name, chop, lengths) => {
    const [a, b] = memoryPair({ chop })
    const heard = hear(b)
    a.write([bytes('abcde')])
    a.end()
    await heard.end
    expect(heard.chunks.map(({ length }) => length)).toEqual(lengths)
    expect(heard.text()).toBe('abcde')
  })

  it('delays by latency and keeps the order', async () => {
    const [a, b] = memoryPair({ forth: { latency: 3 } })
    const heard = hear(b)
    a.write([bytes('1')])
    a.write([bytes('2')])
    a.end()
    await Promise.resolve()
    expect(heard.text()).toBe('')
    await heard.end
    expect(heard.text()).toBe('12')
  })

  it('holds writers when its capacity is reached', async () => {
    const [a, b] = memoryPair({ capacity: 4 })
    expect(a.write([bytes('abc')])).toBeUndefined()
    const full = a.write([bytes('d')])
    expect(full).toBeInstanceOf(Promise)
    hear(b)
    await full
  })

  it('waits for the reader between chunks', async () => {
    const [a, b] = memoryPair({ chop: 1 })
    const gates: Array<() => void> = []
    const heard = hear(b, () => new Promise((resolve) => gates.push(resolve)))
    a.write([bytes('ab')])
    await tick()
    expect(heard.text()).toBe('a')
    gates[0]!()
    await tick()
    expect(heard.text()).toBe('ab')
  })

  it('loses by FIN, by RST and in silence, after so many bytes', async () => {
    const lose = (how: 'fin' | 'rst' | 'silence') => {
      const [a, b] = memoryPair({ forth: { loss: { after: 3, how } } })
      const [atA, atB] = [hear(a), hear(b)]
      a.write([bytes('ab')])
      a.write([bytes('cdef')])
      a.end()
      return { atA, atB }
    }
    const fin = lose('fin')
    expect(await fin.atB.end).toBeUndefined()
    expect(fin.atB.text()).toBe('abc')
    const rst = lose('rst')
    await expect(rst.atB.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(rst.atA.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    expect(rst.atB.text()).toBe('abc')
    const silence = lose('silence')
    await tick(5)
    expect(silence.atB.text()).toBe('abc')
    expect(await Promise.race([silence.atB.end, Promise.resolve('open')])).toBe('open')
  })

  it('destroy resets the peer, unless we had ended; later writes there fail', async () => {
    const [a, b] = memoryPair()
    const heard = hear(b)
    a.destroy()
    await expect(heard.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect(b.write([bytes('x')])).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    const [c, d] = memoryPair({ latency: 2 })
    const clean = hear(d)
    c.write([bytes('all')])
    c.end()
    c.destroy()
    expect(await clean.end).toBeUndefined()
    expect(clean.text()).toBe('all')
    await expect(c.write([bytes('x')])).rejects.toMatchObject({ code: 'ERR_STREAM_CLOSED' })
  })
})

describe('memoryPlatform', () => {
  const crypto = {} as never
  const { signal } = new AbortController()

  it('dials to what serves, with the address', async () => {
    const platform = memoryPlatform({
      crypto,
      now: () => 7,
      path: { chop: 1 },
      serve: (wire, address) => {
        wire.write([bytes(`${address.host}:${address.port}`)])
        wire.end()
      },
    })
    expect(platform.now()).toBe(7)
    expect(platform.dialWebSocket).toBeUndefined()
    const heard = hear(await platform.dialTcp!({ host: 'h', port: 1 }, { signal }))
    await heard.end
    expect(heard.chunks.map((chunk) => chunk.length)).toEqual([1, 1, 1])
    expect(heard.text()).toBe('h:1')
  })

  it('dials WebSockets', async () => {
    const platform = memoryPlatform({
      crypto,
      now: Date.now,
      serveWebSocket: (wire, request) => {
        wire.write([bytes(`${request.url} ${request.headers.length}`)])
        return request.subprotocols[1]!
      },
    })
    expect(platform.dialTcp).toBeUndefined()
    const wire = await platform.dialWebSocket!('wss://h/', ['a', 'b'], { signal })
    const heard = hear(wire)
    await tick()
    expect([wire.subprotocol, heard.text()]).toEqual(['b', 'wss://h/ 0'])
  })

  it('refuses as the server says, and when the signal aborts', async () => {
    const platform = memoryPlatform({
      crypto,
      now: Date.now,
      serve() {
        throw failure('ERR_DIAL_REFUSED')
      },
    })
    const address = { host: 'h', port: 1 }
    await expect(platform.dialTcp!(address, { signal })).rejects.toMatchObject({ code: 'ERR_DIAL_REFUSED' })
    await expect(platform.dialTcp!(address, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
      phase: 'dial',
    })
  })
})
